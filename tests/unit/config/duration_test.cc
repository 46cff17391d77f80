#include "config/duration.h"

#include <limits>

#include <envoy/type/v3/percent.pb.h>
#include <gtest/gtest.h>

#include "config/percent.h"

namespace moe::config {
namespace {

using std::chrono::milliseconds;

google::protobuf::Duration make(int64_t seconds, int32_t nanos) {
  google::protobuf::Duration d;
  d.set_seconds(seconds);
  d.set_nanos(nanos);
  return d;
}

TEST(Duration, Milliseconds) {
  FieldPath path("timeout");
  EXPECT_EQ(*toMillis(make(0, 0), path), milliseconds(0));
  EXPECT_EQ(*toMillis(make(1, 500'000'000), path), milliseconds(1500));
  EXPECT_EQ(*toMillis(make(1, 1'999'999), path), milliseconds(1001));
  EXPECT_EQ(*toMillis(make(0, 1), path), milliseconds(1)) << "never 0, which often means no limit";
}

TEST(Duration, RangeErrors) {
  FieldPath path("timeout");
  EXPECT_EQ(toMillis(make(-1, -500'000'000), path).status().message(),
            "timeout: found -1.5s, expected a duration of 0s or more");
  EXPECT_FALSE(toMillis(make(0, -1), path).ok());
  EXPECT_FALSE(toMillis(make(0, 1'000'000'000), path).ok());
  EXPECT_FALSE(toMillis(make(std::numeric_limits<int64_t>::max(), 0), path).ok());
  EXPECT_FALSE(toMillis(make(std::numeric_limits<int64_t>::min(), 0), path).ok());
  EXPECT_EQ(toPositiveMillis(make(0, 0), path).status().message(),
            "timeout: found 0s, expected a duration above 0s");
  EXPECT_EQ(*toPositiveMillis(make(2, 0), path), milliseconds(2000));
}

TEST(Duration, Fallback) {
  EXPECT_EQ(*toMillisOr(false, make(9, 0), milliseconds(5), FieldPath()), milliseconds(5));
  EXPECT_EQ(*toMillisOr(true, make(9, 0), milliseconds(5), FieldPath()), milliseconds(9000));
}

TEST(Fraction, FromFractionalPercent) {
  using envoy::type::v3::FractionalPercent;
  FractionalPercent percent;
  percent.set_numerator(25);
  EXPECT_EQ(toFraction(percent, FieldPath())->perMillion(), 250'000u);
  percent.set_denominator(FractionalPercent::TEN_THOUSAND);
  EXPECT_EQ(toFraction(percent, FieldPath())->perMillion(), 2'500u);
  percent.set_denominator(FractionalPercent::MILLION);
  EXPECT_EQ(toFraction(percent, FieldPath())->perMillion(), 25u);
  percent.set_numerator(4'000'000'000u);
  percent.set_denominator(FractionalPercent::HUNDRED);
  EXPECT_TRUE(toFraction(percent, FieldPath())->always());
  percent.set_denominator(static_cast<FractionalPercent::DenominatorType>(9));
  EXPECT_EQ(toFraction(percent, FieldPath("p")).status().message(),
            "p.denominator: found 9, expected HUNDRED, TEN_THOUSAND or MILLION");
}

TEST(Fraction, FromPercent) {
  envoy::type::v3::Percent percent;
  percent.set_value(0.1);
  EXPECT_EQ(toFraction(percent, FieldPath())->perMillion(), 1'000u);
  for (double wrong : {-0.1, 100.1, std::numeric_limits<double>::quiet_NaN()}) {
    percent.set_value(wrong);
    EXPECT_FALSE(toFraction(percent, FieldPath()).ok()) << wrong;
  }
}

TEST(Fraction, CoversItsShare) {
  Fraction quarter(250'000);
  int covered = 0;
  for (uint64_t i = 0; i < 1'000'000; i += 1000)
    covered += quarter.covers(i);
  EXPECT_EQ(covered, 250);
  EXPECT_FALSE(Fraction().covers(0));
  EXPECT_TRUE(Fraction(Fraction::kWhole).covers(~uint64_t{0}));
}

} // namespace
} // namespace moe::config
