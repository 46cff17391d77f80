#pragma once

#include <google/protobuf/struct.pb.h>

#include <memory>
#include <string>
#include <vector>

namespace moe::upstream {

// Text that is equal for equal protobuf values and only for those: how subset keys are compared.
std::string canonicalValue(const google::protobuf::Value& value);

// The endpoint metadata ("envoy.lb") that a route or a request asks for:
// RouteAction.metadata_match, weighted cluster metadata_match and dynamic metadata, merged, later
// ones winning per key. Immutable once built; sorted by key.
class MetadataMatch {
public:
  struct Criterion {
    std::string key;
    std::string value; // canonicalValue
  };
  MetadataMatch() = default;
  explicit MetadataMatch(const google::protobuf::Struct& fields);
  // This, overridden by fields.
  MetadataMatch merged(const google::protobuf::Struct& fields) const;

  const std::vector<Criterion>& criteria() const { return criteria_; }
  bool empty() const { return criteria_.empty(); }

private:
  std::vector<Criterion> criteria_;
};
using MetadataMatchPtr = std::shared_ptr<const MetadataMatch>;

} // namespace moe::upstream
