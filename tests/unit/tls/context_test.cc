#include "tls/context.h"

#include <gtest/gtest.h>

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

class ContextTest : public testing::Test {
protected:
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
  std::string serverError(const v3::DownstreamTlsContext& proto) {
    const auto context = factory_.server(proto, {}, nullptr, FieldPath("d"));
    return context.ok() ? "" : std::string(base::message(context.status()));
  }
  std::string clientError(const v3::UpstreamTlsContext& proto) {
    const auto context = factory_.client(proto, nullptr, FieldPath("u"));
    return context.ok() ? "" : std::string(base::message(context.status()));
  }

  ContextFactory factory_;
  Made ca_ = make({.commonName = "root", .ca = true});
  Made otherCa_ = make({.commonName = "other root", .ca = true});
  Made web_ = make({.commonName = "web", .names = {"DNS:web.example.com"}, .issuer = &ca_});
};

TEST_F(ContextTest, HandshakeWithServerCertificate) {
  Handshake shake(server(downstream(web_))->newSsl(), client(upstream(ca_))->newSsl());
  EXPECT_TRUE(shake.run()) << shake.clientVerify().failure;
  EXPECT_TRUE(shake.clientVerify().verified);
  EXPECT_FALSE(shake.serverVerify().verified);
  EXPECT_STREQ(SSL_get_version(&shake.client()), "TLSv1.2"); // Envoy's default for clients
  ASSERT_NE(localCertificate(shake.server()), nullptr);
  EXPECT_EQ(commonName(*localCertificate(shake.server())->leaf), "web");
  EXPECT_EQ(localCertificate(shake.client()), nullptr);
}

TEST_F(ContextTest, HandshakeWithBothCertificates) {
  const Made client = make({.commonName = "client", .issuer = &ca_});
  auto down = downstream(web_);
  trust(*down.mutable_common_tls_context(), ca_);
  down.mutable_require_client_certificate()->set_value(true);
  auto up = upstream(ca_);
  addCertificate(*up.mutable_common_tls_context(), client);
  up.mutable_common_tls_context()->mutable_tls_params()->set_tls_maximum_protocol_version(
      v3::TlsParameters::TLSv1_3);
  Handshake shake(server(down)->newSsl(), this->client(up)->newSsl());
  EXPECT_TRUE(shake.run()) << shake.serverVerify().failure;
  EXPECT_TRUE(shake.serverVerify().verified);
  EXPECT_TRUE(shake.clientVerify().verified);
  EXPECT_STREQ(SSL_get_version(&shake.client()), "TLSv1.3");
  EXPECT_EQ(commonName(*localCertificate(shake.client())->leaf), "client");
}

TEST_F(ContextTest, ClientWithoutTrustAcceptsAnybody) {
  Handshake shake(server(downstream(web_))->newSsl(), client({})->newSsl());
  EXPECT_TRUE(shake.run());
  EXPECT_FALSE(shake.clientVerify().verified);
  EXPECT_EQ(shake.clientVerify().fail, VerifyState::Fail::None);
}

TEST_F(ContextTest, SslOutlivesItsContext) {
  auto ssl = server(downstream(web_))->newSsl();
  auto other = client(upstream(ca_))->newSsl();
  Handshake shake(std::move(ssl), std::move(other)); // nobody else holds the contexts
  EXPECT_TRUE(shake.run());
}

TEST_F(ContextTest, MissingClientCertificate) {
  auto down = downstream(web_);
  trust(*down.mutable_common_tls_context(), ca_);
  Handshake optional(server(down)->newSsl(), client(upstream(ca_))->newSsl());
  EXPECT_TRUE(optional.run());
  EXPECT_FALSE(optional.serverVerify().verified);

  down.mutable_require_client_certificate()->set_value(true);
  Handshake shake(server(down)->newSsl(), client(upstream(ca_))->newSsl());
  EXPECT_FALSE(shake.run());
  EXPECT_EQ(shake.alertToClient(), "handshake failure"); // TLS 1.2 has no better one
}

TEST_F(ContextTest, RequiredCertificateNeedsSomethingToCheckIt) {
  auto down = downstream(web_);
  down.mutable_require_client_certificate()->set_value(true);
  EXPECT_EQ(serverError(down),
            "d.require_client_certificate: found true, and nothing to check the certificates "
            "against, expected trusted_ca or another check in validation_context");
}

TEST_F(ContextTest, ServerWithoutCertificate) {
  EXPECT_EQ(serverError({}), "d.common_tls_context.tls_certificates: found none, expected at least "
                             "one certificate");
}

TEST_F(ContextTest, ClientWithTwoCertificates) {
  auto up = upstream(ca_);
  addCertificate(*up.mutable_common_tls_context(), web_);
  addCertificate(*up.mutable_common_tls_context(), web_);
  EXPECT_EQ(clientError(up),
            "u.common_tls_context.tls_certificates: found 2 certificates, expected "
            "at most one for a client");
}

