#pragma once

#include <google/protobuf/struct.pb.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/field_path.h"
#include "config/runtime.h"

namespace moe::server {

// What one layer of the runtime says of a key.
struct RuntimeEntry {
  config::FieldPath path; // where it stands
  std::string text;
  std::optional<uint64_t> number;     // a whole number from 0
  std::optional<config::Ratio> ratio; // a FractionalPercent, or a number of percents
};
using RuntimeEntries = std::map<std::string, RuntimeEntry>;

// Of a text, as POST /runtime_modify has it.
RuntimeEntry runtimeEntry(std::string text, config::FieldPath path);
// Of a layer: objects within objects are keys with dots, and those with a numerator or denominator
// are values.
RuntimeEntries runtimeEntries(const google::protobuf::Struct& layer, const config::FieldPath& path);

} // namespace moe::server
