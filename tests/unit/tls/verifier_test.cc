#include "tls/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/base64.h>
#include <openssl/sha.h>

#include "base/strings.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.pb.h"
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
using test::makeCrl;
using test::trust;
using test::upstream;
using testing::HasSubstr;
using Fail = VerifyState::Fail;

// A client checks a server's certificate, and a server a client's: each way of failing, with its
// reason, its statistic and the alert that the peer sees.
class VerifierTest : public testing::Test {
protected:
  struct Outcome {
    bool ok = false;
    VerifyState verify;
    std::string alert; // that the one who is checked has got
  };

  // `common` is of the client, who checks `leaf`.
  Outcome checkServer(const Made& leaf, const v3::UpstreamTlsContext& up,
                      const ClientOptions& options = {}) {
    const auto server = factory_.server(downstream(leaf), {}, nullptr, FieldPath("d"));
    const auto client = factory_.client(up, nullptr, FieldPath("u"));
    EXPECT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE(client.ok()) << client.status();
    if (!server.ok() || !client.ok()) {
      return {};
    }
    Handshake shake((*server)->newSsl(), (*client)->newSsl(options));
    const bool ok = shake.run();
    return {ok, shake.clientVerify(), shake.alertToServer()};
  }

  Outcome checkClient(const Made& leaf, const v3::CertificateValidationContext& context) {
    v3::DownstreamTlsContext down = downstream(server_);
    *down.mutable_common_tls_context()->mutable_validation_context() = context;
    v3::UpstreamTlsContext up = upstream(ca_);
    addCertificate(*up.mutable_common_tls_context(), leaf);
    const auto server = factory_.server(down, {}, nullptr, FieldPath("d"));
    const auto client = factory_.client(up, nullptr, FieldPath("u"));
    EXPECT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE(client.ok()) << client.status();
    if (!server.ok() || !client.ok()) {
      return {};
    }
    Handshake shake((*server)->newSsl(), (*client)->newSsl());
    const bool ok = shake.run();
    return {ok, shake.serverVerify(), shake.alertToClient()};
  }

  v3::CertificateValidationContext trusting(const Made& ca) {
    v3::CertificateValidationContext context;
    context.mutable_trusted_ca()->set_inline_string(ca.pem());
    return context;
  }

  std::string error(const v3::CertificateValidationContext& context) {
    v3::DownstreamTlsContext down = downstream(server_);
    *down.mutable_common_tls_context()->mutable_validation_context() = context;
    const auto server = factory_.server(down, {}, nullptr, FieldPath("d"));
    return server.ok() ? "" : std::string(base::message(server.status()));
  }

  ContextFactory factory_;
  Made ca_ = make({.commonName = "root", .ca = true});
  Made otherCa_ = make({.commonName = "root", .ca = true}); // the same name, another key
  Made server_ = make({.commonName = "server", .names = {"DNS:server.com"}, .issuer = &ca_});
  Made client_ = make(
      {.commonName = "client", .names = {"URI:spiffe://td/client"}, .issuer = &ca_, .serial = 7});
};

TEST_F(VerifierTest, Expired) {
  const Made old =
      make({.commonName = "old", .issuer = &ca_, .from = -7200, .until = -3600, .serial = 0xabcd});
  const Outcome outcome = checkServer(old, upstream(ca_));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::Error);
  EXPECT_EQ(outcome.verify.failure, "certificate has expired (CN=old, serial abcd)");
  EXPECT_FALSE(outcome.verify.verified);
  EXPECT_EQ(outcome.alert, "certificate expired");

  v3::UpstreamTlsContext lax = upstream(ca_);
  lax.mutable_common_tls_context()->mutable_validation_context()->set_allow_expired_certificate(
      true);
  EXPECT_TRUE(checkServer(old, lax).ok);
}

TEST_F(VerifierTest, ExpiredIssuerIsNamed) {
  const Made oldCa = make({.commonName = "old root", .ca = true, .from = -7200, .until = -60});
  const Made leaf = make({.commonName = "leaf", .issuer = &oldCa});
  const Outcome outcome = checkServer(leaf, upstream(oldCa));
  EXPECT_EQ(outcome.verify.failure, "certificate has expired (CN=old root, serial 1234)");
}

TEST_F(VerifierTest, NotYetValid) {
  const Made early = make({.commonName = "early", .issuer = &ca_, .from = 3600});
  const Outcome outcome = checkServer(early, upstream(ca_));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::Error);
  EXPECT_EQ(outcome.verify.failure, "certificate is not yet valid (CN=early, serial 1234)");
  EXPECT_EQ(outcome.alert, "certificate expired"); // TLS has no better one
}

