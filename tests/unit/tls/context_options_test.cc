#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/strings.h"
#include "tls/handshake.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using test::addCertificate;
using test::downstream;
using test::Handshake;
using test::KeyKind;
using test::Made;
using test::make;
using test::trust;
using test::upstream;

// What a context's fields do to handshakes, one by one.
class ContextOptionsTest : public testing::Test {
protected:
  ServerContextPtr server() {
    auto context = factory_.server(down_, {}, nullptr, FieldPath("d"));
    EXPECT_TRUE(context.ok()) << context.status();
    return *context;
  }
  ClientContextPtr client() {
    auto context = factory_.client(up_, nullptr, FieldPath("u"));
    EXPECT_TRUE(context.ok()) << context.status();
    return *context;
  }
  v3::TlsParameters& serverParameters() {
    return *down_.mutable_common_tls_context()->mutable_tls_params();
  }
  v3::TlsParameters& clientParameters() {
    return *up_.mutable_common_tls_context()->mutable_tls_params();
  }

  ContextFactory factory_;
  Made ca_ = make({.commonName = "root", .ca = true});
  Made web_ = make({.commonName = "web", .names = {"DNS:web.com"}, .issuer = &ca_});
  v3::DownstreamTlsContext down_ = downstream(web_);
  v3::UpstreamTlsContext up_ = upstream(ca_);
};

TEST_F(ContextOptionsTest, Versions) {
  const auto negotiated = [&] {
    Handshake shake(server()->newSsl(), client()->newSsl());
    return shake.run() ? std::string(SSL_get_version(&shake.client())) : "";
  };
  serverParameters().set_tls_minimum_protocol_version(v3::TlsParameters::TLSv1_3);
  EXPECT_EQ(negotiated(), ""); // clients end at 1.2 by default
  clientParameters().set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_3);
  EXPECT_EQ(negotiated(), "TLSv1.3");
  clientParameters().Clear();
  serverParameters().Clear();
  for (auto* parameters : {&clientParameters(), &serverParameters()}) {
    parameters->set_tls_minimum_protocol_version(v3::TlsParameters::TLSv1_0);
    parameters->set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_1);
    parameters->add_cipher_suites("ECDHE-ECDSA-AES128-SHA");
  }
  EXPECT_EQ(negotiated(), "TLSv1.1"); // who asks for it gets it
}

TEST_F(ContextOptionsTest, GroupsAndAlgorithms) {
  serverParameters().add_ecdh_curves("P-384");
  serverParameters().add_ecdh_curves("X25519");
  // TLS 1.3: before it, the groups are also those of certificates.
  clientParameters().set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_3);
  clientParameters().add_ecdh_curves("X25519");
  clientParameters().add_ecdh_curves("P-384");
  clientParameters().add_signature_algorithms("ecdsa_secp256r1_sha256");
  {
    Handshake shake(server()->newSsl(), client()->newSsl());
    EXPECT_TRUE(shake.run());
    EXPECT_EQ(SSL_get_group_id(&shake.client()), SSL_GROUP_SECP384R1);
  }
  clientParameters().set_signature_algorithms(0, "rsa_pss_rsae_sha256");
  Handshake shake(server()->newSsl(), client()->newSsl());
  EXPECT_FALSE(shake.run());
}

TEST_F(ContextOptionsTest, WhoseCiphersGoFirst) {
  serverParameters().add_cipher_suites("ECDHE-ECDSA-AES256-GCM-SHA384");
  serverParameters().add_cipher_suites("ECDHE-ECDSA-AES128-GCM-SHA256");
  serverParameters().set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_2);
  clientParameters().add_cipher_suites("ECDHE-ECDSA-AES128-GCM-SHA256");
  clientParameters().add_cipher_suites("ECDHE-ECDSA-AES256-GCM-SHA384");
  const auto negotiated = [&] {
    Handshake shake(server()->newSsl(), client()->newSsl());
    EXPECT_TRUE(shake.run());
    return std::string(SSL_CIPHER_get_name(SSL_get_current_cipher(&shake.client())));
  };
  EXPECT_EQ(negotiated(), "ECDHE-ECDSA-AES256-GCM-SHA384");
  down_.set_prefer_client_ciphers(true);
  EXPECT_EQ(negotiated(), "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(ContextOptionsTest, SessionTimeout) {
  down_.mutable_session_timeout()->set_seconds(77);
  down_.mutable_session_timeout()->set_nanos(900'000'000); // parts of a second do not count
  for (const auto version : {v3::TlsParameters::TLSv1_2, v3::TlsParameters::TLSv1_3}) {
    clientParameters().set_tls_maximum_protocol_version(version);
    Handshake shake(server()->newSsl(), client()->newSsl());
    EXPECT_TRUE(shake.run());
    EXPECT_EQ(SSL_SESSION_get_timeout(SSL_get_session(&shake.server())), 77u);
  }
}

// A certificate whose key usage does not allow what the handshake needs.
TEST_F(ContextOptionsTest, KeyUsage) {
  const Made rsa = make({.commonName = "rsa",
                         .issuer = &ca_,
                         .key = KeyKind::Rsa2048,
                         .usage = "critical,digitalSignature"});
  down_ = downstream(rsa);
  serverParameters().add_cipher_suites("AES128-GCM-SHA256"); // the client encrypts to the key
  serverParameters().set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_2);
  clientParameters().add_cipher_suites("AES128-GCM-SHA256");
  Handshake shake(server()->newSsl(), client()->newSsl());
  EXPECT_FALSE(shake.run());
}

TEST_F(ContextOptionsTest, ManyThreadsShareAContext) {
  trust(*down_.mutable_common_tls_context(), ca_);
  down_.mutable_common_tls_context()->add_alpn_protocols("h2");
  addCertificate(*down_.mutable_common_tls_context(), make({.commonName = "b", .issuer = &ca_}));
  addCertificate(*up_.mutable_common_tls_context(), web_);
  up_.mutable_common_tls_context()->add_alpn_protocols("h2");
  clientParameters().set_tls_maximum_protocol_version(v3::TlsParameters::TLSv1_3);
  const ServerContextPtr server = this->server();
  const ClientContextPtr client = this->client();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto sessions = std::make_shared<ClientSessions>();
      for (int n = 0; n < 20; ++n) {
        Handshake shake(server->newSsl(), client->newSsl({.sessions = sessions}));
        EXPECT_TRUE(shake.run()) << shake.serverVerify().failure;
        EXPECT_TRUE(shake.serverVerify().verified);
        EXPECT_EQ(SSL_session_reused(&shake.client()) != 0, n > 0);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

} // namespace
} // namespace moe::tls
