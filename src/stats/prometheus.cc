#include "stats/prometheus.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/strings.h"

namespace moe::stats {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

// A label name holds no colon, and no digit at its front.
std::string labelName(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      c = '_';
    }
  }
  if (out.empty() || digit(out.front())) {
    out.insert(out.begin(), '_');
  }
  return out;
}

void appendLabel(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) {
    out.push_back(',');
  }
  out.append(labelName(name)).append("=\"");
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

struct Family {
  std::string_view type;
  std::string samples;
};

// The name of a family, and the labels of one stat in it.
struct Labelled {
  std::string family;
  std::string labels;
};

Labelled labelled(const Identity& identity) {
  Labelled out;
  std::string_view name = identity.tagExtractedName;
  const size_t underscore = name.rfind("_rq_");
  std::string shortened;
  std::string_view tag;
  std::string_view value;
  if (underscore != std::string_view::npos) {
    const std::string_view end = name.substr(underscore + 4);
    if (end.size() == 3 && digit(end[0]) && end.substr(1) == "xx") {
      tag = "envoy_response_code_class";
      value = end.substr(0, 1);
      shortened = base::cat(name.substr(0, underscore + 4), "xx");
    } else if (end.size() == 3 && std::all_of(end.begin(), end.end(), digit)) {
      tag = "envoy_response_code";
      value = end;
      shortened = base::cat(name.substr(0, underscore + 3));
    }
  }
  out.family = prometheusName(tag.empty() ? name : std::string_view(shortened));
  if (!tag.empty()) {
    appendLabel(out.labels, tag, value);
  }
  for (const Tag& each : identity.tags) {
    appendLabel(out.labels, each.name, each.value);
  }
  return out;
}

class Exposition {
public:
  // The samples of a family, to which the caller adds; `name` may come back changed.
  std::string& samples(std::string& name, std::string_view type) {
    auto [found, added] = families_.try_emplace(name, Family{type, {}});
    if (!added && found->second.type != type) {
      name = base::cat(name, "_", type);
      found = families_.try_emplace(name, Family{type, {}}).first;
    }
    return found->second.samples;
  }

  std::string text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
      out.append(base::cat("# TYPE ", name, " ", family.type, "\n")).append(family.samples);
    }
    return out;
  }

private:
  std::map<std::string, Family> families_;
};

void appendSample(std::string& out, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view value) {
  out.append(name).append(suffix).append("{").append(labels).append("} ").append(value);
  out.push_back('\n');
}

// Without an exponent, as Envoy writes them: 0.5, 1, ... 3600000.
std::string boundText(double bound) {
  const auto whole = static_cast<uint64_t>(bound);
  return static_cast<double>(whole) == bound ? base::cat(whole) : base::cat(bound);
}

} // namespace

std::string prometheusName(std::string_view tagExtractedName) {
  std::string out = base::cat("envoy_", tagExtractedName);
  for (char& c : out) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != ':') {
      c = '_';
    }
  }
  return out;
}

std::string prometheusStats(const Store& store, const Selection& selection) {
  Exposition out;
  store.forEachCounter([&](const std::string& name, const Counter& counter) {
    if (selection.shows(name, counter)) {
      Labelled stat = labelled(counter.label().identity());
      std::string& samples = out.samples(stat.family, "counter");
      appendSample(samples, stat.family, "", stat.labels, base::cat(counter.value()));
    }
  });
  store.forEachGauge([&](const std::string& name, const Gauge& gauge) {
    if (selection.shows(name, gauge)) {
      Labelled stat = labelled(gauge.label().identity());
      std::string& samples = out.samples(stat.family, "gauge");
      appendSample(samples, stat.family, "", stat.labels, base::cat(gauge.value()));
    }
  });
  store.forEachHistogram([&](const std::string& name, const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.snapshot();
    if (!selection.shows(name, snapshot)) {
      return;
    }
    Labelled stat = labelled(histogram.label().identity());
    std::string& samples = out.samples(stat.family, "histogram");
    const std::string before = stat.labels.empty() ? "" : base::cat(stat.labels, ",");
    for (const double bound : kPrometheusBounds) {
      appendSample(samples, stat.family, "_bucket",
                   base::cat(before, "le=\"", boundText(bound), "\""),
                   base::cat(snapshot.atMost(bound)));
    }
    appendSample(samples, stat.family, "_bucket", base::cat(before, "le=\"+Inf\""),
                 base::cat(snapshot.count));
    appendSample(samples, stat.family, "_sum", stat.labels, base::cat(snapshot.sum));
    appendSample(samples, stat.family, "_count", stat.labels, base::cat(snapshot.count));
  });
  return out.text();
}

} // namespace moe::stats
