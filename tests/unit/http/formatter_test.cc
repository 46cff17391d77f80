#include "http/formatter.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::http {
namespace {

class FormatterTest : public testing::Test {
protected:
  FormatterTest() {
    request_->add(HeaderId::Method, "GET");
    request_->add("x-long", "0123456789");
    info_.responseCode = 200;
    info_.startNanos = 1'000'000'000;
    info_.responseCompleteNanos = 1'025'000'000;
    info_.startWallNanos = 1'700'000'000'123'456'789;
    info_.downstreamRemote = *net::Address::parseIp("10.0.0.1", 1234);
    info_.setFlag(ResponseFlag::NoRouteFound);
    info_.setFlag(ResponseFlag::NoHealthyUpstream);
    (*info_.dynamicMetadata()["ns"].mutable_fields())["k"].set_string_value("v");
  }
  std::string text(std::string_view format, bool omitEmpty = false) {
    auto formatter = compileFormat(format, omitEmpty);
    if (!formatter.ok()) {
      return std::string(base::message(formatter.status()));
    }
    std::string out;
    (*formatter)->format({info_, request_.get()}, out);
    return out;
  }
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  HeaderMapPool pool_{slab_};
  HeaderMapPtr request_ = pool_.make();
  StreamInfo info_;
};

TEST_F(FormatterTest, Commands) {
  EXPECT_EQ(text("%REQ(:METHOD)% %RESPONSE_CODE% %DURATION%ms 100%%"), "GET 200 25ms 100%");
  EXPECT_EQ(text("%REQ(x-none?X-Long):4%|%REQ(x-none)%"), "0123|-");
  EXPECT_EQ(text("%REQ(x-none)%", true), "");
  EXPECT_EQ(text("%RESPONSE_FLAGS%"), "UH,NR");
  EXPECT_EQ(text("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% "
                 "%DOWNSTREAM_REMOTE_PORT%"),
            "10.0.0.1:1234 10.0.0.1 1234");
  EXPECT_EQ(text("%START_TIME%"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(text("%START_TIME(%Y %6f)%"), "2023 123456");
  EXPECT_EQ(text("%DYNAMIC_METADATA(ns:k)% %DYNAMIC_METADATA(ns)% %DYNAMIC_METADATA(no:k)%"),
            "v {\"k\":\"v\"} -");
  EXPECT_EQ(text("%UPSTREAM_HOST%"), "-");
  EXPECT_EQ(text("%UPSTREAM_CLUSTER_RAW%"), "-");
  info_.upstreamCluster = "c";
  EXPECT_EQ(text("%UPSTREAM_CLUSTER_RAW% %CONNECTION_TERMINATION_DETAILS%"),
            "c -"); // as Istio has them
}

TEST_F(FormatterTest, ErrorsNameTheCommand) {
  EXPECT_EQ(text("a %NOPE%"), "format: unknown command NOPE at position 2: \"%NOPE%\"");
  EXPECT_EQ(text("%REQ(x%"), "format: a command without its closing ) at position 0: \"%REQ(x%\"");
  EXPECT_EQ(text("50%"), "format: a command without its closing % at position 2: \"%\"");
}

TEST_F(FormatterTest, JsonIsValidWhateverTheHeaderHolds) {
  const auto json = [&](const std::string& text, const std::string& header) {
    request_->set("x-bytes", header);
    envoy::config::core::v3::SubstitutionFormatString format;
    (*format.mutable_json_format()->mutable_fields())["k"].set_string_value(text);
    std::string out;
    (*compileFormat(format))->format({info_, request_.get()}, out);
    return out;
  };
  EXPECT_EQ(json("%REQ(x-long):4%", ""), "{\"k\":\"0123\"}\n");
  EXPECT_EQ(json("a%REQ(x-long):4%b%REQ(x-long):2%", ""), "{\"k\":\"a0123b01\"}\n");
  EXPECT_EQ(json("%REQ(x-bytes)%", "\xc3\xa4 \xf0\x9f\x98\x80"),
            "{\"k\":\"\xc3\xa4 \xf0\x9f\x98\x80\"}\n");
  EXPECT_EQ(json("%REQ(x-bytes)%", "a\xe4z\xc3"), "{\"k\":\"a\\ufffdz\\ufffd\"}\n");
  EXPECT_EQ(json("%REQ(x-bytes):1%", "\xc3\xa4"), "{\"k\":\"\\ufffd\"}\n");
  EXPECT_EQ(json("%REQ(x-bytes)%", "\xed\xa0\x80\xc0\xaf"),
            "{\"k\":\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"}\n");
}

TEST_F(FormatterTest, JsonKeepsTypes) {
  envoy::config::core::v3::SubstitutionFormatString format;
  auto& fields = *format.mutable_json_format()->mutable_fields();
  fields["code"].set_string_value("%RESPONSE_CODE%");
  fields["host"].set_string_value("%UPSTREAM_HOST%");
  fields["text"].set_string_value("a \"%REQ(:method)%\"");
  auto formatter = compileFormat(format);
  ASSERT_TRUE(formatter.ok());
  std::string out;
  (*formatter)->format({info_, request_.get()}, out);
  EXPECT_EQ(out, "{\"code\":200,\"host\":null,\"text\":\"a \\\"GET\\\"\"}\n");
}

} // namespace
} // namespace moe::http
