#include "server/runtime_layers.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "base/strings.h"

namespace moe::server {
namespace {

std::string textOf(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
  case google::protobuf::Value::kBoolValue:
    return value.bool_value() ? "true" : "false";
  case google::protobuf::Value::kNumberValue: {
    const double number = value.number_value();
    const bool whole = number == std::floor(number) && std::abs(number) < 9e15;
    return whole ? base::cat(static_cast<int64_t>(number)) : base::cat(number);
  }
  default:
    return std::string(value.string_value());
  }
}

} // namespace

RuntimeLayers::RuntimeLayers(const envoy::config::bootstrap::v3::LayeredRuntime& proto) {
  const config::FieldPath layers = config::FieldPath("layered_runtime").field("layers");
  for (int i = 0; i < proto.layers_size(); ++i) {
    add(proto.layers(i).static_layer(), "",
        layers.index(static_cast<size_t>(i)).field("static_layer"));
  }
}

void RuntimeLayers::add(const google::protobuf::Struct& values, const std::string& prefix,
                        const config::FieldPath& path) {
  for (const auto& [name, value] : values.fields()) {
    const std::string key = prefix + std::string(name);
    if (value.has_struct_value()) {
      add(value.struct_value(), key + ".", path.field(name));
    } else {
      values_.insert_or_assign(key, Value{path.field(name), textOf(value)});
    }
  }
}

absl::StatusOr<uint64_t> RuntimeLayers::number(const std::string& key, uint64_t absent) {
  asked_.insert(key);
  const auto found = values_.find(key);
  if (found == values_.end()) {
    return absent;
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(found->second.text, &number)) {
    return config::fieldError(found->second.path, config::inQuotes(found->second.text),
                              "a whole number from 0");
  }
  return number;
}

std::vector<std::string> RuntimeLayers::unused() const {
  std::vector<std::string> out;
  for (const auto& [key, value] : values_) {
    if (!asked_.contains(key)) {
      out.push_back(base::cat(value.path.str()));
    }
  }
  return out;
}

} // namespace moe::server