TEST_F(VerifierTest, WrongRoot) {
  const Outcome outcome = checkServer(server_, upstream(make({.commonName = "x", .ca = true})));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::Error);
  EXPECT_EQ(outcome.verify.failure,
            "unable to get local issuer certificate (CN=server, serial 1234)");
  EXPECT_EQ(outcome.alert, "unknown CA");
  // An authority that only calls itself the same.
  EXPECT_EQ(checkServer(server_, upstream(otherCa_)).verify.failure,
            "certificate signature failure (CN=server, serial 1234)");
}

TEST_F(VerifierTest, ClientOfAnotherRoot) {
  const Made stranger = make({.commonName = "stranger", .issuer = &otherCa_});
  const Outcome outcome = checkClient(stranger, trusting(ca_));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::Error);
  EXPECT_EQ(outcome.alert, "decrypt error"); // of a signature that is not the root's
  EXPECT_TRUE(checkClient(client_, trusting(ca_)).verify.verified);
}

TEST_F(VerifierTest, WrongPurpose) {
  const Made forClients = make({.commonName = "c", .issuer = &ca_, .extendedUsage = "clientAuth"});
  const Outcome asServer = checkServer(forClients, upstream(ca_));
  EXPECT_EQ(asServer.verify.failure, "unsupported certificate purpose (CN=c, serial 1234)");
  EXPECT_EQ(asServer.alert, "unsupported certificate");
  EXPECT_TRUE(checkClient(forClients, trusting(ca_)).ok);
  const Made forServers = make({.commonName = "s", .issuer = &ca_, .extendedUsage = "serverAuth"});
  EXPECT_EQ(checkClient(forServers, trusting(ca_)).verify.fail, Fail::Error);
  EXPECT_TRUE(checkServer(forServers, upstream(ca_)).ok);
}

TEST_F(VerifierTest, Revoked) {
  v3::CertificateValidationContext context = trusting(ca_);
  context.mutable_crl()->set_inline_string(makeCrl(ca_, {7, 8}));
  const Outcome outcome = checkClient(client_, context);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::Error);
  EXPECT_EQ(outcome.verify.failure, "certificate revoked (CN=client, serial 07)");
  EXPECT_EQ(outcome.alert, "certificate revoked");
  context.mutable_crl()->set_inline_string(makeCrl(ca_, {8}));
  EXPECT_TRUE(checkClient(client_, context).ok);
  // A list beside the authority says as much.
  context.clear_crl();
  context.mutable_trusted_ca()->set_inline_string(ca_.pem() + makeCrl(ca_, {7}));
  EXPECT_FALSE(checkClient(client_, context).ok);
}

TEST_F(VerifierTest, RevocationListsOfTheWholeChain) {
  const Made intermediate = make({.commonName = "middle", .issuer = &ca_, .ca = true, .serial = 9});
  const Made leaf = make({.commonName = "leaf", .issuer = &intermediate, .serial = 10});
  v3::CertificateValidationContext context;
  context.mutable_trusted_ca()->set_inline_string(ca_.pem() + intermediate.pem());
  context.mutable_crl()->set_inline_string(makeCrl(intermediate, {}) + makeCrl(ca_, {9}));
  // The intermediate is an anchor of its own; as such nobody asks whether it is revoked, unless the
  // chain goes on. What counts here is that a list is there for each authority that is asked about.
  context.mutable_trusted_ca()->set_inline_string(ca_.pem());
  v3::DownstreamTlsContext down = downstream(server_);
  const auto run = [&] {
    *down.mutable_common_tls_context()->mutable_validation_context() = context;
    v3::UpstreamTlsContext up = upstream(ca_);
    auto* certificate = up.mutable_common_tls_context()->add_tls_certificates();
    certificate->mutable_certificate_chain()->set_inline_string(leaf.pem() + intermediate.pem());
    certificate->mutable_private_key()->set_inline_string(leaf.keyPem());
    const auto server = factory_.server(down, {}, nullptr, FieldPath());
    const auto client = factory_.client(up, nullptr, FieldPath());
    EXPECT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE(client.ok()) << client.status();
    Handshake shake((*server)->newSsl(), (*client)->newSsl());
    shake.run();
    return shake.serverVerify().failure;
  };
  EXPECT_EQ(run(), "certificate revoked (CN=middle, serial 09)");
  context.set_only_verify_leaf_cert_crl(true);
  EXPECT_EQ(run(), "");
  context.set_only_verify_leaf_cert_crl(false);
  context.mutable_crl()->set_inline_string(makeCrl(intermediate, {}));
  EXPECT_EQ(run(), "unable to get certificate CRL (CN=middle, serial 09)");
}

