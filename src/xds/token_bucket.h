#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace moe::xds {

// Limits how often something is done: `maxTokens` at once, `fillRate` a second over time. Envoy's
// RateLimitSettings. Knows no clock: milliseconds come from its user.
class TokenBucket {
public:
  struct Options {
    uint32_t maxTokens = 100;
    double fillRate = 10; // a second
  };
  TokenBucket(Options options, uint64_t nowMs)
      : options_(options), tokens_(options.maxTokens), filledMs_(nowMs) {}

  // True: done, and counted.
  bool take(uint64_t nowMs) {
    tokens_ =
        std::min<double>(options_.maxTokens, tokens_ + static_cast<double>(nowMs - filledMs_) *
                                                           options_.fillRate / 1000);
    filledMs_ = nowMs;
    if (tokens_ < 1) {
      return false;
    }
    tokens_ -= 1;
    return true;
  }
  // Until there is a token; after take() has failed. A day at most.
  std::chrono::milliseconds untilNext() const {
    const double ms = (1 - tokens_) * 1000 / options_.fillRate;
    return std::chrono::milliseconds(1 + static_cast<int64_t>(std::clamp(ms, 0.0, 86'400'000.0)));
  }

private:
  Options options_;
  double tokens_;
  uint64_t filledMs_;
};

} // namespace moe::xds
