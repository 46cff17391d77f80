#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"

namespace moe::server {

// Values of the static layers of a bootstrap's layered_runtime. A later layer wins; objects are
// keys with dots (Envoy's RuntimeLayer.static_layer). Other kinds of layers change at run time and
// have no values here. Main thread.
class RuntimeLayers {
public:
  explicit RuntimeLayers(const envoy::config::bootstrap::v3::LayeredRuntime& proto);

  // A whole number from 0, as a number or a text; `absent` if nothing sets it. Errors name the key.
  absl::StatusOr<uint64_t> number(const std::string& key, uint64_t absent);
  // Keys that were set and that nobody has asked for.
  std::vector<std::string> unused() const;

private:
  struct Value {
    config::FieldPath path;
    std::string text;
  };
  void add(const google::protobuf::Struct& values, const std::string& prefix,
           const config::FieldPath& path);

  std::map<std::string, Value> values_;
  std::set<std::string> asked_;
};

} // namespace moe::server
