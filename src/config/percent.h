#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/field_path.h"

namespace envoy::type::v3 {
class FractionalPercent;
class Percent;
} // namespace envoy::type::v3

namespace moe::config {

/// A share of events, in parts of a million: envoy.type.v3.FractionalPercent made ready to use.
class Fraction {
public:
  static constexpr uint32_t kWhole = 1'000'000;

  constexpr Fraction() = default; ///< None.
  /// More than the whole counts as the whole.
  explicit constexpr Fraction(uint32_t perMillion)
      : perMillion_(perMillion < kWhole ? perMillion : kWhole) {}

  constexpr uint32_t perMillion() const { return perMillion_; }
  constexpr bool never() const { return perMillion_ == 0; }
  constexpr bool always() const { return perMillion_ == kWhole; }
  /// True for this share of evenly spread `random` values.
  constexpr bool covers(uint64_t random) const { return random % kWhole < perMillion_; }

  /// This share of an amount.
  constexpr uint64_t of(uint64_t amount) const {
    return amount / kWhole * perMillion_ + amount % kWhole * perMillion_ / kWhole;
  }

  friend constexpr bool operator==(Fraction, Fraction) = default;

private:
  uint32_t perMillion_ = 0;
};

/// A numerator above its denominator means "always", as in Envoy; an unknown denominator is an
/// error.
absl::StatusOr<Fraction> toFraction(const envoy::type::v3::FractionalPercent& percent,
                                    const FieldPath& path);

/// A value outside 0 to 100, or not a number, is an error.
absl::StatusOr<Fraction> toFraction(const envoy::type::v3::Percent& percent, const FieldPath& path);

} // namespace moe::config
