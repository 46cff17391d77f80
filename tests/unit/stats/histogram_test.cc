#include "stats/histogram.h"

#include <gtest/gtest.h>

namespace moe::stats {
namespace {

TEST(Histogram, EveryValueLiesInItsBucket) {
  for (uint64_t value = 1; value < (uint64_t{1} << 62); value = value * 3 + 1) {
    for (const uint64_t each : {value - 1, value, value + 1}) {
      const size_t index = Histogram::bucketIndex(each);
      ASSERT_LT(index + 1, Histogram::kBuckets);
      EXPECT_LE(Histogram::bucketStart(index), each);
      EXPECT_GT(Histogram::bucketStart(index + 1), each);
    }
  }
  EXPECT_EQ(Histogram::bucketIndex(UINT64_MAX), Histogram::kBuckets - 1);
}

TEST(Histogram, QuantilesAreWithinABucketsWidth) {
  Histogram histogram(Label{});
  for (uint64_t i = 1; i <= 10'000; ++i) {
    histogram.record(i);
  }
  const Histogram::Snapshot snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.count, 10'000u);
  EXPECT_EQ(snapshot.sum, 10'000u * 10'001 / 2);
  for (const double quantile : {0.1, 0.5, 0.9, 0.99}) {
    EXPECT_NEAR(snapshot.quantile(quantile), quantile * 10'000, quantile * 10'000 / 16);
    EXPECT_NEAR(static_cast<double>(snapshot.atMost(quantile * 10'000)), quantile * 10'000,
                quantile * 10'000 / 16);
  }
}

} // namespace
} // namespace moe::stats