TEST_F(VerifierTest, WrongName) {
  v3::UpstreamTlsContext up = upstream(ca_);
  auto* matcher = up.mutable_common_tls_context()
                      ->mutable_validation_context()
                      ->add_match_typed_subject_alt_names();
  matcher->set_san_type(v3::SubjectAltNameMatcher::DNS);
  matcher->mutable_matcher()->set_exact("other.com");
  const Outcome outcome = checkServer(server_, up);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::San);
  EXPECT_EQ(outcome.verify.failure,
            "no subject alternative name of the certificate is accepted: found DNS "
            "\"server.com\", expected DNS exact \"other.com\" (CN=server, serial 1234)");
  EXPECT_EQ(outcome.alert, "certificate unknown");
  EXPECT_FALSE(outcome.verify.verified);
  matcher->mutable_matcher()->set_exact("server.com");
  EXPECT_TRUE(checkServer(server_, up).verify.verified);
}

TEST_F(VerifierTest, NameMatchersNeedAnAuthority) {
  v3::CertificateValidationContext context;
  auto* matcher = context.add_match_typed_subject_alt_names();
  matcher->set_san_type(v3::SubjectAltNameMatcher::DNS);
  matcher->mutable_matcher()->set_exact("a");
  EXPECT_EQ(error(context),
            "d.common_tls_context.validation_context.match_typed_subject_alt_names: "
            "found names to match without trusted_ca, expected trusted_ca beside it");
  context.Clear();
  context.mutable_crl()->set_inline_string(makeCrl(ca_, {}));
  EXPECT_THAT(error(context), HasSubstr("crl: found a revocation list without trusted_ca"));
  context.Clear();
  context.set_allow_expired_certificate(true);
  EXPECT_THAT(error(context), HasSubstr("allow_expired_certificate: found true without"));
}

TEST_F(VerifierTest, ServerNameAsSubjectAltName) {
  v3::UpstreamTlsContext up = upstream(ca_);
  up.set_auto_sni_san_validation(true);
  up.set_sni("server.com");
  EXPECT_TRUE(checkServer(server_, up).ok);
  const Outcome outcome = checkServer(server_, up, {.serverName = "evil.com"});
  EXPECT_EQ(outcome.verify.fail, Fail::San);
  EXPECT_THAT(outcome.verify.failure, HasSubstr("expected DNS exact \"evil.com\""));
  up.mutable_common_tls_context()->clear_validation_context();
  const auto refused = factory_.client(up, nullptr, FieldPath("u"));
  EXPECT_EQ(base::message(refused.status()),
            "u.auto_sni_san_validation: found true without trusted_ca, expected trusted_ca in "
            "validation_context");
}

TEST_F(VerifierTest, NamesOfTheConnection) {
  const std::vector<std::string> good = {"x.com", "SERVER.com"};
  const std::vector<std::string> bad = {"x.com"};
  v3::UpstreamTlsContext up = upstream(ca_);
  EXPECT_TRUE(checkServer(server_, up, {.subjectAltNames = good}).ok);
  EXPECT_EQ(checkServer(server_, up, {.subjectAltNames = bad}).verify.fail, Fail::San);
}

TEST_F(VerifierTest, CertificateHash) {
  const Digest digest = digestOf(server_.der());
  std::string hex;
  for (const uint8_t byte : digest) {
    char two[3];
    snprintf(two, sizeof(two), "%02X", byte);
    hex += (hex.empty() ? "" : ":") + std::string(two);
  }
  v3::UpstreamTlsContext up;
  auto* context = up.mutable_common_tls_context()->mutable_validation_context();
  context->add_verify_certificate_hash(hex);
  Outcome outcome = checkServer(server_, up); // pins need no authority
  EXPECT_TRUE(outcome.ok);
  EXPECT_TRUE(outcome.verify.verified);
  std::erase(hex, ':');
  context->set_verify_certificate_hash(0, hex);
  EXPECT_TRUE(checkServer(server_, up).ok);

  outcome = checkServer(client_, up);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::CertHash);
  EXPECT_EQ(outcome.alert, "bad certificate hash value");
  // A server asks for what it is to compare.
  v3::CertificateValidationContext rules;
  rules.add_verify_certificate_hash(hex);
  EXPECT_EQ(checkClient(client_, rules).verify.fail, Fail::CertHash);

  context->set_verify_certificate_hash(0, "12:34");
  const auto refused = factory_.client(up, nullptr, FieldPath("u"));
  EXPECT_EQ(base::message(refused.status()),
            "u.common_tls_context.validation_context.verify_certificate_hash[0]: found \"12:34\", "
            "expected a SHA-256 digest: 64 hexadecimal digits");
}

