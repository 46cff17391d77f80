#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/certificate.h"
#include "tls/trust.h"

namespace moe::tls {

// What Envoy's /certs says of a certificate (envoy.admin.v3.CertificateDetails). Times are seconds
// since 1970.
struct CertificateDetails {
  enum class Kind { Dns, Uri, IpAddress };
  struct Name {
    Kind kind;
    std::string value;
  };
  struct Ocsp {
    int64_t validFrom;
    int64_t expires; // as validFrom, where the response has no end
  };

  std::string path; // a file, "<inline>", or "<trust domain>: " and one of these
  std::string serial;
  std::vector<Name> names;
  int64_t validFrom = 0;
  int64_t expires = 0;
  std::optional<Ocsp> ocsp;

  // Whole days; 0 also after the end.
  uint64_t daysUntilExpiration(int64_t now) const;
};

// Of the leaf.
CertificateDetails detailsOf(const Certificate& certificate);
// Of every authority of the bundle.
std::vector<CertificateDetails> detailsOf(const Trust& trust);

// Envoy's statistics days_until_first_cert_expiring and
// seconds_until_first_ocsp_response_expiring; 0 for what is over, nothing without any.
std::optional<uint64_t> daysUntilFirstExpires(std::span<const CertificatePtr> certificates,
                                              std::span<const TrustPtr> trusts, int64_t now);
std::optional<uint64_t> secondsUntilFirstOcspExpires(std::span<const CertificatePtr> certificates,
                                                     int64_t now);

} // namespace moe::tls
