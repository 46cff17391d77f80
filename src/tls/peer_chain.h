#pragma once

#include <openssl/ssl.h>

namespace moe::tls {

// What TlsPeer is made of.
struct PeerChain {
  const SSL* ssl = nullptr; // for TlsPeer's constructor only
  bool verified = false;
  bssl::UniquePtr<SSL_SESSION> session; // keeps the peer's chain
  bssl::UniquePtr<X509> local;          // null: nothing was shown
};

} // namespace moe::tls
