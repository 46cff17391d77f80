#include "tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/strings.h"
#include "tls/certificate_maker.h"

namespace moe::tls {
namespace {

using config::FieldPath;
using Proto = envoy::extensions::transport_sockets::tls::v3::TlsCertificate;
using test::KeyKind;
using test::Made;
using test::make;
using testing::ElementsAre;
using testing::HasSubstr;

Proto protoOf(const Made& made) {
  Proto proto;
  proto.mutable_certificate_chain()->set_inline_string(made.pem());
  proto.mutable_private_key()->set_inline_string(made.keyPem());
  return proto;
}

std::string error(const Proto& proto) {
  const auto certificate = loadCertificate(proto, FieldPath("c"));
  return certificate.ok() ? "" : std::string(base::message(certificate.status()));
}

TEST(CertificateTest, Kinds) {
  for (const KeyKind kind : {KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048, KeyKind::Ed25519}) {
    EXPECT_EQ(error(protoOf(make({.commonName = "a", .key = kind}))), "");
  }
}

TEST(CertificateTest, WeakKeys) {
  EXPECT_EQ(error(protoOf(make({.commonName = "a", .key = KeyKind::Rsa1024}))),
            "c.certificate_chain: found an RSA key of 1024 bits in CN=a, serial 1234, expected at "
            "least 2048 bits");
  EXPECT_EQ(error(protoOf(make({.commonName = "a", .key = KeyKind::P224}))),
            "c.certificate_chain: found the curve secp224r1 in CN=a, serial 1234, expected P-256, "
            "P-384 or P-521");
}

TEST(CertificateTest, KeyOfAnother) {
  Proto proto = protoOf(make({.commonName = "a"}));
  proto.mutable_private_key()->set_inline_string(make({.commonName = "b"}).keyPem());
  EXPECT_EQ(error(proto), "c.private_key: found a key that does not belong to the certificate, "
                          "expected the key of CN=a, serial 1234 from <inline>");
}

TEST(CertificateTest, ServerNames) {
  auto certificate = loadCertificate(
      protoOf(make({.commonName = "cn.com", .names = {"DNS:A.com", "DNS:*.b.com", "URI:x"}})),
      FieldPath());
  ASSERT_TRUE(certificate.ok());
  EXPECT_THAT((*certificate)->serverNames, ElementsAre("a.com", ".b.com"));
  certificate = loadCertificate(protoOf(make({.commonName = "CN.com"})), FieldPath());
  ASSERT_TRUE(certificate.ok());
  EXPECT_THAT((*certificate)->serverNames, ElementsAre("cn.com"));
  // With any alternative name the common name counts no more.
  certificate =
      loadCertificate(protoOf(make({.commonName = "cn.com", .names = {"URI:x"}})), FieldPath());
  ASSERT_TRUE(certificate.ok());
  EXPECT_THAT((*certificate)->serverNames, ElementsAre());
}

TEST(CertificateTest, Chains) {
  const Made ca = make({.commonName = "ca", .ca = true});
  const Made leaf = make({.commonName = "leaf", .issuer = &ca});
  Proto proto = protoOf(leaf);
  proto.mutable_certificate_chain()->set_inline_string("text before\n" + leaf.pem() + ca.pem());
  const auto certificate = loadCertificate(proto, FieldPath());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ((*certificate)->issuers.size(), 1u);
  std::string broken = ca.pem();
  broken[40] = '!';
  proto.mutable_certificate_chain()->set_inline_string(leaf.pem() + broken);
  EXPECT_THAT(error(proto), HasSubstr("c.certificate_chain: found certificate 2 that does not"));
  proto.mutable_certificate_chain()->set_inline_string("no PEM");
  EXPECT_EQ(error(proto),
            "c.certificate_chain: found no certificate, expected certificates in PEM");
}

TEST(CertificateTest, Passwords) {
  const Made made = make({.commonName = "a"});
  Proto proto = protoOf(made);
  proto.mutable_private_key()->set_inline_string(made.encryptedKeyPem("open sesame"));
  EXPECT_EQ(error(proto),
            "c.private_key: found an encrypted private key, expected password beside it");
  proto.mutable_password()->set_inline_string("wrong one");
  EXPECT_EQ(error(proto), "c.private_key: found a private key that the password does not open, "
                          "expected the key's password");
  proto.mutable_password()->set_inline_string("open sesame");
  EXPECT_EQ(error(proto), "");
}

TEST(CertificateTest, Pkcs12) {
  const Made ca = make({.commonName = "ca", .ca = true});
  const Made leaf = make({.commonName = "leaf", .issuer = &ca});
  Proto proto;
  proto.mutable_pkcs12()->set_inline_bytes(test::makePkcs12(leaf, {&ca}, "pw"));
  EXPECT_EQ(error(proto), "c.pkcs12: found PKCS #12 data that the password does not open, expected "
                          "the data's password");
  proto.mutable_password()->set_inline_string("pw");
  const auto certificate = loadCertificate(proto, FieldPath("c"));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(commonName(*(*certificate)->leaf), "leaf");
  EXPECT_EQ((*certificate)->issuers.size(), 1u);
  proto.mutable_private_key()->set_inline_string(leaf.keyPem());
  EXPECT_EQ(error(proto), "c.private_key: found a value beside pkcs12, expected one or the other");
  proto.clear_private_key();
  proto.mutable_pkcs12()->set_inline_bytes("junk");
  EXPECT_THAT(error(proto), HasSubstr("c.pkcs12: found data that does not parse: "));
}

TEST(CertificateTest, MissingParts) {
  EXPECT_EQ(error({}), "c.certificate_chain: found nothing, expected a certificate chain in PEM, "
                       "or pkcs12");
  Proto proto = protoOf(make({.commonName = "a"}));
  proto.clear_private_key();
  EXPECT_EQ(error(proto), "c.private_key: found nothing, expected the certificate's private key");
  proto.mutable_private_key()->set_filename("/nonexistent/key.pem");
  EXPECT_EQ(error(proto), "c.private_key.filename: file \"/nonexistent/key.pem\": No such file or "
                          "directory");
  proto.mutable_private_key()->set_filename("/tmp");
  EXPECT_EQ(error(proto), "c.private_key.filename: found \"/tmp\", expected a regular file");
  proto.mutable_private_key()->set_environment_variable("MOE_TEST_NO_SUCH");
  EXPECT_EQ(error(proto), "c.private_key.environment_variable: found environment variable "
                          "\"MOE_TEST_NO_SUCH\", which is not set, expected a variable with a "
                          "value");
}

TEST(CertificateTest, FromFilesAndVariables) {
  const Made made = make({.commonName = "a"});
  const std::string file = testing::TempDir() + "moe_certificate_test.pem";
  std::ofstream(file) << made.pem();
  setenv("MOE_TEST_KEY", made.keyPem().c_str(), 1);
  Proto proto;
  proto.mutable_certificate_chain()->set_filename(file);
  proto.mutable_private_key()->set_environment_variable("MOE_TEST_KEY");
  const auto certificate = loadCertificate(proto, FieldPath());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ((*certificate)->name, file);
  std::ofstream(file, std::ios::trunc).flush();
  EXPECT_THAT(error(proto), HasSubstr("which is empty"));
  unsetenv("MOE_TEST_KEY");
  std::remove(file.c_str());
}

// Whatever is wrong with a key: it is not in the error.
TEST(CertificateTest, ErrorsHaveNoSecrets) {
  const Made made = make({.commonName = "a"});
  Proto proto = protoOf(made);
  for (const std::string& secret : {made.keyPem().substr(0, 120), std::string("hunter2"),
                                    made.keyPem() + "hunter2", "hunter2" + made.keyPem()}) {
    proto.mutable_private_key()->set_inline_string(secret);
    proto.mutable_password()->set_inline_string("hunter2");
    const std::string text = error(proto);
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_EQ(text.find(made.keyPem().substr(40, 20)), std::string::npos) << text;
  }
}

TEST(CertificateTest, OcspStaples) {
  Proto proto = protoOf(make({.commonName = "a", .serial = 0x99}));
  proto.mutable_ocsp_staple()->set_inline_bytes(test::makeOcsp(0x99, 3600));
  auto certificate = loadCertificate(proto, FieldPath("c"));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_NE((*certificate)->stapled, nullptr);
  EXPECT_FALSE((*certificate)->ocsp->expired(::time(nullptr)));
  EXPECT_TRUE((*certificate)->ocsp->expired(::time(nullptr) + 7200));
  proto.mutable_ocsp_staple()->set_inline_bytes(test::makeOcsp(0x98, 3600));
  EXPECT_EQ(error(proto), "c.ocsp_staple: found a response for serial 98, expected one for the "
                          "certificate CN=a, serial 99");
  proto.mutable_ocsp_staple()->set_inline_bytes("junk");
  EXPECT_THAT(error(proto), HasSubstr("c.ocsp_staple: found an OCSP response whose outermost"));
  proto.mutable_ocsp_staple()->set_inline_string("junk");
  EXPECT_EQ(error(proto), "c.ocsp_staple: found inline_string, which cannot have DER, expected "
                          "filename or inline_bytes");
}

TEST(CertificateTest, PromiseOfAStaple) {
  EXPECT_TRUE(
      (*loadCertificate(protoOf(make({.commonName = "a", .mustStaple = true})), FieldPath()))
          ->mustStaple);
  EXPECT_FALSE((*loadCertificate(protoOf(make({.commonName = "a"})), FieldPath()))->mustStaple);
}

TEST(OcspTest, EveryCutIsAnError) {
  const std::string whole = test::makeOcsp(0x99, 3600);
  ASSERT_TRUE(parseOcspResponse(whole).ok());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(parseOcspResponse(whole.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(parseOcspResponse(whole + "x").ok());
  std::string failed = whole;
  failed[failed.find(std::string("\x0a\x01\x00", 3)) + 2] = 6;
  EXPECT_EQ(base::message(parseOcspResponse(failed).status()),
            "an OCSP response without success (status 6)");
}

} // namespace
} // namespace moe::tls
