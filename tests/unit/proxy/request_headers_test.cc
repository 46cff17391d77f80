#include "proxy/request_headers.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::proxy {
namespace {

class RequestHeadersTest : public testing::Test {
protected:
  RequestHeadersTest() {
    config_.useRemoteAddress = true;
    config_.generateRequestId = false;
    headers_->add(":method", "GET");
    headers_->add(":path", "/");
    peer("203.0.113.7");
  }
  void peer(std::string_view ip) {
    info_.downstreamDirectRemote = info_.downstreamRemote = *net::Address::parseIp(ip, 1234);
  }
  void internal(const std::string& prefix, uint32_t bits) {
    InternalAddresses::Proto proto;
    auto& range = *proto.add_cidr_ranges();
    range.set_address_prefix(prefix);
    range.mutable_prefix_len()->set_value(bits);
    config_.internalAddresses = *InternalAddresses::compile(proto, config::FieldPath("i"));
  }
  // The details of a refusal, or "".
  std::string prepare() {
    return std::string(
        base::message(prepareRequestHeaders(*headers_, config_, info_, random_, false)));
  }
  std::string value(std::string_view name) {
    std::string storage;
    return std::string(headers_->joined(name, storage).value_or("none"));
  }

  stats::Store store_;
  HcmConfig config_{store_.root().child("http", "envoy_http_conn_manager_prefix", "x")};
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  http::HeaderMapPool pool_{slab_};
  http::HeaderMapPtr headers_ = pool_.make();
  http::StreamInfo info_;
  base::Random random_{1};
};

TEST_F(RequestHeadersTest, ThePeerIsTheRightmostAddress) {
  headers_->add("x-forwarded-for", "10.0.0.1");
  headers_->add("x-forwarded-for", "10.0.0.2");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(headers_->value(http::HeaderId::ForwardedFor), "10.0.0.1,10.0.0.2,203.0.113.7");
  EXPECT_EQ(headers_->count(http::HeaderId::ForwardedFor), 1u);
}

TEST_F(RequestHeadersTest, RefusesFragments) {
  headers_->set(":path", "/public#/../admin");
  EXPECT_EQ(prepare(), "path_normalization_failed");
}

TEST_F(RequestHeadersTest, ConnectionNamesWhatEndsHere) {
  headers_->add("connection", "close, X-Hop");
  headers_->add("connection", "x-other,TE");
  headers_->add("x-hop", "1");
  headers_->add("x-other", "1");
  headers_->add("x-stays", "1");
  headers_->add("te", "gzip, trailers");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-hop") + value("x-other") + value("connection"), "nonenonenone");
  EXPECT_EQ(value("x-stays"), "1");
  EXPECT_EQ(value("te"), "trailers");
}

TEST_F(RequestHeadersTest, ConnectionMustNotTakeAwayWhatProxiesSay) {
  for (const std::string_view bad : {"close, X-Forwarded-For", "x-forwarded-host",
                                     "x-forwarded-proto", ":path", "a,b,c,d,e,f,g,h,i,j,k"}) {
    headers_->set("connection", bad);
    EXPECT_EQ(prepare(), "http1.connection_header_rejected") << bad;
  }
  headers_->set("connection", "a,b,c,d,e,f,g,h,i,j");
  EXPECT_EQ(prepare(), "");
}

TEST_F(RequestHeadersTest, AnOutsiderSpeaksForNobody) {
  for (const std::string_view name :
       {"x-envoy-internal", "x-envoy-external-address", "x-envoy-original-path",
        "x-envoy-expected-rq-timeout-ms", "x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on",
        "x-envoy-decorator-operation"}) {
    headers_->add(name, "true");
  }
  headers_->add("x-envoy-other", "stays");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-external-address"), "203.0.113.7");
  headers_->remove("x-envoy-external-address");
  EXPECT_EQ(value("x-envoy-other"), "stays");
  headers_->remove("x-envoy-other");
  for (const auto& entry : headers_->entries()) {
    EXPECT_FALSE(entry.name().starts_with("x-envoy-")) << entry.name();
  }
}

TEST_F(RequestHeadersTest, AnInternalClientIsOneWithoutAChain) {
  internal("10.0.0.0", 8);
  peer("10.1.2.3");
  headers_->add("x-envoy-retry-on", "5xx");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "true");
  EXPECT_EQ(value("x-envoy-retry-on"), "5xx");
  EXPECT_EQ(value("x-envoy-external-address"), "none");
  // It passes on another's request: now with the chain that the first pass made.
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "none");
  EXPECT_EQ(value("x-envoy-retry-on"), "none");
  EXPECT_EQ(value("x-envoy-external-address"), "10.1.2.3");
}

TEST_F(RequestHeadersTest, BehindAnEdgeTheChainDecides) {
  internal("192.168.0.0", 16);
  config_.useRemoteAddress = false;
  headers_->add("x-envoy-internal", "true");
  headers_->add("x-envoy-original-path", "/was");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "none"); // no chain: nothing is known
  EXPECT_EQ(value("x-envoy-original-path"), "/was");
  EXPECT_EQ(info_.downstreamRemote->ip(), "203.0.113.7");
  headers_->add("x-forwarded-for", " 192.168.1.1 ");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "true");
  EXPECT_EQ(info_.downstreamRemote->ip(), "192.168.1.1");
  headers_->set("x-forwarded-for", "192.168.1.1, 192.168.1.2");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "none");
  EXPECT_EQ(info_.downstreamRemote->ip(), "192.168.1.2");
}

TEST_F(RequestHeadersTest, NoClientTellsOfItsCertificate) {
  headers_->add("x-forwarded-client-cert", "By=spiffe://a");
  headers_->add("x-forwarded-client-cert", "URI=spiffe://b");
  config_.clientCertificate.forward = ClientCertificateRules::Forward::AlwaysForwardOnly;
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-forwarded-client-cert"), "By=spiffe://a,URI=spiffe://b");
  config_.clientCertificate.forward = ClientCertificateRules::Forward::Sanitize;
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-forwarded-client-cert"), "none");
}

TEST_F(RequestHeadersTest, TrustedHopsAreSkipped) {
  config_.xffTrustedHops = 1;
  headers_->add("x-forwarded-for", "10.0.0.1, 198.51.100.4");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(info_.downstreamRemote->ip(), "198.51.100.4");
  EXPECT_EQ(value("x-envoy-external-address"), "198.51.100.4");
}

TEST_F(RequestHeadersTest, TheConfigurationSaysWhoIsInternal) {
  internal("203.0.113.0", 24);
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "true");
  headers_->remove("x-forwarded-for");
  peer("10.0.0.1");
  EXPECT_EQ(prepare(), "");
  EXPECT_EQ(value("x-envoy-internal"), "none");
}

} // namespace
} // namespace moe::proxy
