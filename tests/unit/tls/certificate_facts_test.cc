#include "tls/certificate_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/self_signed.h"

namespace moe::tls {
namespace {

using testing::ElementsAre;

TEST(CertificateFacts, SayWhatTheCertificateSays) {
  const test::SelfSigned made("web", "URI:spiffe://mesh/ns/a/sa/b,DNS:web.example,DNS:*.example,"
                                     "email:me@example,IP:10.1.2.3,IP:2001:db8::1");
  const auto facts = readCertificate(made.der());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->subject, "CN=web,O=moe");
  EXPECT_EQ(facts->issuer, "CN=web,O=moe");
  EXPECT_EQ(facts->serial, "1234abcd");
  EXPECT_EQ(facts->sha256.size(), 64u);
  EXPECT_EQ(facts->sha1.size(), 40u);
  EXPECT_EQ(facts->validUntil - facts->validFrom, 660);
  EXPECT_THAT(facts->uriSans, ElementsAre("spiffe://mesh/ns/a/sa/b"));
  EXPECT_THAT(facts->dnsSans, ElementsAre("web.example", "*.example"));
  EXPECT_THAT(facts->emailSans, ElementsAre("me@example"));
  EXPECT_THAT(facts->ipSans, ElementsAre("10.1.2.3", "2001:db8::1"));
}

TEST(CertificateFacts, AreOfOneWholeCertificate) {
  const std::string der = test::SelfSigned("web").der();
  EXPECT_TRUE(readCertificate(der).ok());
  EXPECT_FALSE(readCertificate(der + "x").ok());
  EXPECT_FALSE(readCertificate(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(readCertificate("").ok());
}

TEST(CertificateFacts, PemComesBackAsTheSameCertificate) {
  const std::string der = test::SelfSigned("web").der();
  const std::string pem = toPem(der);
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  const bssl::UniquePtr<X509> read(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_NE(read, nullptr) << pem;
  uint8_t* out = nullptr;
  const int size = i2d_X509(read.get(), &out);
  EXPECT_EQ(der, std::string(reinterpret_cast<const char*>(out), static_cast<size_t>(size)));
  OPENSSL_free(out);
}

} // namespace
} // namespace moe::tls
