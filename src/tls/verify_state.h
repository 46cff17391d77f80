#pragma once

#include <string>

namespace moe::tls {

// What the check of a peer's certificate has found. Owned by the TlsSocket of the connection, which
// sets it as SSL_set_app_data(ssl, VerifyState*); filled in by the check.
struct VerifyState {
  enum class Fail { None, NoCert, Error, San, CertHash };
  Fail fail = Fail::None;
  std::string failure; // the first reason, for people: "certificate has expired (CN=..., ...)"
  bool verified = false;
};

} // namespace moe::tls
