#include <re2/re2.h>

#include "admin/admin.h"
#include "base/strings.h"
#include "config/field_path.h"
#include "stats/prometheus.h"

namespace moe::admin {

void Admin::addStats() {
  add({.path = "/stats",
       .help = "stats; format=text, json or prometheus; type=All, Counters, Gauges, Histograms",
       .parameters = {"filter", "format", "type", "usedonly"},
       .handler = [this](const Request& request) { return stats(request, false); }});
  add({.path = "/stats/prometheus",
       .help = "stats for Prometheus",
       .parameters = {"filter", "text_readouts", "usedonly"},
       .handler = [this](const Request& request) { return stats(request, true); }});
}

Response Admin::stats(const Request& request, bool prometheus) {
  stats::Selection selection;
  selection.usedOnly = request.query.has("usedonly");
  std::unique_ptr<re2::RE2> filter;
  if (const std::string* text = request.query.find("filter"); text != nullptr && !text->empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    filter = std::make_unique<re2::RE2>(*text, options);
    if (!filter->ok()) {
      return badRequest(base::cat("filter: found ", config::inQuotes(*text),
                                  ", expected a regular expression (RE2): ", filter->error()));
    }
    selection.filter = filter.get();
  }
  if (const std::string* type = request.query.find("type"); type != nullptr && *type != "All") {
    selection.counters = *type == "Counters";
    selection.gauges = *type == "Gauges";
    selection.histograms = *type == "Histograms";
    selection.texts = *type == "TextReadouts";
    if (!selection.counters && !selection.gauges && !selection.histograms && !selection.texts) {
      return badRequest(base::cat("type: found ", config::inQuotes(*type),
                                  ", expected All, Counters, Gauges, Histograms or TextReadouts"));
    }
  }
  const std::string* format = request.query.find("format");
  const std::string_view form = prometheus          ? std::string_view("prometheus")
                                : format == nullptr ? std::string_view("text")
                                                    : std::string_view(*format);
  serverStats_.refresh(context_, state(), uptimeSeconds());
  const stats::Texts texts =
      context_.dynamic != nullptr ? context_.dynamic->texts() : stats::Texts();
  if (form == "text") {
    return {.body = stats::textStats(context_.stats, selection, texts)};
  }
  if (form == "json") {
    return jsonResponse(stats::jsonStats(context_.stats, selection, texts));
  }
  if (form == "prometheus") {
    return {.body = stats::prometheusStats(context_.stats, selection),
            .contentType = std::string(stats::kPrometheusContentType)};
  }
  return badRequest(
      base::cat("format: found ", config::inQuotes(form), ", expected text, json or prometheus"));
}

} // namespace moe::admin
