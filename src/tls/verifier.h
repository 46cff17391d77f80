#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tls/peer_rules.h"
#include "tls/verify_state.h"

namespace moe::tls {

// What came of checking one chain.
struct Verdict {
  VerifyState::Fail fail = VerifyState::Fail::None;
  std::string failure; // the first reason, for people
  bool verified = false;
  uint8_t alert = SSL_AD_CERTIFICATE_UNKNOWN; // what the peer is told, where it failed

  bool ok() const { return fail == VerifyState::Fail::None; }
};

// Checks peers' certificates against the trust and the rules of one context, in this order: chain,
// time and revocation; names; hashes. What fails first is the verdict. Immutable; verify() may run
// on any thread.
class Verifier {
public:
  enum class Peer { Server, Client }; // whose certificates are checked
  enum class Ask { No, Optional, Required };

  Verifier(Peer peer, PeerTrust trust, PeerRules rules);

  // Whether a server asks its clients for a certificate. As Envoy: not without anything to check it
  // against; Required by `required` (require_client_certificate) and by names and hashes.
  Ask ask(bool required) const;

  // `chain` is the peer's, leaf first. `serverName` is the SNI that was sent, "" for none.
  // `names`, if there are any, take the place of the context's names for this connection.
  Verdict verify(const STACK_OF(X509) & chain, std::string_view serverName,
                 std::span<const std::string> names) const;

  bool checksChain() const { return trust_.trust != nullptr || rules_.spiffe; }
  const PeerRules& rules() const { return rules_; }
  const PeerTrust& trust() const { return trust_; }

private:
  Verdict checkSpiffe(X509& leaf, const STACK_OF(X509) & chain) const;
  Verdict checkChain(const Trust& trust, X509& leaf, const STACK_OF(X509) & chain) const;
  // `verified` says whether anything was there to be checked.
  Verdict checkNames(const X509& leaf, std::string_view serverName,
                     std::span<const std::string> names) const;
  Verdict checkHashes(const X509& leaf) const;

  Peer peer_;
  PeerTrust trust_;
  PeerRules rules_;
};

} // namespace moe::tls
