#include "tls/secrets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/strings.h"
#include "tls/handshake.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using test::Handshake;
using test::Made;
using test::make;

class SecretsTest : public testing::Test {
protected:
  SecretsTest() {
    v3::TlsCertificate& leaf = *secrets_["leaf"].mutable_tls_certificate();
    leaf.mutable_certificate_chain()->set_inline_string(web_.pem());
    leaf.mutable_private_key()->set_inline_string(web_.keyPem());
    secrets_["ROOTCA"].mutable_validation_context()->mutable_trusted_ca()->set_inline_string(
        ca_.pem());
    secrets_["tickets"].mutable_session_ticket_keys()->add_keys()->set_inline_bytes(
        std::string(80, 'k'));
    for (auto& [name, secret] : secrets_) {
      secret.set_name(name);
    }
    down_.mutable_common_tls_context()->add_tls_certificate_sds_secret_configs()->set_name("leaf");
    up_.mutable_common_tls_context()->mutable_validation_context_sds_secret_config()->set_name(
        "ROOTCA");
  }

  SecretResolver resolver() {
    return [this](const v3::SdsSecretConfig& config, v3::Secret::TypeCase /*kind*/,
                  const FieldPath& path) -> absl::StatusOr<const v3::Secret*> {
      const auto found = secrets_.find(config.name());
      if (found == secrets_.end()) {
        return config::fieldError(path, "a secret that is not here", "another");
      }
      return &found->second;
    };
  }
  std::string serverError(const SecretResolver& resolver) {
    const auto context = factory_.server(down_, {}, resolver, FieldPath("d"));
    return context.ok() ? "" : std::string(base::message(context.status()));
  }

  ContextFactory factory_;
  Made ca_ = make({.commonName = "root", .ca = true});
  Made web_ = make({.commonName = "web", .names = {"DNS:web.com"}, .issuer = &ca_});
  std::map<std::string, v3::Secret> secrets_;
  v3::DownstreamTlsContext down_;
  v3::UpstreamTlsContext up_;
};

TEST_F(SecretsTest, CertificateTrustAndTicketKeys) {
  down_.mutable_session_ticket_keys_sds_secret_config()->set_name("tickets");
  const auto server = factory_.server(down_, {}, resolver(), FieldPath("d"));
  const auto client = factory_.client(up_, resolver(), FieldPath("u"));
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE(client.ok()) << client.status();
  Handshake shake((*server)->newSsl(), (*client)->newSsl());
  EXPECT_TRUE(shake.run());
  EXPECT_TRUE(shake.clientVerify().verified);
}

TEST_F(SecretsTest, Combined) {
  auto* combined = up_.mutable_common_tls_context()->mutable_combined_validation_context();
  combined->mutable_validation_context_sds_secret_config()->set_name("ROOTCA");
  auto* matcher =
      combined->mutable_default_validation_context()->add_match_typed_subject_alt_names();
  matcher->set_san_type(v3::SubjectAltNameMatcher::DNS);
  const auto run = [&](const std::string& name) {
    matcher->mutable_matcher()->set_exact(name);
    const auto server = factory_.server(down_, {}, resolver(), FieldPath("d"));
    const auto client = factory_.client(up_, resolver(), FieldPath("u"));
    EXPECT_TRUE(client.ok()) << client.status();
    Handshake shake((*server)->newSsl(), (*client)->newSsl());
    return shake.run();
  };
  EXPECT_TRUE(run("web.com"));
  EXPECT_FALSE(run("other.com"));
}

TEST_F(SecretsTest, Errors) {
  const std::string field = "d.common_tls_context.tls_certificate_sds_secret_configs[0]";
  EXPECT_EQ(serverError(nullptr), field + ": found the secret \"leaf\", and nothing that delivers "
                                          "secrets, expected the value itself");
  const v3::Secret leaf = secrets_["leaf"];
  secrets_.erase("leaf");
  EXPECT_EQ(serverError(resolver()), field + ": found a secret that is not here, expected another");
  secrets_["leaf"] = secrets_["ROOTCA"];
  EXPECT_EQ(serverError(resolver()), field + ": found the secret \"leaf\" with validation_context, "
                                             "expected one with tls_certificate");
  secrets_["leaf"] = leaf;
  secrets_["leaf"].mutable_tls_certificate()->clear_private_key();
  EXPECT_EQ(serverError(resolver()),
            field + "[\"leaf\"].tls_certificate.private_key: found nothing, expected the "
                    "certificate's private key");
  secrets_["leaf"] = leaf;
  test::addCertificate(*down_.mutable_common_tls_context(), web_);
  EXPECT_EQ(serverError(resolver()),
            "d.common_tls_context.tls_certificate_sds_secret_configs: found secrets beside "
            "tls_certificates, expected one or the other");
}

