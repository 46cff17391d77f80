#include "stats/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

namespace moe::stats {
namespace {

using testing::HasSubstr;

TEST(TextStats, SortsCountersAndGaugesTogetherAndHistogramsBehind) {
  Store store;
  store.root().gauge("b.gauge").set(-3);
  store.root().counter("c.counter").add(7);
  store.root().counter("a.counter").inc();
  store.root().histogram("a.time");
  EXPECT_EQ(textStats(store, {}), "a.counter: 1\n"
                                  "b.gauge: -3\n"
                                  "c.counter: 7\n"
                                  "a.time: No recorded values\n");
}

TEST(TextStats, HistogramsShowEnvoysQuantiles) {
  Store store;
  Histogram& time = store.root().histogram("time");
  for (int i = 0; i < 100; ++i) {
    time.record(static_cast<uint64_t>(i % 10)); // buckets below 16 hold one value each
  }
  EXPECT_EQ(textStats(store, {}), "time: P0(nan,0) P25(nan,2) P50(nan,4) P75(nan,7) P90(nan,8) "
                                  "P95(nan,9) P99(nan,9) P99.5(nan,9) P99.9(nan,9) P100(nan,9)\n");
}

TEST(TextStats, FilterMatchesAnywhereInTheFlatName) {
  Store store;
  const Scope web = store.root().child("cluster", "envoy_cluster_name", "web");
  web.counter("upstream_rq_total").inc();
  web.gauge("upstream_rq_active").inc();
  store.root().counter("server.other").inc();
  const re2::RE2 filter("web\\..*_total$");
  EXPECT_EQ(textStats(store, {.filter = &filter}), "cluster.web.upstream_rq_total: 1\n");
}

TEST(TextStats, UsedOnlyKeepsGaugesThatWereSetToZero) {
  Store store;
  store.root().counter("unused");
  store.root().counter("used").inc();
  store.root().gauge("never_set");
  store.root().gauge("set_to_zero").set(0);
  store.root().gauge("counted").inc();
  store.root().histogram("empty");
  store.root().histogram("full").record(1);
  const std::string text = textStats(store, {.usedOnly = true});
  EXPECT_THAT(text, testing::StartsWith("counted: 1\nset_to_zero: 0\nused: 1\nfull: P0("));
}

TEST(TextStats, KindsCanBeLeftOut) {
  Store store;
  store.root().counter("c").inc();
  store.root().gauge("g").inc();
  store.root().histogram("h");
  EXPECT_EQ(textStats(store, {.gauges = false, .histograms = false}), "c: 1\n");
  EXPECT_EQ(textStats(store, {.counters = false, .histograms = false}), "g: 1\n");
  EXPECT_EQ(textStats(store, {.counters = false, .gauges = false}), "h: No recorded values\n");
}

TEST(JsonStats, EscapesNamesAndGivesQuantiles) {
  Store store;
  EXPECT_EQ(jsonStats(store, {}), R"({"stats":[]})");
  store.root().counter("a\"\\\n").add(2);
  store.root().histogram("empty");
  const std::string text = jsonStats(store, {});
  EXPECT_THAT(text, HasSubstr("{\"name\":\"a\\\"\\\\\\u000a\",\"value\":2}"));
  EXPECT_THAT(text, HasSubstr("\"supported_quantiles\":[0,25,50,75,90,95,99,99.5,99.9,100]"));
  EXPECT_THAT(text,
              HasSubstr("{\"name\":\"empty\",\"values\":[{\"interval\":null,\"cumulative\":null}"));
}

} // namespace
} // namespace moe::stats
