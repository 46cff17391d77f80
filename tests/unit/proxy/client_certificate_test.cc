#include "proxy/client_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event/worker.h"
#include "tls/peers.h"

namespace moe::proxy {
namespace {

using Forward = ClientCertificateRules::Forward;

class ClientCertificateTest : public testing::Test {
protected:
  // What the next hop gets of a client that says "URI=spiffe://said".
  std::string forwarded(Forward forward, const tls::TlsPeer* peer) {
    rules.forward = forward;
    http::HeaderMapPtr headers = pool.make();
    headers->add("x-forwarded-client-cert", "URI=spiffe://said");
    forwardClientCertificate(*headers, rules, peer);
    return std::string(headers->get("x-forwarded-client-cert").value_or("none"));
  }

  event::Worker worker{0};
  http::HeaderMapPool pool{worker.slab};
  tls::test::SelfSigned server{"server", "URI:spiffe://mesh/server"};
  tls::test::SelfSigned client{"client", "URI:spiffe://mesh/client,DNS:c.example,DNS:d.example"};
  tls::test::Peers peers{server, &client};
  tls::test::Peers oneSided{server, nullptr};
  std::string hash = peers.seenByServer->certificate()->sha256;
  ClientCertificateRules rules;
};

TEST_F(ClientCertificateTest, IsBelievedOverMutualTlsOnly) {
  for (const tls::TlsPeer* peer :
       {static_cast<const tls::TlsPeer*>(nullptr), oneSided.seenByServer.get()}) {
    EXPECT_EQ(forwarded(Forward::Sanitize, peer), "none");
    EXPECT_EQ(forwarded(Forward::ForwardOnly, peer), "none");
    EXPECT_EQ(forwarded(Forward::AppendForward, peer), "none");
    EXPECT_EQ(forwarded(Forward::SanitizeSet, peer), "none");
    EXPECT_EQ(forwarded(Forward::AlwaysForwardOnly, peer), "URI=spiffe://said");
  }
}

TEST_F(ClientCertificateTest, FollowsTheModeOverMutualTls) {
  const tls::TlsPeer* peer = peers.seenByServer.get();
  rules.uri = true;
  const std::string element = "By=spiffe://mesh/server;Hash=" + hash + ";URI=spiffe://mesh/client";
  EXPECT_EQ(forwarded(Forward::Sanitize, peer), "none");
  EXPECT_EQ(forwarded(Forward::ForwardOnly, peer), "URI=spiffe://said");
  EXPECT_EQ(forwarded(Forward::AppendForward, peer), "URI=spiffe://said," + element);
  EXPECT_EQ(forwarded(Forward::SanitizeSet, peer), element);
}

TEST_F(ClientCertificateTest, HasWhatWasAskedFor) {
  rules = {.subject = true, .dns = true};
  EXPECT_EQ(clientCertificateElement(rules, *peers.seenByServer),
            "By=spiffe://mesh/server;Hash=" + hash +
                ";Subject=\"CN=client,O=moe\";DNS=c.example;DNS=d.example");
  rules = {.cert = true, .chain = true};
  EXPECT_THAT(
      clientCertificateElement(rules, *peers.seenByServer),
      testing::ContainsRegex(";Cert=\"-----BEGIN%20CERTIFICATE-----%0A[^\"]*\";Chain=\"-----"
                             "BEGIN%20CERTIFICATE-----%0A[^\"]*\"$"));
}

TEST_F(ClientCertificateTest, UriIsThereWithoutAUri) {
  const tls::test::SelfSigned nameless("nobody");
  const tls::test::Peers other(server, &nameless);
  rules.uri = true;
  EXPECT_THAT(clientCertificateElement(rules, *other.seenByServer), testing::EndsWith(";URI="));
}

TEST_F(ClientCertificateTest, NoNameEndsItsValue) {
  tls::test::SelfSigned evil("evil");
  const std::string uri = "spiffe://a;Hash=1,By=\"b\\\r\nx: y\x80";
  evil.addUri(uri);
  const tls::test::Peers other(server, &evil);
  rules.uri = true;
  EXPECT_THAT(clientCertificateElement(rules, *other.seenByServer),
              testing::EndsWith(";URI=\"spiffe://a;Hash=1,By=\\\"b\\\\%0D%0Ax: y%80\""));
}

} // namespace
} // namespace moe::proxy
