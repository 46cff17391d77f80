#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

#include "base/strings.h"
#include "tls/handshake.h"
#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using test::addCertificate;
using test::downstream;
using test::Handshake;
using test::Made;
using test::make;
using test::trust;
using test::upstream;

// For both versions, since their tickets have little in common.
class ResumptionTest : public testing::TestWithParam<v3::TlsParameters::TlsProtocol> {
protected:
  ResumptionTest() {
    trust(*down_.mutable_common_tls_context(), ca_);
    down_.mutable_common_tls_context()->mutable_tls_params()->set_tls_maximum_protocol_version(
        GetParam());
    addCertificate(*up_.mutable_common_tls_context(), client_);
    up_.mutable_common_tls_context()->mutable_tls_params()->set_tls_maximum_protocol_version(
        GetParam());
  }

  ServerContextPtr server(const v3::DownstreamTlsContext& proto,
                          const std::vector<std::string>& names = {}) {
    auto context = factory_.server(proto, names, nullptr, FieldPath("d"));
    EXPECT_TRUE(context.ok()) << context.status();
    return context.ok() ? *context : nullptr;
  }
  ClientContextPtr client(const v3::UpstreamTlsContext& proto) {
    auto context = factory_.client(proto, nullptr, FieldPath("u"));
    EXPECT_TRUE(context.ok()) << context.status();
    return context.ok() ? *context : nullptr;
  }

  // Whether the handshake resumed a session.
  bool connect(const ServerContextPtr& server, const ClientContextPtr& client,
               std::string_view serverName = "") {
    Handshake shake(server->newSsl(),
                    client->newSsl({.serverName = serverName, .sessions = sessions_}));
    EXPECT_TRUE(shake.run()) << shake.serverVerify().failure << shake.clientVerify().failure;
    EXPECT_EQ(SSL_session_reused(&shake.server()), SSL_session_reused(&shake.client()));
    serverVerify_ = shake.serverVerify();
    clientVerify_ = shake.clientVerify();
    return SSL_session_reused(&shake.client()) != 0;
  }

  void useKeys(const std::vector<char>& keys) {
    auto* proto = down_.mutable_session_ticket_keys();
    proto->clear_keys();
    for (const char key : keys) {
      proto->add_keys()->set_inline_bytes(std::string(80, key));
    }
  }

  ContextFactory factory_;
  Made ca_ = make({.commonName = "root", .ca = true});
  Made web_ = make({.commonName = "web", .names = {"DNS:web.com"}, .issuer = &ca_});
  Made client_ = make({.commonName = "client", .issuer = &ca_, .serial = 5});
  v3::DownstreamTlsContext down_ = downstream(web_);
  v3::UpstreamTlsContext up_ = upstream(ca_);
  std::shared_ptr<ClientSessions> sessions_ = std::make_shared<ClientSessions>();
  VerifyState serverVerify_;
  VerifyState clientVerify_;
};

INSTANTIATE_TEST_SUITE_P(Versions, ResumptionTest,
                         testing::Values(v3::TlsParameters::TLSv1_2, v3::TlsParameters::TLSv1_3),
                         [](const auto& info) {
                           return v3::TlsParameters::TlsProtocol_Name(info.param);
                         });

TEST_P(ResumptionTest, SessionsAreResumedAndCheckedAgain) {
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  EXPECT_EQ(sessions_->size(), 1u); // max_session_keys
  EXPECT_TRUE(connect(server, client));
  EXPECT_TRUE(serverVerify_.verified);
  EXPECT_TRUE(clientVerify_.verified);
  EXPECT_TRUE(connect(server, client)); // with what the second one left
}

TEST_P(ResumptionTest, NoneWithoutAPlaceForThem) {
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  sessions_ = nullptr;
  EXPECT_FALSE(connect(server, client));
  EXPECT_FALSE(connect(server, client));
}

TEST_P(ResumptionTest, MaxSessionKeysOfZero) {
  up_.mutable_max_session_keys()->set_value(0);
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  EXPECT_EQ(sessions_->size(), 0u);
  EXPECT_FALSE(connect(server, client));
}

TEST_P(ResumptionTest, DisabledByTheServer) {
  down_.set_disable_stateless_session_resumption(true);
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  EXPECT_FALSE(connect(server, client));
}

