#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"

namespace moe::tls {

enum class Role { Server, Client };

// Protocol versions, cipher suites, groups and signature algorithms of a context, with Envoy's
// defaults.
struct Parameters {
  uint16_t minVersion = TLS1_2_VERSION;
  uint16_t maxVersion = TLS1_3_VERSION;
  std::string ciphers;    // as SSL_CTX_set_strict_cipher_list takes it; TLS 1.3 has its own
  std::string groups;     // "X25519:P-256"
  std::string algorithms; // "" is BoringSSL's default
  std::vector<ssl_compliance_policy_t> policies; // in order; they may override the rest

  // Cannot fail, since everything was tried when it was read.
  void apply(SSL_CTX& context) const;
};

// Every name is tried; errors say which one BoringSSL does not know, at its field.
absl::StatusOr<Parameters>
readParameters(const envoy::extensions::transport_sockets::tls::v3::TlsParameters& proto, Role role,
               const config::FieldPath& path);

} // namespace moe::tls
