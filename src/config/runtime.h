#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace moe::config {

// A numerator of a denominator, which is not 0.
struct Ratio {
  uint32_t numerator = 0;
  uint32_t denominator = 100;
  friend bool operator==(const Ratio&, const Ratio&) = default;
};

// A value that the runtime may change while it is used. Copies share it. Any thread reads it, with
// one load and no lock; who has it may outlive the runtime.
class RuntimeValue {
public:
  using Live = std::shared_ptr<const std::atomic<uint64_t>>;

  explicit RuntimeValue(Live live) : live_(std::move(live)) {}
  uint64_t bits() const { return live_->load(std::memory_order_relaxed); }

private:
  Live live_; // not null
};

// A whole number.
class RuntimeNumber {
public:
  explicit RuntimeNumber(RuntimeValue value) : value_(std::move(value)) {}
  // One that does not change.
  explicit RuntimeNumber(uint64_t fixed)
      : value_(std::make_shared<const std::atomic<uint64_t>>(fixed)) {}

  uint64_t get() const { return value_.bits(); }

private:
  RuntimeValue value_;
};

// A share of events.
class RuntimeRatio {
public:
  explicit RuntimeRatio(RuntimeValue value) : value_(std::move(value)) {}
  explicit RuntimeRatio(Ratio fixed)
      : value_(std::make_shared<const std::atomic<uint64_t>>(pack(fixed))) {}

  // True for this share of evenly spread `random` values.
  bool covers(uint64_t random) const {
    const uint64_t bits = value_.bits();
    return random % (bits >> 32) < static_cast<uint32_t>(bits);
  }
  // As it is in a RuntimeValue, in one piece.
  static uint64_t pack(Ratio ratio) { return uint64_t{ratio.denominator} << 32 | ratio.numerator; }

private:
  RuntimeValue value_;
};

// Where values come from by key (Envoy's runtime), for those who compile configuration. Main
// thread; outlives what is compiled.
class Runtime {
public:
  // `absent` counts while nothing sets the key, or what sets it does not fit. Errors name a value
  // of the bootstrap that does not fit.
  virtual absl::StatusOr<RuntimeNumber> number(std::string_view key, uint64_t absent) = 0;
  virtual absl::StatusOr<RuntimeRatio> ratio(std::string_view key, Ratio absent) = 0;

protected:
  ~Runtime() = default;
};

} // namespace moe::config
