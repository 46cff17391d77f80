#include "tls/parameters.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::tls {
namespace {

using config::FieldPath;
using Proto = envoy::extensions::transport_sockets::tls::v3::TlsParameters;

std::string error(const Proto& proto, Role role = Role::Server) {
  const auto parameters = readParameters(proto, role, FieldPath("p"));
  return parameters.ok() ? "" : std::string(base::message(parameters.status()));
}

std::vector<std::string> ciphersOf(const Proto& proto) {
  const auto parameters = readParameters(proto, Role::Server, FieldPath("p"));
  EXPECT_TRUE(parameters.ok()) << parameters.status();
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  parameters->apply(*context);
  std::vector<std::string> names;
  for (const SSL_CIPHER* cipher : SSL_CTX_get_ciphers(context.get())) {
    names.emplace_back(SSL_CIPHER_get_name(cipher));
  }
  return names;
}

TEST(ParametersTest, DefaultsAreEnvoys) {
  const auto server = readParameters({}, Role::Server, FieldPath());
  const auto client = readParameters({}, Role::Client, FieldPath());
  ASSERT_TRUE(server.ok() && client.ok());
  EXPECT_EQ(server->minVersion, TLS1_2_VERSION);
  EXPECT_EQ(server->maxVersion, TLS1_3_VERSION);
  EXPECT_EQ(client->maxVersion, TLS1_2_VERSION);
  EXPECT_EQ(server->groups, "X25519:P-256");
  EXPECT_EQ(ciphersOf({}), (std::vector<std::string>{
                               "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
                               "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
                               "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}));
}

TEST(ParametersTest, CipherNamesAndGroups) {
  Proto proto;
  proto.add_cipher_suites("[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]");
  proto.add_cipher_suites("AES128-GCM-SHA256");
  EXPECT_EQ(ciphersOf(proto),
            (std::vector<std::string>{"ECDHE-ECDSA-AES128-GCM-SHA256",
                                      "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-GCM-SHA256"}));
}

TEST(ParametersTest, UnknownCiphersAreNamed) {
  Proto proto;
  proto.add_cipher_suites("ECDHE-RSA-AES128-GCM-SHA256");
  proto.add_cipher_suites("[ECDHE-RSA-AES256-GCM-SHA384|ECDHE-RSA-AES128-GCM-SHA265]");
  const std::string text = error(proto);
  EXPECT_EQ(text.substr(0, text.find(';')),
            "p.cipher_suites[1]: found \"ECDHE-RSA-AES128-GCM-SHA265\", expected names of TLS 1.2 "
            "cipher suites as OpenSSL writes them");
  EXPECT_NE(text.find("did you mean \"ECDHE-RSA-AES128-GCM-SHA256\""), std::string::npos) << text;
  // TLS 1.3 has no choice; BoringSSL takes no names of its suites.
  proto.clear_cipher_suites();
  proto.add_cipher_suites("TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(error(proto).substr(0, 50), "p.cipher_suites[0]: found \"TLS_AES_128_GCM_SHA256\"");
  proto.clear_cipher_suites();
  proto.add_cipher_suites(std::string("AES128-GCM-SHA256\0x", 19));
  EXPECT_NE(error(proto), "");
}

TEST(ParametersTest, Groups) {
  Proto proto;
  proto.add_ecdh_curves("X25519MLKEM768");
  proto.add_ecdh_curves("P-384");
  EXPECT_EQ(error(proto), "");
  proto.add_ecdh_curves("P-385");
  EXPECT_EQ(error(proto).substr(0, 36), "p.ecdh_curves[2]: found \"P-385\", exp");
  proto.set_ecdh_curves(2, "P-384"); // twice
  EXPECT_EQ(error(proto), "p.ecdh_curves: found \"X25519MLKEM768:P-384:P-384\", expected "
                          "different groups such as X25519, P-256 or X25519MLKEM768");
}

TEST(ParametersTest, SignatureAlgorithms) {
  Proto proto;
  proto.add_signature_algorithms("ecdsa_secp256r1_sha256");
  proto.add_signature_algorithms("rsa_pss_rsae_sha256");
  proto.add_signature_algorithms("ed25519");
  EXPECT_EQ(error(proto), "");
  proto.add_signature_algorithms("rsa_md5");
  EXPECT_EQ(error(proto).substr(0, 41), "p.signature_algorithms[3]: found \"rsa_md5");
}

TEST(ParametersTest, Versions) {
  Proto proto;
  proto.set_tls_minimum_protocol_version(Proto::TLSv1_3);
  EXPECT_EQ(error(proto), "");
  EXPECT_EQ(error(proto, Role::Client),
            "p.tls_minimum_protocol_version: found TLSv1_3, expected at most "
            "tls_maximum_protocol_version, TLSv1_2 by default");
  proto.set_tls_minimum_protocol_version(Proto::TLS_AUTO);
  proto.set_tls_maximum_protocol_version(Proto::TLSv1_1);
  EXPECT_EQ(error(proto), "p.tls_maximum_protocol_version: found TLSv1_1, expected at least the "
                          "minimum, TLSv1_2");
  proto.set_tls_minimum_protocol_version(Proto::TLSv1_0);
  EXPECT_EQ(error(proto), "");
}

TEST(ParametersTest, CompliancePolicies) {
  Proto proto;
  proto.add_compliance_policies(Proto::FIPS_202205);
  proto.add_cipher_suites("ECDHE-RSA-CHACHA20-POLY1305");
  for (const std::string& name : ciphersOf(proto)) {
    EXPECT_EQ(name.find("CHACHA20"), std::string::npos); // the policy is applied last
  }
}

} // namespace
} // namespace moe::tls
