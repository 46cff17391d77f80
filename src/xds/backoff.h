#pragma once

#include <algorithm>
#include <chrono>

#include "base/random.h"

namespace moe::xds {

// Exponential, with full jitter: a time between 0 and a bound that doubles with each failure.
class Backoff {
public:
  struct Options {
    std::chrono::milliseconds base{500};
    std::chrono::milliseconds max{30'000};
  };
  explicit Backoff(Options options) : options_(options), bound_(options.base) {}

  std::chrono::milliseconds next(base::Random& random) {
    const std::chrono::milliseconds now = std::min(bound_, options_.max);
    bound_ = std::min(bound_ * 2, options_.max);
    return std::chrono::milliseconds(random.below(static_cast<uint64_t>(now.count()) + 1));
  }
  void reset() { bound_ = options_.base; }

private:
  Options options_;
  std::chrono::milliseconds bound_;
};

} // namespace moe::xds