TEST_F(VerifierTest, KeyHash) {
  uint8_t* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(server_.certificate.get()), &der);
  const bssl::UniquePtr<uint8_t> owned(der);
  const Digest digest = digestOf({reinterpret_cast<const char*>(der), static_cast<size_t>(length)});
  uint8_t base64[48];
  const size_t size = EVP_EncodeBlock(base64, digest.data(), digest.size());
  v3::UpstreamTlsContext up = upstream(ca_);
  auto* context = up.mutable_common_tls_context()->mutable_validation_context();
  context->add_verify_certificate_spki(std::string(reinterpret_cast<char*>(base64), size));
  EXPECT_TRUE(checkServer(server_, up).ok);
  EXPECT_EQ(checkServer(client_, up).verify.fail, Fail::CertHash);
  // One of either list is enough.
  context->add_verify_certificate_hash(std::string(64, '0'));
  EXPECT_TRUE(checkServer(server_, up).ok);
  context->set_verify_certificate_spki(0, "c2hvcnQ=");
  EXPECT_THAT(std::string(base::message(factory_.client(up, nullptr, FieldPath()).status())),
              HasSubstr("verify_certificate_spki[0]: found \"c2hvcnQ=\", expected a SHA-256"));
}

TEST_F(VerifierTest, AcceptUntrusted) {
  v3::CertificateValidationContext context = trusting(otherCa_);
  context.set_trust_chain_verification(v3::CertificateValidationContext::ACCEPT_UNTRUSTED);
  const Outcome outcome = checkClient(client_, context);
  EXPECT_TRUE(outcome.ok);
  EXPECT_EQ(outcome.verify.fail, Fail::None);
  EXPECT_FALSE(outcome.verify.verified);
  EXPECT_TRUE(checkClient(make({.commonName = "c", .issuer = &otherCa_}), context).verify.verified);
}

