#include "config/percent.h"

#include <cmath>

#include <envoy/type/v3/percent.pb.h>

#include "absl/strings/str_cat.h"

namespace moe::config {

absl::StatusOr<Fraction> toFraction(const envoy::type::v3::FractionalPercent& percent,
                                    const FieldPath& path) {
  using envoy::type::v3::FractionalPercent;
  uint64_t scale = 0;
  switch (percent.denominator()) {
  case FractionalPercent::HUNDRED:
    scale = Fraction::kWhole / 100;
    break;
  case FractionalPercent::TEN_THOUSAND:
    scale = Fraction::kWhole / 10'000;
    break;
  case FractionalPercent::MILLION:
    scale = 1;
    break;
  default:
    return fieldError(path.field("denominator"),
                      absl::StrCat(static_cast<int>(percent.denominator())),
                      "HUNDRED, TEN_THOUSAND or MILLION");
  }
  uint64_t parts = percent.numerator() * scale;
  return Fraction(parts > Fraction::kWhole ? Fraction::kWhole : static_cast<uint32_t>(parts));
}

absl::StatusOr<Fraction> toFraction(const envoy::type::v3::Percent& percent,
                                    const FieldPath& path) {
  if (!(percent.value() >= 0 && percent.value() <= 100)) {
    return fieldError(path.field("value"), absl::StrCat(percent.value()), "a number from 0 to 100");
  }
  return Fraction(static_cast<uint32_t>(std::lround(percent.value() / 100 * Fraction::kWhole)));
}

} // namespace moe::config
