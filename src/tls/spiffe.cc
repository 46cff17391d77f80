#include "tls/spiffe.h"

#include <openssl/x509v3.h>

#include "base/strings.h"
#include "tls/x509.h"

namespace moe::tls {

std::string_view trustDomainOf(std::string_view uri) {
  constexpr std::string_view scheme = "spiffe://";
  if (!uri.starts_with(scheme)) {
    return "";
  }
  uri.remove_prefix(scheme.size());
  const size_t slash = uri.find('/');
  return slash == std::string_view::npos ? std::string_view() : uri.substr(0, slash);
}

absl::StatusOr<std::string> trustDomainOf(const X509& leaf) {
  if ((X509_get_extension_flags(&leaf) & EXFLAG_CA) != 0) {
    return absl::InvalidArgumentError("an authority's certificate, which no SPIFFE workload has");
  }
  // All ones where the extension is missing, which is refused, too: an SVID has it.
  if ((X509_get_key_usage(&leaf) & (X509v3_KU_CRL_SIGN | X509v3_KU_KEY_CERT_SIGN)) != 0) {
    return absl::InvalidArgumentError(
        "no key usage, or one that signs certificates, which no SPIFFE workload has");
  }
  const std::vector<std::string> uris = namesOf(leaf, GEN_URI);
  if (uris.size() != 1) {
    return absl::InvalidArgumentError(
        base::cat(uris.size(), " URIs, where a SPIFFE certificate has one"));
  }
  const std::string_view domain = trustDomainOf(uris[0]);
  if (domain.empty()) {
    return absl::InvalidArgumentError(
        base::cat("the URI ", quoted(uris[0]), ", which is no SPIFFE ID"));
  }
  return std::string(domain);
}

} // namespace moe::tls