TEST_F(VerifierTest, MaximalDepth) {
  const Made middle = make({.commonName = "middle", .issuer = &ca_, .ca = true});
  const Made leaf = make({.commonName = "leaf", .issuer = &middle});
  v3::DownstreamTlsContext down;
  auto* certificate = down.mutable_common_tls_context()->add_tls_certificates();
  certificate->mutable_certificate_chain()->set_inline_string(leaf.pem() + middle.pem());
  certificate->mutable_private_key()->set_inline_string(leaf.keyPem());
  const auto run = [&](uint32_t depth) {
    v3::UpstreamTlsContext up = upstream(ca_);
    up.mutable_common_tls_context()
        ->mutable_validation_context()
        ->mutable_max_verify_depth()
        ->set_value(depth);
    const auto server = factory_.server(down, {}, nullptr, FieldPath());
    const auto client = factory_.client(up, nullptr, FieldPath());
    Handshake shake((*server)->newSsl(), (*client)->newSsl());
    return shake.run();
  };
  EXPECT_TRUE(run(2)); // middle and root
  EXPECT_FALSE(run(1));
  EXPECT_FALSE(run(0));
  EXPECT_TRUE(run(4'000'000'000));
}

TEST_F(VerifierTest, IntermediateAsAnchor) {
  const Made middle = make({.commonName = "middle", .issuer = &ca_, .ca = true});
  const Made leaf = make({.commonName = "leaf", .issuer = &middle});
  EXPECT_TRUE(checkServer(leaf, upstream(middle)).ok); // the root is not needed
}

TEST_F(VerifierTest, TextsOfAPeerAreEscaped) {
  const Made evil = make({.commonName = "a\nb", .issuer = &otherCa_});
  EXPECT_EQ(checkServer(evil, upstream(ca_)).verify.failure,
            "certificate signature failure (CN=a\\0Ab, serial 1234)");
}

class SpiffeTest : public VerifierTest {
protected:
  v3::CertificateValidationContext spiffe(const std::map<std::string, const Made*>& domains) {
    v3::SPIFFECertValidatorConfig config;
    for (const auto& [name, ca] : domains) {
      auto* domain = config.add_trust_domains();
      domain->set_name(name);
      domain->mutable_trust_bundle()->set_inline_string(ca->pem());
    }
    v3::CertificateValidationContext context;
    context.mutable_custom_validator_config()->set_name("envoy.tls.cert_validator.spiffe");
    context.mutable_custom_validator_config()->mutable_typed_config()->PackFrom(config);
    return context;
  }
};

TEST_F(SpiffeTest, TrustDomains) {
  const auto context = spiffe({{"td", &ca_}, {"other", &otherCa_}});
  EXPECT_TRUE(checkClient(client_, context).verify.verified);
  // Each authority may speak for its own domain only.
  const Made foreign = make({.commonName = "f", .names = {"URI:spiffe://other/a"}, .issuer = &ca_});
  EXPECT_EQ(checkClient(foreign, context).verify.failure,
            "certificate signature failure (CN=f, serial 1234)");
  const Made unknown =
      make({.commonName = "u", .names = {"URI:spiffe://nobody/a"}, .issuer = &ca_});
  EXPECT_EQ(checkClient(unknown, context).verify.failure,
            "no trust bundle for the trust domain \"nobody\" (CN=u, serial 1234)");
  EXPECT_EQ(checkClient(unknown, context).alert, "unknown CA");
}

TEST_F(SpiffeTest, NoSvid) {
  const auto context = spiffe({{"td", &ca_}});
  const auto failure = [&](const test::Spec& spec) {
    return checkClient(make(spec), context).verify.failure;
  };
  const std::string uri = "URI:spiffe://td/a";
  EXPECT_THAT(failure({.names = {uri}, .issuer = &ca_, .ca = true, .usage = "digitalSignature"}),
              HasSubstr("an authority's"));
  EXPECT_THAT(failure({.names = {uri}, .issuer = &ca_, .usage = "none"}),
              HasSubstr("no key usage"));
  EXPECT_THAT(failure({.names = {uri}, .issuer = &ca_, .usage = "digitalSignature,cRLSign"}),
              HasSubstr("no key usage, or one that signs"));
  EXPECT_THAT(failure({.names = {uri, "URI:spiffe://td/b"}, .issuer = &ca_}), HasSubstr("2 URIs"));
  EXPECT_THAT(failure({.commonName = "x", .issuer = &ca_}), HasSubstr("0 URIs"));
  EXPECT_THAT(failure({.names = {"URI:https://td/a"}, .issuer = &ca_}),
              HasSubstr("which is no SPIFFE ID"));
}

TEST_F(SpiffeTest, NamesAndTime) {
  auto context = spiffe({{"td", &ca_}});
  auto* matcher = context.add_match_typed_subject_alt_names();
  matcher->set_san_type(v3::SubjectAltNameMatcher::URI);
  matcher->mutable_matcher()->set_prefix("spiffe://td/other");
  EXPECT_EQ(checkClient(client_, context).verify.fail, Fail::San);
  matcher->mutable_matcher()->set_prefix("spiffe://td/cl");
  EXPECT_TRUE(checkClient(client_, context).ok);
  const Made old =
      make({.names = {"URI:spiffe://td/client"}, .issuer = &ca_, .from = -60, .until = -30});
  EXPECT_EQ(checkClient(old, context).verify.failure,
            "certificate has expired (SAN \"spiffe://td/client\", serial 1234)");
  context.set_allow_expired_certificate(true);
  EXPECT_TRUE(checkClient(old, context).ok);
}

TEST_F(SpiffeTest, ClientsMustHaveACertificate) {
  v3::DownstreamTlsContext down = downstream(server_);
  *down.mutable_common_tls_context()->mutable_validation_context() = spiffe({{"td", &ca_}});
  const auto server = factory_.server(down, {}, nullptr, FieldPath());
  const auto client = factory_.client(upstream(ca_), nullptr, FieldPath());
  Handshake shake((*server)->newSsl(), (*client)->newSsl());
  EXPECT_FALSE(shake.run());
}

TEST_F(SpiffeTest, WhatTheValidatorDoesNotLookAtIsRefused) {
  auto context = spiffe({{"td", &ca_}});
  context.mutable_trusted_ca()->set_inline_string(ca_.pem());
  EXPECT_THAT(error(context), HasSubstr("trusted_ca: found a value that the SPIFFE validator"));
  context = spiffe({{"td", &ca_}});
  context.add_match_typed_subject_alt_names()->set_san_type(v3::SubjectAltNameMatcher::DNS);
  EXPECT_THAT(error(context), HasSubstr("[0].san_type: found DNS, expected URI"));
  EXPECT_THAT(error(spiffe({})), HasSubstr("trust_domains: found none"));
  context = spiffe({{"td", &ca_}});
  context.mutable_custom_validator_config()->mutable_typed_config()->set_type_url(
      "type.googleapis.com/google.protobuf.Empty");
  EXPECT_THAT(error(context), HasSubstr("google.protobuf.Empty"));
}

} // namespace
} // namespace moe::tls