TEST_F(ContextTest, UnsupportedFieldsAreRefused) {
  auto up = upstream(ca_);
  up.set_allow_renegotiation(true);
  EXPECT_EQ(clientError(up),
            "u.allow_renegotiation: found true, which is not supported, expected false");
  auto down = downstream(web_);
  down.mutable_require_sni()->set_value(true);
  EXPECT_EQ(serverError(down), "d.require_sni: found true, which is not supported, expected false");
  down = downstream(web_);
  down.mutable_common_tls_context()->mutable_custom_handshaker()->set_name("x");
  EXPECT_EQ(serverError(down), "d.common_tls_context.custom_handshaker: found an extension, which "
                               "is not supported, expected none");
  down = downstream(web_);
  down.mutable_common_tls_context()->mutable_tls_certificates(0)->mutable_private_key_provider();
  EXPECT_EQ(serverError(down),
            "d.common_tls_context.tls_certificates[0].private_key_provider: found a key provider, "
            "which is not supported, expected private_key");
}

TEST_F(ContextTest, Alpn) {
  auto down = downstream(web_);
  down.mutable_common_tls_context()->add_alpn_protocols("h2");
  down.mutable_common_tls_context()->add_alpn_protocols("http/1.1");
  auto up = upstream(ca_);
  up.mutable_common_tls_context()->add_alpn_protocols("http/1.1");
  up.mutable_common_tls_context()->add_alpn_protocols("h2");
  const auto serverContext = server(down);
  const auto clientContext = client(up);
  const auto negotiated = [&](const ClientOptions& options) {
    Handshake shake(serverContext->newSsl(), clientContext->newSsl(options));
    EXPECT_TRUE(shake.run());
    const uint8_t* bytes = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(&shake.server(), &bytes, &length);
    return std::string(reinterpret_cast<const char*>(bytes), length);
  };
  EXPECT_EQ(negotiated({}), "h2"); // the server's order
  const std::vector<std::string> http1 = {"http/1.1"};
  EXPECT_EQ(negotiated({.alpn = http1}), "http/1.1");
  EXPECT_EQ(negotiated({.alpnFallback = http1}), "h2"); // there are protocols already
  const std::vector<std::string> unknown = {"spdy"};
  EXPECT_EQ(negotiated({.alpn = unknown}), ""); // nothing in common is no failure
}

TEST_F(ContextTest, ServerNames) {
  auto up = upstream(ca_);
  up.set_sni("configured.com");
  const auto fixed = client(up);
  EXPECT_EQ(fixed->serverNameFor({}), "configured.com");
  EXPECT_EQ(fixed->serverNameFor({.hostname = "host.com"}), "configured.com");
  EXPECT_EQ(fixed->serverNameFor({.serverName = "over.com", .hostname = "host.com"}), "over.com");
  up.set_auto_host_sni(true);
  const auto automatic = client(up);
  EXPECT_EQ(automatic->serverNameFor({.hostname = "host.com"}), "host.com");
  EXPECT_EQ(automatic->serverNameFor({}), "configured.com");

  Handshake shake(server(downstream(web_))->newSsl(), fixed->newSsl({.serverName = "over.com"}));
  EXPECT_TRUE(shake.run());
  EXPECT_STREQ(SSL_get_servername(&shake.server(), TLSEXT_NAMETYPE_host_name), "over.com");
}

TEST_F(ContextTest, NamesThatCannotBeSentGiveNoSsl) {
  const auto context = client(upstream(ca_));
  EXPECT_EQ(context->newSsl({.serverName = std::string(256, 'a')}), nullptr);
  EXPECT_EQ(context->newSsl({.serverName = std::string_view("a\0b", 3)}), nullptr);
  const std::vector<std::string> empty = {""};
  EXPECT_EQ(context->newSsl({.alpn = empty}), nullptr);
  auto up = upstream(ca_);
  up.set_sni(std::string("a\0b", 3));
  EXPECT_EQ(clientError(up),
            "u.sni: found \"a\\000b\", expected a name of at most 255 bytes without NUL");
}

TEST_F(ContextTest, WhatIsTheSameIsShared) {
  const auto one = client(upstream(ca_));
  auto up = upstream(ca_);
  up.set_sni("b.com");
  auto* names = up.mutable_common_tls_context()->mutable_validation_context();
  names->add_match_typed_subject_alt_names()->set_san_type(v3::SubjectAltNameMatcher::URI);
  names->mutable_match_typed_subject_alt_names(0)->mutable_matcher()->set_exact("spiffe://x");
  const auto two = client(up);
  EXPECT_EQ(one->parts().credentials, two->parts().credentials);
  EXPECT_EQ(one->verifier().trust().trust, two->verifier().trust().trust);
  EXPECT_NE(one->parts().digest, two->parts().digest);
  const auto three = client(upstream(otherCa_));
  EXPECT_NE(one->verifier().trust().trust, three->verifier().trust().trust);
  EXPECT_EQ(one->parts().credentials, three->parts().credentials);
}

TEST_F(ContextTest, ServerTellsWhomItTrusts) {
  auto down = downstream(web_);
  trust(*down.mutable_common_tls_context(), ca_);
  const auto listed = [&] {
    Handshake shake(server(down)->newSsl(), client(upstream(ca_))->newSsl());
    size_t count = 0;
    SSL_set_cert_cb(
        &shake.client(),
        [](SSL* ssl, void* arg) {
          *static_cast<size_t*>(arg) = sk_CRYPTO_BUFFER_num(SSL_get0_server_requested_CAs(ssl));
          return 1;
        },
        &count);
    EXPECT_TRUE(shake.run());
    return count;
  };
  EXPECT_EQ(listed(), 1u);
  down.mutable_common_tls_context()->mutable_validation_context()->set_suppress_client_ca_list(
      true);
  EXPECT_EQ(listed(), 0u);
}

} // namespace
} // namespace moe::tls
