#include "tls/certificate_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/handshake.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using test::addCertificate;
using test::Handshake;
using test::KeyKind;
using test::Made;
using test::make;

class CertificateChoiceTest : public testing::Test {
protected:
  void add(const std::string& name, const std::vector<std::string>& names,
           KeyKind key = KeyKind::P256) {
    addCertificate(*down_.mutable_common_tls_context(),
                   make({.commonName = name, .names = names, .key = key}));
  }
  void clientTakesOnlyRsa() {
    up_.mutable_common_tls_context()->mutable_tls_params()->add_cipher_suites(
        "ECDHE-RSA-AES128-GCM-SHA256");
  }
  // The common name of what a client gets, or "" where the handshake fails.
  std::string chosen(std::string_view serverName) {
    const auto server = factory_.server(down_, {}, nullptr, FieldPath("d"));
    const auto client = factory_.client(up_, nullptr, FieldPath("u"));
    EXPECT_TRUE(server.ok()) << server.status();
    EXPECT_TRUE(client.ok()) << client.status();
    Handshake shake((*server)->newSsl(), (*client)->newSsl({.serverName = serverName}));
    if (!shake.run()) {
      return "";
    }
    const std::string name = shake.serverName();
    EXPECT_EQ(commonName(*localCertificate(shake.server())->leaf), name);
    return name;
  }

  ContextFactory factory_;
  v3::DownstreamTlsContext down_;
  v3::UpstreamTlsContext up_;
};

TEST_F(CertificateChoiceTest, ByServerName) {
  add("first", {"DNS:first.com"});
  add("exact", {"DNS:a.example.com"});
  add("wild", {"DNS:*.example.com"});
  add("cn.com", {});
  EXPECT_EQ(chosen("first.com"), "first");
  EXPECT_EQ(chosen("a.example.com"), "exact");
  EXPECT_EQ(chosen("A.EXAMPLE.com"), "exact");
  EXPECT_EQ(chosen("b.example.com"), "wild");
  EXPECT_EQ(chosen("cn.com"), "cn.com");
  EXPECT_EQ(chosen("x.b.example.com"), "first"); // one label only
  EXPECT_EQ(chosen("unknown.com"), "first");
  EXPECT_EQ(chosen(""), "first");
}

TEST_F(CertificateChoiceTest, EqualNamesGoToTheFirst) {
  add("one", {"DNS:a.com"});
  add("two", {"DNS:a.com", "DNS:b.com"});
  EXPECT_EQ(chosen("a.com"), "one");
  EXPECT_EQ(chosen("b.com"), "two");
}

TEST_F(CertificateChoiceTest, ByKeyType) {
  add("rsa", {"DNS:a.com"}, KeyKind::Rsa2048);
  add("curve", {"DNS:a.com"});
  EXPECT_EQ(chosen("a.com"), "curve"); // before RSA, wherever it stands
  EXPECT_EQ(chosen(""), "curve");
  clientTakesOnlyRsa();
  EXPECT_EQ(chosen("a.com"), "rsa");
  EXPECT_EQ(chosen(""), "rsa");
}

TEST_F(CertificateChoiceTest, FullScan) {
  add("curve", {"DNS:a.com"});
  add("rsa", {"DNS:b.com"}, KeyKind::Rsa2048);
  clientTakesOnlyRsa();
  EXPECT_EQ(chosen("unknown.com"), ""); // the first one, which the client cannot use
  down_.mutable_full_scan_certs_on_sni_mismatch()->set_value(true);
  EXPECT_EQ(chosen("unknown.com"), "rsa");
}

class StapleTest : public CertificateChoiceTest {
protected:
  void addWithStaple(const std::string& name, std::optional<int64_t> nextUpdate,
                     bool mustStaple = false) {
    addCertificate(*down_.mutable_common_tls_context(),
                   make({.commonName = name, .serial = 0x77, .mustStaple = mustStaple}));
    if (nextUpdate) {
      down_.mutable_common_tls_context()
          ->mutable_tls_certificates(down_.common_tls_context().tls_certificates_size() - 1)
          ->mutable_ocsp_staple()
          ->set_inline_bytes(test::makeOcsp(0x77, *nextUpdate));
    }
  }
  // What the client is shown, and what the server says of it.
  std::pair<bool, Staple> run(bool ask = true) {
    const auto server = factory_.server(down_, {}, nullptr, FieldPath("d"));
    const auto client = factory_.client(up_, nullptr, FieldPath("u"));
    EXPECT_TRUE(server.ok()) << server.status();
    Handshake shake((*server)->newSsl(), (*client)->newSsl());
    if (ask) {
      SSL_enable_ocsp_stapling(&shake.client());
    }
    shake.run();
    const uint8_t* response = nullptr;
    size_t length = 0;
    SSL_get0_ocsp_response(&shake.client(), &response, &length);
    return {length > 0, stapleOf(shake.server())};
  }
  std::string error() {
    const auto server = factory_.server(down_, {}, nullptr, FieldPath("d"));
    return server.ok() ? "" : std::string(server.status().message());
  }
  void policy(v3::DownstreamTlsContext::OcspStaplePolicy policy) {
    down_.set_ocsp_staple_policy(policy);
  }
};

TEST_F(StapleTest, ForThoseWhoAsk) {
  addWithStaple("a", 3600);
  EXPECT_EQ(run(), std::pair(true, Staple::Stapled));
  EXPECT_EQ(run(/*ask=*/false), std::pair(false, Staple::NotAsked));
}

TEST_F(StapleTest, Expired) {
  addWithStaple("a", -10);
  EXPECT_EQ(run(), std::pair(false, Staple::Omitted)); // LENIENT_STAPLING
  policy(v3::DownstreamTlsContext::STRICT_STAPLING);
  EXPECT_EQ(run(), std::pair(false, Staple::Failed));
  policy(v3::DownstreamTlsContext::MUST_STAPLE);
  EXPECT_EQ(run(), std::pair(false, Staple::Failed));
}

TEST_F(StapleTest, Missing) {
  addWithStaple("a", std::nullopt);
  EXPECT_EQ(run(), std::pair(false, Staple::Omitted));
  policy(v3::DownstreamTlsContext::STRICT_STAPLING);
  EXPECT_EQ(run(), std::pair(false, Staple::Omitted));
  policy(v3::DownstreamTlsContext::MUST_STAPLE);
  EXPECT_EQ(error(), "d.ocsp_staple_policy: found certificate 0 (CN=a, serial 77) without "
                     "ocsp_staple, expected a response for each, for MUST_STAPLE");
}

TEST_F(StapleTest, PromisedByTheCertificate) {
  addWithStaple("a", std::nullopt, /*mustStaple=*/true);
  EXPECT_NE(error().find("a response, which the certificate promises"), std::string::npos);
  down_.clear_common_tls_context();
  addWithStaple("a", -10, /*mustStaple=*/true);
  EXPECT_EQ(run(), std::pair(false, Staple::Failed));
}

TEST_F(StapleTest, AnotherCertificateIsTakenInstead) {
  addWithStaple("a", -10);
  addWithStaple("b", 3600);
  policy(v3::DownstreamTlsContext::STRICT_STAPLING);
  EXPECT_EQ(run(), std::pair(true, Staple::Stapled));
}

} // namespace
} // namespace moe::tls