TEST_P(ResumptionTest, NotAcrossServerNames) {
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client, "a.com"));
  EXPECT_FALSE(connect(server, client, "b.com"));
  EXPECT_TRUE(connect(server, client, "b.com"));
}

TEST_P(ResumptionTest, KeysAreSharedByContextsThatAreTheSame) {
  useKeys({'a'});
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server(down_), client));
  EXPECT_TRUE(connect(server(down_), client)); // another context with the same keys
  useKeys({'b', 'a'});                         // rotated: the old key still opens
  EXPECT_TRUE(connect(server(down_), client));
  useKeys({'b'});
  // In TLS 1.3 each connection gets a new ticket, which was sealed with b; in TLS 1.2 the first one
  // is used until it has expired.
  EXPECT_EQ(connect(server(down_), client), GetParam() == v3::TlsParameters::TLSv1_3);
  useKeys({'c'});
  EXPECT_FALSE(connect(server(down_), client));
}

TEST_P(ResumptionTest, NotAtAnotherFilterChain) {
  useKeys({'a'});
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server(down_, {"a.com"}), client));
  EXPECT_FALSE(connect(server(down_, {"b.com"}), client));
}

TEST_P(ResumptionTest, NotUnderOtherRules) {
  useKeys({'a'});
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server(down_), client));
  down_.mutable_common_tls_context()
      ->mutable_validation_context()
      ->mutable_crl()
      ->set_inline_string(test::makeCrl(ca_, {6}));
  EXPECT_FALSE(connect(server(down_), client));
}

// The ticket is good, but what it was made for has expired since.
TEST_P(ResumptionTest, ServerChecksTheChainOfATicket) {
  Made brief = make({.commonName = "brief", .issuer = &ca_, .until = 2});
  up_.mutable_common_tls_context()->clear_tls_certificates();
  addCertificate(*up_.mutable_common_tls_context(), brief);
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  const int64_t end = notAfter(*brief.certificate);
  while (time(nullptr) <= end) {
    usleep(50'000);
  }
  Handshake shake(server->newSsl(), client->newSsl({.sessions = sessions_}));
  EXPECT_FALSE(shake.run());
  EXPECT_EQ(shake.serverVerify().fail, VerifyState::Fail::Error);
  EXPECT_EQ(shake.serverVerify().failure, "certificate has expired (CN=brief, serial 1234)");
}

// And so does a client with the chain of a session.
TEST_P(ResumptionTest, ClientChecksTheChainOfASession) {
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  const std::vector<std::string> other = {"other.com"};
  Handshake shake(server->newSsl(),
                  client->newSsl({.subjectAltNames = other, .sessions = sessions_}));
  EXPECT_FALSE(shake.run());
  EXPECT_EQ(shake.clientVerify().fail, VerifyState::Fail::San);
}

TEST_P(ResumptionTest, SessionWithoutACertificate) {
  up_.mutable_common_tls_context()->clear_tls_certificates();
  useKeys({'a'});
  const auto server = this->server(down_);
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server, client));
  EXPECT_TRUE(connect(server, client));
  EXPECT_FALSE(serverVerify_.verified);
}

TEST_P(ResumptionTest, SessionsGoOnWithARenewedCertificate) {
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server(down_), client));
  const Made renewed = make({.commonName = "web", .names = {"DNS:web.com"}, .issuer = &ca_});
  down_.mutable_common_tls_context()->clear_tls_certificates();
  addCertificate(*down_.mutable_common_tls_context(), renewed);
  EXPECT_TRUE(connect(server(down_), client));
  const Made another = make({.commonName = "web", .names = {"DNS:b.com"}, .issuer = &ca_});
  down_.mutable_common_tls_context()->clear_tls_certificates();
  addCertificate(*down_.mutable_common_tls_context(), another);
  EXPECT_FALSE(connect(server(down_), client));
}

TEST_P(ResumptionTest, AnotherProcessCannotOpenTickets) {
  const auto client = this->client(up_);
  EXPECT_FALSE(connect(server(down_), client));
  ContextFactory other;
  const auto server = other.server(down_, {}, nullptr, FieldPath("d"));
  EXPECT_FALSE(connect(*server, client));
}

} // namespace
} // namespace moe::tls
