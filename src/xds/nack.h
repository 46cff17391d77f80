#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moe::xds {

// google.rpc.Code of every refusal: INTERNAL, as Envoy's.
inline constexpr int kNackCode = 13;

// Gathers what is wrong with a response into the text of its NACK: the first ten errors and the
// number of all, 8 KiB at most.
class NackText {
public:
  // `name`: the resource's; "" if the error is the response's.
  void add(std::string_view name, std::string_view text);
  size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::string str() const;

  static constexpr size_t kShown = 10;
  static constexpr size_t kMaxBytes = 8192;

private:
  std::vector<std::string> shown_;
  size_t count_ = 0;
};

} // namespace moe::xds
