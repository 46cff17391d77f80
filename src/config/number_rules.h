#pragma once

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace moe::config {

/// What `value` breaks among the lt, lte, gt, gte, const, in and not_in of `rules`, as the text of
/// what was expected, or "". `show` turns a value into text. Where the upper bound is below the
/// lower one the rule means "outside", as protoc-gen-validate defines it.
template <class Rules, class T, class Show>
std::string brokenRange(const Rules& rules, const T& value, Show show) {
  const bool hasLow = rules.has_gt() || rules.has_gte();
  const bool hasHigh = rules.has_lt() || rules.has_lte();
  // Written so that NaN breaks every bound.
  const bool aboveLow = rules.has_gt() ? value > rules.gt() : value >= rules.gte();
  const bool belowHigh = rules.has_lt() ? value < rules.lt() : value <= rules.lte();
  auto low = [&] {
    return rules.has_gt() ? absl::StrCat("above ", show(rules.gt()))
                          : absl::StrCat(show(rules.gte()), " or more");
  };
  auto high = [&] {
    return rules.has_lt() ? absl::StrCat("below ", show(rules.lt()))
                          : absl::StrCat(show(rules.lte()), " or less");
  };
  if (hasLow && hasHigh) {
    const T lowest = rules.has_gt() ? T(rules.gt()) : T(rules.gte());
    const T highest = rules.has_lt() ? T(rules.lt()) : T(rules.lte());
    if (highest < lowest) {
      if (!aboveLow && !belowHigh)
        return absl::StrCat(high(), ", or ", low());
    } else if (!aboveLow || !belowHigh) {
      return absl::StrCat(low(), " and ", high());
    }
  } else if (hasLow && !aboveLow) {
    return low();
  } else if (hasHigh && !belowHigh) {
    return high();
  }
  return "";
}

/// The same for const, in and not_in.
template <class Rules, class T, class Show>
std::string brokenSet(const Rules& rules, const T& value, Show show) {
  auto list = [&](const auto& values) {
    return absl::StrJoin(values, ", ", [&](std::string* out, const auto& item) {
      absl::StrAppend(out, show(item));
    });
  };
  if (rules.in_size() > 0 &&
      std::find(rules.in().begin(), rules.in().end(), value) == rules.in().end()) {
    return absl::StrCat("one of ", list(rules.in()));
  }
  if (std::find(rules.not_in().begin(), rules.not_in().end(), value) != rules.not_in().end()) {
    return absl::StrCat("none of ", list(rules.not_in()));
  }
  return "";
}

} // namespace moe::config
