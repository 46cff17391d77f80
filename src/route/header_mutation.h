#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"
#include "http/formatter.h"

namespace moe::route {

// headers_to_add and headers_to_remove of one level. Immutable; any thread.
class HeaderMutation {
public:
  using Options = google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>;
  using Names = google::protobuf::RepeatedPtrField<std::string>;
  static absl::StatusOr<HeaderMutation> compile(const Options& add, const Names& remove,
                                                const config::FieldPath& addPath,
                                                const config::FieldPath& removePath);
  bool empty() const { return add_.empty() && remove_.empty(); }
  // Removes first, then adds, as Envoy does.
  void apply(http::HeaderMap& headers, const http::FormatContext& context) const;

private:
  struct Add {
    std::string name;
    http::FormatterPtr format; // null: `literal`
    std::string literal;
    envoy::config::core::v3::HeaderValueOption::HeaderAppendAction action{};
    bool keepEmpty = false;
  };
  std::vector<Add> add_;
  std::vector<std::string> remove_;
};

} // namespace moe::route
