#include "tls/certificate_details.h"

#include <openssl/x509v3.h>

#include <algorithm>

namespace moe::tls {
namespace {

constexpr int64_t kDay = int64_t{24} * 60 * 60;

uint64_t daysUntil(int64_t end, int64_t now) {
  return end > now ? static_cast<uint64_t>((end - now) / kDay) : 0;
}

CertificateDetails detailsOf(const X509& certificate, const std::string& path) {
  CertificateDetails out;
  out.path = path;
  out.serial = serialOf(certificate);
  out.validFrom = notBefore(certificate);
  out.expires = notAfter(certificate);
  using Kind = CertificateDetails::Kind;
  const std::pair<int, Kind> kinds[] = {// in the order of Envoy's answer
                                        {GEN_DNS, Kind::Dns},
                                        {GEN_URI, Kind::Uri},
                                        {GEN_IPADD, Kind::IpAddress}};
  for (const auto& [general, kind] : kinds) {
    for (std::string& name : namesOf(certificate, general)) {
      out.names.push_back({kind, std::move(name)});
    }
  }
  return out;
}

void keepLeast(std::optional<uint64_t>& least, uint64_t value) {
  least = std::min(least.value_or(value), value);
}

} // namespace

uint64_t CertificateDetails::daysUntilExpiration(int64_t now) const {
  return daysUntil(expires, now);
}

CertificateDetails detailsOf(const Certificate& certificate) {
  CertificateDetails out = detailsOf(*certificate.leaf, certificate.name);
  if (certificate.ocsp) {
    out.ocsp = {certificate.ocsp->thisUpdate,
                certificate.ocsp->nextUpdate.value_or(certificate.ocsp->thisUpdate)};
  }
  return out;
}

std::vector<CertificateDetails> detailsOf(const Trust& trust) {
  std::vector<CertificateDetails> out;
  out.reserve(trust.authorities().size());
  for (const X509Ptr& authority : trust.authorities()) {
    out.push_back(detailsOf(*authority, trust.name()));
  }
  return out;
}

std::optional<uint64_t> daysUntilFirstExpires(std::span<const CertificatePtr> certificates,
                                              std::span<const TrustPtr> trusts, int64_t now) {
  std::optional<uint64_t> least;
  for (const CertificatePtr& certificate : certificates) {
    keepLeast(least, daysUntil(notAfter(*certificate->leaf), now));
  }
  for (const TrustPtr& trust : trusts) {
    for (const X509Ptr& authority : trust->authorities()) {
      keepLeast(least, daysUntil(notAfter(*authority), now));
    }
  }
  return least;
}

std::optional<uint64_t> secondsUntilFirstOcspExpires(std::span<const CertificatePtr> certificates,
                                                     int64_t now) {
  std::optional<uint64_t> least;
  for (const CertificatePtr& certificate : certificates) {
    if (certificate->ocsp) {
      const int64_t end = certificate->ocsp->nextUpdate.value_or(now);
      keepLeast(least, end > now ? static_cast<uint64_t>(end - now) : 0);
    }
  }
  return least;
}

} // namespace moe::tls
