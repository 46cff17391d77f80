#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate_facts.h"

namespace moe::tls {

struct PeerChain; // BoringSSL's side of it: tls/peer_chain.h

// What a handshake has established: of the connection, of its peer and of this side. Immutable,
// but certificates are parsed when they are first asked for. One worker's thread.
class TlsPeer {
public:
  explicit TlsPeer(std::unique_ptr<PeerChain> chain);
  ~TlsPeer();

  std::string_view version() const { return version_; }         // "TLSv1.3"
  std::string_view cipher() const { return cipher_; }           // OpenSSL's name
  const std::string& alpn() const { return alpn_; }             // "" if none was agreed on
  const std::string& serverName() const { return serverName_; } // SNI; "" if there was none
  bool resumed() const { return resumed_; }
  std::string sessionId() const; // hexadecimal; "" if it has none

  bool hasCertificate() const { return !ders_.empty(); }
  // The peer's certificate was checked, and found good.
  bool verified() const { return verified_; }
  // Null if it has shown none, or none that can be read.
  const CertificateFacts* certificate() const;
  // Of the peer; "" if it has shown none.
  std::string pem() const;
  // The peer's certificate and those above it, as it has sent them.
  std::string pemChain() const;
  const std::vector<std::string_view>& chainDer() const { return ders_; }
  // What this side has shown; null if nothing.
  const CertificateFacts* localCertificate() const;

private:
  std::unique_ptr<PeerChain> chain_;
  std::string_view version_; // BoringSSL's constants
  std::string_view cipher_;
  std::string alpn_;
  std::string serverName_;
  bool resumed_ = false;
  bool verified_ = false;
  std::vector<std::string_view> ders_; // in chain_; the peer's first
  mutable std::optional<CertificateFacts> peer_;
  mutable bool peerTried_ = false;
  mutable std::optional<CertificateFacts> local_;
};

} // namespace moe::tls
