#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "base/strings.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"
#include "tls/san_matcher.h"
#include "tls/trust.h"

namespace moe::tls {

// What a peer's certificate must be, beside being issued by somebody trusted: plain data of one
// context. From CertificateValidationContext; immutable, any thread.
struct PeerRules {
  std::vector<SanMatcher> names; // match_typed_subject_alt_names: one of them, if there are any
  std::vector<Digest> certificateHashes; // verify_certificate_hash: one of these
  std::vector<Digest> spkiHashes;        //   or verify_certificate_spki
  bool allowExpired = false;             // allow_expired_certificate
  bool acceptUntrusted = false;          // trust_chain_verification: ACCEPT_UNTRUSTED
  bool onlyLeafCrl = false;              // only_verify_leaf_cert_crl
  bool nameIsServerName = false;         // auto_sni_san_validation
  std::optional<uint32_t> maxDepth;      // max_verify_depth: with the anchor, without the leaf
  bool spiffe = false;                   // custom_validator_config: the SPIFFE validator

  bool pinned() const { return !certificateHashes.empty() || !spkiHashes.empty(); }
};

// What a peer's certificate may be issued by.
struct PeerTrust {
  TrustPtr trust;                    // trusted_ca and crl, or null
  base::StringMap<TrustPtr> domains; // by SPIFFE trust domain

  std::vector<TrustPtr> all() const; // always in the same order
};

// Reads `proto`, without what it names files of (trusted_ca, crl and trust bundles, which are of
// PeerTrust). Errors name the field; fields that could not be acted on are errors. `part`: another
// message may bring the trusted_ca that this one needs.
absl::StatusOr<PeerRules> readPeerRules(
    const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& proto,
    const config::FieldPath& path, bool part = false);

// "df6ff72f..." or "DF:6F:F7:...", as openssl writes it.
absl::StatusOr<Digest> parseHexDigest(std::string_view text, const config::FieldPath& path);
// As in HTTP Public Key Pinning.
absl::StatusOr<Digest> parseBase64Digest(std::string_view text, const config::FieldPath& path);

} // namespace moe::tls
