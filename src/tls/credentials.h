#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tls/certificate_choice.h"
#include "tls/parameters.h"
#include "tls/trust.h"

namespace moe::tls {

// What an SSL_CTX is made from.
struct CredentialSettings {
  Role role = Role::Server;
  Parameters parameters;
  std::vector<CertificatePtr> certificates; // at least one for a server, at most one for a client
  std::vector<uint8_t> alpn;                // as on the wire, or empty
  bool keyLog = false;                      // some context of it has a key log
  // Of a server:
  bool fullScan = false;
  StaplePolicy staplePolicy = StaplePolicy::Lenient;
  bool preferClientCiphers = false;
  bool tickets = true;
  std::optional<uint32_t> sessionSeconds; // session_timeout
  std::vector<TrustPtr> advertised;       // whose names are sent with the request for a certificate

  Digest digest() const; // the same settings, the same digest
};

// An SSL_CTX with its certificates, parameters and ALPN: one for each distinct set, whichever
// contexts use it. Immutable; any thread.
class Credentials {
public:
  // `stateIndex` is where each SSL of it keeps its SslState (see tls/ssl_state.h).
  Credentials(const CredentialSettings& settings, int stateIndex);
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  SSL_CTX* context() const { return context_.get(); }
  const CertificateChoice& choice() const { return choice_; }
  const std::vector<uint8_t>& alpn() const { return alpn_; }
  const Digest& digest() const { return digest_; }
  int stateIndex() const { return stateIndex_; }

private:
  void configureServer(const CredentialSettings& settings);
  void configureClient(const CredentialSettings& settings);

  CertificateChoice choice_;
  std::vector<uint8_t> alpn_;
  Digest digest_;
  int stateIndex_;
  bssl::UniquePtr<SSL_CTX> context_;
};
using CredentialsPtr = std::shared_ptr<const Credentials>;

} // namespace moe::tls
