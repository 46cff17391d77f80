#include "tls/handshake.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace moe::tls::test {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;

// One step; true where it is done. Notes an alert that has come.
bool step(SSL& ssl, bool& failed, std::string& alert) {
  ERR_clear_error();
  const int result = SSL_do_handshake(&ssl);
  if (result == 1) {
    return true;
  }
  if (SSL_get_error(&ssl, result) != SSL_ERROR_WANT_READ) {
    failed = true;
    const uint32_t error = ERR_peek_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
      alert = SSL_alert_desc_string_long(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
    }
  }
  return false;
}

void readRest(SSL& ssl, std::string& alert) {
  ERR_clear_error();
  char byte;
  const int result = SSL_read(&ssl, &byte, 1);
  const uint32_t error = ERR_peek_error();
  if (result <= 0 && ERR_GET_LIB(error) == ERR_LIB_SSL &&
      ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
    alert = SSL_alert_desc_string_long(ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET);
  }
  ERR_clear_error();
}

} // namespace

Handshake::Handshake(bssl::UniquePtr<SSL> server, bssl::UniquePtr<SSL> client)
    : server_(std::move(server)), client_(std::move(client)) {
  BIO* forServer = nullptr;
  BIO* forClient = nullptr;
  BIO_new_bio_pair(&forServer, 64 * 1024, &forClient, 64 * 1024);
  SSL_set_bio(server_.get(), forServer, forServer);
  SSL_set_bio(client_.get(), forClient, forClient);
  SSL_set_app_data(server_.get(), &serverVerify_);
  SSL_set_app_data(client_.get(), &clientVerify_);
}

bool Handshake::run() {
  bool serverDone = false;
  bool clientDone = false;
  bool serverFailed = false;
  bool clientFailed = false;
  for (int i = 0; i < 20 && !(serverDone && clientDone); ++i) {
    if (!clientDone && !clientFailed) {
      clientDone = step(*client_, clientFailed, alertToClient_);
    }
    if (!serverDone && !serverFailed) {
      serverDone = step(*server_, serverFailed, alertToServer_);
    }
    if (serverFailed && clientFailed) {
      break;
    }
  }
  // A TLS 1.3 client is done before the server has looked at its certificate.
  if (serverDone) {
    SSL_write(server_.get(), "s", 1); // with it go the tickets
  }
  if (clientDone) {
    readRest(*client_, alertToClient_);
  }
  if (serverDone) {
    readRest(*server_, alertToServer_);
  }
  return serverDone && clientDone && alertToClient_.empty() && alertToServer_.empty();
}

std::string Handshake::serverName() {
  const bssl::UniquePtr<X509> certificate(SSL_get_peer_certificate(client_.get()));
  return certificate != nullptr ? commonName(*certificate) : "";
}

void addCertificate(v3::CommonTlsContext& common, const Made& leaf) {
  auto* certificate = common.add_tls_certificates();
  certificate->mutable_certificate_chain()->set_inline_string(leaf.pem());
  certificate->mutable_private_key()->set_inline_string(leaf.keyPem());
}

void trust(v3::CommonTlsContext& common, const Made& ca) {
  common.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca.pem());
}

v3::DownstreamTlsContext downstream(const Made& leaf) {
  v3::DownstreamTlsContext proto;
  addCertificate(*proto.mutable_common_tls_context(), leaf);
  return proto;
}

v3::UpstreamTlsContext upstream(const Made& ca) {
  v3::UpstreamTlsContext proto;
  trust(*proto.mutable_common_tls_context(), ca);
  return proto;
}

} // namespace moe::tls::test
