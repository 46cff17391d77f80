#pragma once

#include <chrono>
#include <cstdint>

namespace moe::base {

using Milliseconds = std::chrono::milliseconds;

// Monotonic time in nanoseconds since an arbitrary start. Costs about 20 ns; any thread.
inline int64_t monotonicNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Nanoseconds since 1970; any thread.
inline int64_t wallNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace moe::base
