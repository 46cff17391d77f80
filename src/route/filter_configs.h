#pragma once

#include <memory>

#include "base/strings.h"
#include "config/field_path.h"
#include "route/route_table.h"

namespace moe::route {

// typed_per_filter_config of one level.
struct FilterConfigs {
  struct Entry {
    std::shared_ptr<const http::RouteFilterConfig> config; // may be null: only disabled
    bool disabled = false;
  };
  base::StringMap<Entry> byName;

  const Entry* find(std::string_view name) const {
    const auto found = byName.find(name);
    return found == byName.end() ? nullptr : &found->second;
  }
};

absl::StatusOr<FilterConfigs>
compileFilterConfigs(const google::protobuf::Map<std::string, google::protobuf::Any>& configs,
                     const RouteTableContext& context, const config::FieldPath& path);

} // namespace moe::route
