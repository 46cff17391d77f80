#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "stats/stats.h"

namespace re2 {
class RE2;
}

namespace moe::stats {

// Which stats a report shows.
struct Selection {
  const re2::RE2* filter = nullptr; // matched anywhere in the flat name; null: all
  // Leaves out what nobody has written yet: counters at 0, gauges at 0 that were never set,
  // histograms without records.
  bool usedOnly = false;
  bool counters = true;
  bool gauges = true;
  bool histograms = true;
  bool texts = true;

  bool shows(std::string_view name, const Counter& counter) const;
  bool shows(std::string_view name, const Gauge& gauge) const;
  bool shows(std::string_view name, const Histogram::Snapshot& snapshot) const;
  bool shows(std::string_view name, const std::string& text) const;

private:
  bool matches(std::string_view name) const;
};

// Envoy's text readouts, by name: what is a text, and not in the store.
using Texts = std::map<std::string, std::string>;

struct Quantile {
  double value;           // 0..1
  std::string_view label; // "P99.5"
  std::string_view percent;
};
// The quantiles that Envoy reports.
inline constexpr std::array<Quantile, 10> kQuantiles = {{{0, "P0", "0"},
                                                         {0.25, "P25", "25"},
                                                         {0.5, "P50", "50"},
                                                         {0.75, "P75", "75"},
                                                         {0.9, "P90", "90"},
                                                         {0.95, "P95", "95"},
                                                         {0.99, "P99", "99"},
                                                         {0.995, "P99.5", "99.5"},
                                                         {0.999, "P99.9", "99.9"},
                                                         {1, "P100", "100"}}};

// Envoy's /stats: "name: value" lines, counters and gauges sorted by name, then histograms as
// "name: P0(nan,1) P25(nan,2) ...". The first number of a pair is that of the last interval, which
// is not kept here: always nan. Any thread.
std::string textStats(const Store& store, const Selection& selection, const Texts& texts = {});

// Envoy's /stats?format=json: {"stats":[{"name":..,"value":..},..,{"histograms":{..}}]}.
std::string jsonStats(const Store& store, const Selection& selection, const Texts& texts = {});

} // namespace moe::stats
