#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace moe::admin {

// The parameters of a request target: "/stats?usedonly&filter=a%2Eb". Percent-escapes are decoded
// (RFC 3986 section 2.1), "+" stays "+". A value type.
class Query {
public:
  // Of the part behind '?'. Errors: a bad escape, a parameter that comes twice.
  static absl::StatusOr<Query> parse(std::string_view text);

  // Null if absent; "" if it has no value.
  const std::string* find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // Names and values, in their order.
  const std::vector<std::pair<std::string, std::string>>& all() const { return parameters_; }
  bool empty() const { return parameters_.empty(); }
  // Error: a parameter that is not in `known`, and which there are.
  absl::Status expectOnly(const std::vector<std::string>& known) const;

private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

} // namespace moe::admin
