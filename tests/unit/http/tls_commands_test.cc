#include "http/tls_commands.h"

#include <gtest/gtest.h>

#include "http/formatter.h"
#include "tls/peers.h"

namespace moe::http {
namespace {

class TlsCommandsTest : public testing::Test {
protected:
  std::string format(std::string_view text) {
    const auto compiled = compileFormat(text);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    std::string out;
    if (compiled.ok()) {
      (*compiled)->format({info}, out);
    }
    return out;
  }

  tls::test::SelfSigned server{"server", "URI:spiffe://mesh/server,DNS:a.example,DNS:b.example"};
  tls::test::SelfSigned client{"client", "URI:spiffe://mesh/client,IP:10.0.0.9,email:me@example"};
  tls::test::Peers peers{server, &client};
  StreamInfo info;
};

TEST_F(TlsCommandsTest, SpeakOfBothSidesOfBothConnections) {
  info.downstreamTls = peers.seenByServer;
  info.upstreamTls = peers.seenByClient;
  EXPECT_EQ(format("%DOWNSTREAM_TLS_VERSION% %UPSTREAM_TLS_VERSION%"), "TLSv1.3 TLSv1.3");
  EXPECT_TRUE(format("%DOWNSTREAM_TLS_CIPHER%").starts_with("TLS_"));
  EXPECT_EQ(format("%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_LOCAL_URI_SAN%"),
            "spiffe://mesh/client spiffe://mesh/server");
  EXPECT_EQ(format("%UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN%"),
            "spiffe://mesh/server spiffe://mesh/client");
  EXPECT_EQ(format("%UPSTREAM_PEER_DNS_SAN%"), "a.example,b.example");
  EXPECT_EQ(format("%DOWNSTREAM_PEER_IP_SAN% %DOWNSTREAM_PEER_EMAIL_SAN%"), "10.0.0.9 me@example");
  EXPECT_EQ(format("%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_LOCAL_SUBJECT%"),
            "CN=client,O=moe|CN=server,O=moe");
  EXPECT_EQ(format("%DOWNSTREAM_PEER_ISSUER%"), "CN=client,O=moe");
  EXPECT_EQ(format("%DOWNSTREAM_PEER_SERIAL%"), "1234abcd");
  EXPECT_EQ(format("%DOWNSTREAM_PEER_FINGERPRINT_256%").size(), 64u);
  EXPECT_EQ(format("%DOWNSTREAM_PEER_FINGERPRINT_1%").size(), 40u);
  EXPECT_TRUE(format("%DOWNSTREAM_PEER_CERT%").starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
}

TEST_F(TlsCommandsTest, SayNothingInClearText) {
  EXPECT_EQ(format("%DOWNSTREAM_TLS_VERSION% %UPSTREAM_PEER_URI_SAN% %DOWNSTREAM_PEER_CERT% "
                   "%DOWNSTREAM_PEER_CERT_V_START% %DOWNSTREAM_TLS_SESSION_ID%"),
            "- - - - -");
}

TEST_F(TlsCommandsTest, SayNothingOfACertificateThatWasNotShown) {
  const tls::test::Peers oneSided(server, nullptr);
  info.downstreamTls = oneSided.seenByServer;
  EXPECT_EQ(format("%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_PEER_CERT%"),
            "TLSv1.3 - -");
  EXPECT_EQ(format("%DOWNSTREAM_LOCAL_URI_SAN%"), "spiffe://mesh/server");
}

TEST_F(TlsCommandsTest, ValidityHasAFormat) {
  info.downstreamTls = peers.seenByServer;
  const int64_t start = peers.seenByServer->certificate()->validFrom;
  EXPECT_EQ(format("%DOWNSTREAM_PEER_CERT_V_START(%s)%"), std::to_string(start));
  EXPECT_EQ(format("%DOWNSTREAM_PEER_CERT_V_END(%s)%"), std::to_string(start + 660));
  EXPECT_TRUE(format("%DOWNSTREAM_PEER_CERT_V_START%").ends_with(".000Z"));
}

TEST_F(TlsCommandsTest, FailuresAreNamed) {
  info.downstreamFailureReason = "TLS_error:|1:x";
  EXPECT_EQ(format("%DOWNSTREAM_TRANSPORT_FAILURE_REASON%"), "TLS_error:|1:x");
}

TEST_F(TlsCommandsTest, UnknownOnesAreRefused) {
  EXPECT_FALSE(compileFormat("%DOWNSTREAM_PEER_SHOE_SIZE%").ok());
  EXPECT_FALSE(compileFormat("%DOWNSTREAM_LOCAL_SERIAL%").ok());
  EXPECT_FALSE(compileFormat("%UPSTREAM_%").ok());
}

} // namespace
} // namespace moe::http
