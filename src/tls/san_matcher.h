#pragma once

#include <openssl/x509.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "config/string_match.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"

namespace moe::tls {

// One entry of match_typed_subject_alt_names: a kind of name and what it must be. Immutable; any
// thread.
class SanMatcher {
public:
  // Errors: no kind, no pattern, a regular expression or OID that does not parse.
  static absl::StatusOr<SanMatcher>
  compile(const envoy::extensions::transport_sockets::tls::v3::SubjectAltNameMatcher& proto,
          const config::FieldPath& path);
  // A DNS name as it is asked for; names in certificates may have wildcards (RFC 6125, 6.4.3).
  static SanMatcher dns(std::string name);

  bool matches(const GENERAL_NAME& name) const;
  int kind() const { return kind_; } // GEN_DNS, GEN_URI, ...
  // `URI exact "spiffe://cluster.local/ns/web"`: what it wants, for people.
  const std::string& about() const { return about_; }

private:
  SanMatcher(int kind, config::TextMatcher text, std::string about)
      : kind_(kind), text_(std::move(text)), about_(std::move(about)) {}

  int kind_;
  config::TextMatcher text_;
  std::string about_;
  std::shared_ptr<const ASN1_OBJECT> oid_; // of an otherName
};

// A whole list: match_typed_subject_alt_names, or, where that is empty, the deprecated
// match_subject_alt_names, each of which stands for DNS, URI, e-mail and IP address.
absl::StatusOr<std::vector<SanMatcher>> compileSanMatchers(
    const envoy::extensions::transport_sockets::tls::v3::CertificateValidationContext& proto,
    const config::FieldPath& path);

// "DNS", "URI", "e-mail", "IP address" or "other name".
std::string_view kindName(int kind);

// Whether any name fits any matcher.
bool matchesAny(std::span<const SanMatcher> matchers, const X509& certificate);

// Whether any name is one of `wanted`: DNS names as SanMatcher::dns, other kinds by their text. For
// names that only a connection knows (TransportSocketOptions in Envoy).
bool namesAny(std::span<const std::string> wanted, const X509& certificate);

// Whether the DNS name `name` fits `pattern` from a certificate: the same without regard to case,
// or with one "*" in the leftmost label, which stands for a part of that label and is in no
// A-label.
bool dnsNameMatches(std::string_view name, std::string_view pattern);

} // namespace moe::tls
