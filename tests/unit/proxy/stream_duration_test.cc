#include "proxy/stream_duration.h"

#include "header_fixture.h"

namespace moe::proxy {
namespace {

using base::Milliseconds;

class StreamDurationTest : public test::HeaderTest {
protected:
  void grpc(std::string_view timeout) {
    headers_->set("content-type", "application/grpc");
    headers_->set("grpc-timeout", timeout);
  }
  // Milliseconds; -1: no limit.
  int64_t duration(int64_t common = 0) {
    const auto found = streamDuration(&limits_, Milliseconds(common), *headers_);
    return found.has_value() ? found->count() : -1;
  }
  int64_t response() { return responseTimeout(limits_, Milliseconds(15'000), *headers_).count(); }
  route::StreamLimits limits_;
};

TEST_F(StreamDurationTest, GrpcTimeoutIsRead) {
  const std::pair<std::string_view, int64_t> times[] = {
      {"1H", 3'600'000}, {"2M", 120'000},    {"3S", 3000}, {"4m", 4},
      {"1500u", 2},      {"1n", 1},          {"0m", 0},    {"99999999m", 99'999'999},
      {"", -1},          {"m", -1},          {"1", -1},    {"-1m", -1},
      {"1.5S", -1},      {"100000000m", -1}, {"1x", -1},   {" 1m", -1},
  };
  for (const auto& [text, millis] : times) {
    grpc(text);
    const auto found = grpcTimeout(*headers_);
    EXPECT_EQ(found.has_value() ? found->count() : -1, millis) << text;
  }
}

TEST_F(StreamDurationTest, DeadlinesAreReadToTheMicrosecond) {
  const std::pair<std::string_view, int64_t> times[] = {
      {"99999999H", 359'999'996'400'000'000}, {"4m", 4000}, {"986u", 986}, {"1500n", 2}, {"x", -1}};
  for (const auto& [text, micros] : times) {
    grpc(text);
    const auto found = grpcDeadline(*headers_);
    EXPECT_EQ(found.has_value() ? found->count() : -1, micros) << text;
  }
}

TEST_F(StreamDurationTest, GrpcTimeoutIsWritten) {
  const std::pair<int64_t, std::string_view> times[] = {{0, "0m"},
                                                        {99'999'999, "99999999m"},
                                                        {100'000'000, "100000S"},
                                                        {100'000'000'000, "1666666M"}};
  for (const auto& [millis, text] : times) {
    setGrpcTimeout(*headers_, Milliseconds(millis));
    EXPECT_EQ(value("grpc-timeout"), text);
  }
}

TEST_F(StreamDurationTest, TheRouteGoesBeforeTheConnectionManager) {
  EXPECT_EQ(duration(), -1);
  EXPECT_EQ(duration(100), 100);
  limits_.hasMaxStreamDuration = true;
  EXPECT_EQ(duration(100), 100);
  limits_.maxStreamDuration = Milliseconds(20);
  EXPECT_EQ(duration(100), 20);
  limits_.maxStreamDuration = Milliseconds(0);
  EXPECT_EQ(duration(100), -1);
}

TEST_F(StreamDurationTest, TheHeaderCountsWhereTheRouteSaysSo) {
  limits_.hasMaxStreamDuration = true;
  limits_.maxStreamDuration = Milliseconds(20);
  grpc("5S");
  EXPECT_EQ(duration(), 20);
  EXPECT_EQ(value("grpc-timeout"), "20m");
  limits_.grpcHeaderMax = Milliseconds(0);
  grpc("5S");
  EXPECT_EQ(duration(), 5000);
  limits_.grpcHeaderMax = Milliseconds(3000);
  EXPECT_EQ(duration(), 3000);
  EXPECT_EQ(value("grpc-timeout"), "3000m");
  limits_.grpcHeaderOffset = Milliseconds(1000);
  grpc("5S");
  EXPECT_EQ(duration(), 2000);
  grpc("1S");
  EXPECT_EQ(duration(), 0); // at once
  EXPECT_EQ(value("grpc-timeout"), "0m");
  headers_->remove("grpc-timeout");
  EXPECT_EQ(duration(), 20);
}

TEST_F(StreamDurationTest, WithoutALimitTheUpstreamIsToldOfNone) {
  limits_.hasMaxStreamDuration = true;
  grpc("5S");
  EXPECT_EQ(duration(), -1);
  EXPECT_EQ(value("grpc-timeout"), "none");
  headers_->set("content-type", "text/plain");
  headers_->set("grpc-timeout", "5S");
  EXPECT_EQ(duration(), -1);
  EXPECT_EQ(value("grpc-timeout"), "5S");
}

TEST_F(StreamDurationTest, TheOlderFieldsReplaceTheRoutesTimeout) {
  grpc("5S");
  EXPECT_EQ(response(), 15'000);
  limits_.maxGrpcTimeout = Milliseconds(0);
  EXPECT_EQ(response(), 5000);
  limits_.grpcTimeoutOffset = Milliseconds(1000);
  EXPECT_EQ(response(), 4000);
  EXPECT_EQ(value("grpc-timeout"), "4000m");
  grpc("1S"); // would be none
  EXPECT_EQ(response(), 1000);
  limits_.maxGrpcTimeout = Milliseconds(500);
  EXPECT_EQ(response(), 500);
  headers_->remove("grpc-timeout");
  EXPECT_EQ(response(), 500);
  limits_.maxGrpcTimeout = Milliseconds(0);
  headers_->remove("grpc-timeout");
  EXPECT_EQ(response(), 0);
  headers_->remove("content-type");
  EXPECT_EQ(response(), 15'000);
  limits_.hasMaxStreamDuration = true;
  EXPECT_EQ(response(), 0);
}

} // namespace
} // namespace moe::proxy
