#include "upstream/metadata_match.h"

#include <algorithm>

#include "base/strings.h"

namespace moe::upstream {

std::string canonicalValue(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
  case google::protobuf::Value::kStringValue:
    return "s" + value.string_value();
  case google::protobuf::Value::kNumberValue:
    return base::cat("n", value.number_value());
  case google::protobuf::Value::kBoolValue:
    return value.bool_value() ? "t" : "f";
  case google::protobuf::Value::kListValue: {
    std::string out = "[";
    for (const auto& item : value.list_value().values()) {
      const std::string inner = canonicalValue(item);
      out += base::cat(inner.size(), ":", inner); // lengths keep lists apart
    }
    return out;
  }
  case google::protobuf::Value::kStructValue: {
    std::vector<std::string> parts;
    for (const auto& [key, item] : value.struct_value().fields()) {
      const std::string inner = canonicalValue(item);
      parts.push_back(base::cat(key.size(), ":", key, inner.size(), ":", inner));
    }
    std::sort(parts.begin(), parts.end());
    std::string out = "{";
    for (const std::string& part : parts) {
      out += part;
    }
    return out;
  }
  default:
    return "0";
  }
}

MetadataMatch::MetadataMatch(const google::protobuf::Struct& fields) {
  for (const auto& [key, value] : fields.fields()) {
    criteria_.push_back({key, canonicalValue(value)});
  }
  std::sort(criteria_.begin(), criteria_.end(),
            [](const Criterion& a, const Criterion& b) { return a.key < b.key; });
}

MetadataMatch MetadataMatch::merged(const google::protobuf::Struct& fields) const {
  MetadataMatch result(fields);
  for (const Criterion& mine : criteria_) {
    if (!fields.fields().contains(mine.key)) {
      result.criteria_.push_back(mine);
    }
  }
  std::sort(result.criteria_.begin(), result.criteria_.end(),
            [](const Criterion& a, const Criterion& b) { return a.key < b.key; });
  return result;
}

} // namespace moe::upstream
