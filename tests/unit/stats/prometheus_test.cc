#include "stats/prometheus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moe::stats {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Prometheus, OneTypeLineForAFamilyOfSeveralLabels) {
  Store store;
  for (const char* name : {"web", "api"}) {
    const Scope scope = store.root().child("cluster", "envoy_cluster_name", name);
    scope.counter("upstream_rq_total").add(name[0] == 'w' ? 3 : 4);
    scope.gauge("membership_total").set(2);
  }
  EXPECT_EQ(prometheusStats(store, {}),
            "# TYPE envoy_cluster_membership_total gauge\n"
            "envoy_cluster_membership_total{envoy_cluster_name=\"api\"} 2\n"
            "envoy_cluster_membership_total{envoy_cluster_name=\"web\"} 2\n"
            "# TYPE envoy_cluster_upstream_rq_total counter\n"
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"api\"} 4\n"
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"web\"} 3\n");
}

TEST(Prometheus, NamesAndLabelsAreEscaped) {
  Store store;
  store.root()
      .child("odd-name", "la-bel", "a\"b\\c\nd")
      .child("of", "9", "é")
      .counter("with space")
      .inc();
  EXPECT_EQ(prometheusStats(store, {}),
            "# TYPE envoy_odd_name_of_with_space counter\n"
            "envoy_odd_name_of_with_space{la_bel=\"a\\\"b\\\\c\\nd\",_9=\"é\"} 1\n");
}

TEST(Prometheus, ResponseCodesBecomeLabels) {
  Store store;
  const Scope scope = store.root().child("cluster", "envoy_cluster_name", "web");
  scope.counter("upstream_rq_2xx").add(5);
  scope.counter("upstream_rq_5xx").add(1);
  scope.counter("upstream_rq_503").add(1);
  scope.counter("upstream_rq_total").add(6);
  scope.counter("upstream_rq_max");
  EXPECT_EQ(prometheusStats(store, {}),
            "# TYPE envoy_cluster_upstream_rq counter\n"
            "envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"web\"} 1\n"
            "# TYPE envoy_cluster_upstream_rq_max counter\n"
            "envoy_cluster_upstream_rq_max{envoy_cluster_name=\"web\"} 0\n"
            "# TYPE envoy_cluster_upstream_rq_total counter\n"
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"web\"} 6\n"
            "# TYPE envoy_cluster_upstream_rq_xx counter\n"
            "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name="
            "\"web\"} 5\n"
            "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"5\",envoy_cluster_name="
            "\"web\"} 1\n");
}

TEST(Prometheus, HistogramsAreCumulativeWithSumAndCount) {
  Store store;
  Histogram& time =
      store.root().child("cluster", "envoy_cluster_name", "web").histogram("upstream_rq_time");
  for (const uint64_t value : {0u, 1u, 3u, 7u, 7u, 4'000'000u}) {
    time.record(value);
  }
  const std::string text = prometheusStats(store, {});
  std::string expected = "# TYPE envoy_cluster_upstream_rq_time histogram\n";
  const auto bucket = [&](const char* bound, int count) {
    expected +=
        std::string("envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"web\",le=\"") +
        bound + "\"} " + std::to_string(count) + "\n";
  };
  bucket("0.5", 1);
  bucket("1", 2);
  bucket("5", 3);
  for (const char* bound : {"10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000",
                            "30000", "60000", "300000", "600000", "1800000", "3600000"}) {
    bucket(bound, 5);
  }
  bucket("+Inf", 6);
  expected += "envoy_cluster_upstream_rq_time_sum{envoy_cluster_name=\"web\"} 4000018\n"
              "envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"web\"} 6\n";
  EXPECT_EQ(text, expected);
}

TEST(Prometheus, AFamilyHasOneTypeOnly) {
  Store store;
  store.root().counter("a.b").inc();
  store.root().gauge("a_b").set(2);
  EXPECT_EQ(prometheusStats(store, {}), "# TYPE envoy_a_b counter\n"
                                        "envoy_a_b{} 1\n"
                                        "# TYPE envoy_a_b_gauge gauge\n"
                                        "envoy_a_b_gauge{} 2\n");
}

TEST(Prometheus, UsedOnlyAndFilterHold) {
  Store store;
  store.root().counter("unused");
  store.root().counter("used").inc();
  const std::string text = prometheusStats(store, {.usedOnly = true});
  EXPECT_THAT(text, HasSubstr("envoy_used{} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("unused")));
}

} // namespace
} // namespace moe::stats