TEST_F(SecretsTest, WithoutASecretThatComesLaterAllElseIsChecked) {
  const SecretResolver later = [](const auto&...) -> absl::StatusOr<const v3::Secret*> {
    return nullptr;
  };
  down_.mutable_session_ticket_keys_sds_secret_config()->set_name("tickets");
  down_.mutable_require_client_certificate()->set_value(true);
  down_.mutable_common_tls_context()->mutable_validation_context_sds_secret_config()->set_name("R");
  const auto server = factory_.server(down_, {}, later, FieldPath("d"));
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(*server, nullptr);
  up_.set_auto_sni_san_validation(true);
  const auto client = factory_.client(up_, later, FieldPath("u"));
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(*client, nullptr);
  up_.set_allow_renegotiation(true);
  EXPECT_FALSE(factory_.client(up_, later, FieldPath("u")).ok());
  down_.mutable_require_sni()->set_value(true);
  EXPECT_EQ(serverError(later),
            "d.require_sni: found true, which is not supported, expected false");
}

class KeyLogTest : public SecretsTest {
protected:
  KeyLogTest() {
    std::remove(file_.c_str());
    log_.set_path(file_);
  }
  ~KeyLogTest() override { std::remove(file_.c_str()); }

  // The lines that a handshake between these addresses writes.
  std::string logged(const char* local, const char* remote) {
    *down_.mutable_common_tls_context()->mutable_key_log() = log_;
    const auto server = factory_.server(down_, {}, resolver(), FieldPath("d"));
    const auto client = factory_.client(up_, resolver(), FieldPath("u"));
    EXPECT_TRUE(server.ok()) << server.status();
    const auto from = net::Address::parseIpPort(local);
    const auto to = net::Address::parseIpPort(remote);
    Handshake shake((*server)->newSsl({.local = from->get(), .remote = to->get()}),
                    (*client)->newSsl());
    EXPECT_TRUE(shake.run());
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }

  std::string file_ = testing::TempDir() + "moe_key_log_test";
  v3::TlsKeyLog log_;
};

TEST_F(KeyLogTest, WritesWhatWiresharkReads) {
  EXPECT_EQ(logged("10.0.0.1:443", "10.0.0.2:5").substr(0, 14), "CLIENT_RANDOM ");
}

TEST_F(KeyLogTest, OnlyTheAddressesThatAreAskedFor) {
  auto* range = log_.add_remote_address_range();
  range->set_address_prefix("192.168.0.0");
  range->mutable_prefix_len()->set_value(20);
  EXPECT_EQ(logged("10.0.0.1:443", "10.0.0.2:5"), "");
  EXPECT_EQ(logged("10.0.0.1:443", "192.168.16.1:5"), "");
  EXPECT_EQ(logged("10.0.0.1:443", "[::1]:5"), "");
  EXPECT_NE(logged("10.0.0.1:443", "192.168.15.1:5"), "");
}

TEST_F(KeyLogTest, Errors) {
  log_.set_path("/nonexistent/log");
  *down_.mutable_common_tls_context()->mutable_key_log() = log_;
  EXPECT_EQ(serverError(resolver()),
            "d.common_tls_context.key_log.path: file \"/nonexistent/log\": "
            "No such file or directory");
  auto* range = log_.add_local_address_range();
  range->set_address_prefix("10.0.0.0");
  range->mutable_prefix_len()->set_value(33);
  *down_.mutable_common_tls_context()->mutable_key_log() = log_;
  EXPECT_EQ(serverError(resolver()), "d.common_tls_context.key_log.local_address_range[0].prefix_"
                                     "len: found 33, expected 0 to 32");
}

} // namespace
} // namespace moe::tls
