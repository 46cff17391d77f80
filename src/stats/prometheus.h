#pragma once

#include <string>
#include <string_view>

#include "stats/text.h"

namespace moe::stats {

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

// Upper bounds of histogram buckets, Envoy's defaults; +Inf comes behind them.
inline constexpr double kPrometheusBounds[] = {0.5,   1,      5,      10,      25,     50,    100,
                                               250,   500,    1000,   2500,    5000,   10000, 30000,
                                               60000, 300000, 600000, 1800000, 3600000};

// Every selected stat in the Prometheus text format 0.0.4, families in the order of their names.
// A family is a tag-extracted name with "envoy_" before it; response codes and their classes in a
// name become the labels that Envoy makes of them ("upstream_rq_2xx": family "upstream_rq_xx",
// envoy_response_code_class="2"). Should two kinds of stat share a family, the second kind's gets
// its type as a suffix, since a family has one type. Any thread.
std::string prometheusStats(const Store& store, const Selection& selection);

// "cluster.web-1.rq" -> "envoy_cluster_web_1_rq".
std::string prometheusName(std::string_view tagExtractedName);

} // namespace moe::stats
