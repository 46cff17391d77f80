#include "stats/text.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/strings.h"

namespace moe::stats {
namespace {

struct Line {
  std::string name;
  std::string value;
};

// Counters and gauges in one list by name.
std::vector<Line> scalars(const Store& store, const Selection& selection) {
  std::vector<Line> lines;
  store.forEachCounter([&](const std::string& name, const Counter& counter) {
    if (selection.shows(name, counter)) {
      lines.push_back({name, base::cat(counter.value())});
    }
  });
  const auto middle = static_cast<std::ptrdiff_t>(lines.size());
  store.forEachGauge([&](const std::string& name, const Gauge& gauge) {
    if (selection.shows(name, gauge)) {
      lines.push_back({name, base::cat(gauge.value())});
    }
  });
  std::inplace_merge(lines.begin(), lines.begin() + middle, lines.end(),
                     [](const Line& a, const Line& b) { return a.name < b.name; });
  return lines;
}

// RFC 8259 section 7.
void appendJsonString(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(hex[byte >> 4]);
      out.push_back(hex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

} // namespace

bool Selection::matches(std::string_view name) const {
  return filter == nullptr ||
         re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *filter);
}

bool Selection::shows(std::string_view name, const Counter& counter) const {
  return counters && !(usedOnly && counter.value() == 0) && matches(name);
}

bool Selection::shows(std::string_view name, const Gauge& gauge) const {
  return gauges && !(usedOnly && !gauge.used()) && matches(name);
}

bool Selection::shows(std::string_view name, const Histogram::Snapshot& snapshot) const {
  return histograms && !(usedOnly && snapshot.count == 0) && matches(name);
}

bool Selection::shows(std::string_view name, const std::string& text) const {
  return texts && !(usedOnly && text.empty()) && matches(name);
}

std::string textStats(const Store& store, const Selection& selection, const Texts& texts) {
  std::string out;
  for (const auto& [name, text] : texts) {
    if (selection.shows(name, text)) {
      out.append(name).append(": ");
      appendJsonString(out, text);
      out.push_back('\n');
    }
  }
  for (const Line& line : scalars(store, selection)) {
    out.append(line.name).append(": ").append(line.value).push_back('\n');
  }
  store.forEachHistogram([&](const std::string& name, const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.snapshot();
    if (!selection.shows(name, snapshot)) {
      return;
    }
    out.append(name).push_back(':');
    if (snapshot.count == 0) {
      out.append(" No recorded values\n");
      return;
    }
    for (const Quantile& quantile : kQuantiles) {
      out.append(base::cat(" ", quantile.label, "(nan,", snapshot.quantile(quantile.value), ")"));
    }
    out.push_back('\n');
  });
  return out;
}

std::string jsonStats(const Store& store, const Selection& selection, const Texts& texts) {
  std::string out = "{\"stats\":[";
  std::string_view separator;
  for (const auto& [name, text] : texts) {
    if (selection.shows(name, text)) {
      out.append(separator).append("{\"name\":");
      appendJsonString(out, name);
      out.append(",\"value\":");
      appendJsonString(out, text);
      out.push_back('}');
      separator = ",";
    }
  }
  for (const Line& line : scalars(store, selection)) {
    out.append(separator).append("{\"name\":");
    appendJsonString(out, line.name);
    out.append(",\"value\":").append(line.value).push_back('}');
    separator = ",";
  }
  std::string histograms;
  std::string_view between;
  store.forEachHistogram([&](const std::string& name, const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.snapshot();
    if (!selection.shows(name, snapshot)) {
      return;
    }
    histograms.append(between).append("{\"name\":");
    appendJsonString(histograms, name);
    histograms.append(",\"values\":[");
    for (size_t i = 0; i < kQuantiles.size(); ++i) {
      histograms.append(i == 0 ? "" : ",").append("{\"interval\":null,\"cumulative\":");
      histograms.append(snapshot.count == 0 ? "null"
                                            : base::cat(snapshot.quantile(kQuantiles[i].value)));
      histograms.push_back('}');
    }
    histograms.append("]}");
    between = ",";
  });
  if (!histograms.empty()) {
    out.append(separator).append("{\"histograms\":{\"supported_quantiles\":[");
    for (size_t i = 0; i < kQuantiles.size(); ++i) {
      out.append(i == 0 ? "" : ",").append(kQuantiles[i].percent);
    }
    out.append("],\"computed_quantiles\":[").append(histograms).append("]}}");
  }
  out.append("]}");
  return out;
}

} // namespace moe::stats
