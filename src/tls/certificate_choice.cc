#include "tls/certificate_choice.h"

#include <openssl/evp.h>

#include <algorithm>

namespace moe::tls {
namespace {

bool isEllipticCurve(const Certificate& certificate) { return certificate.keyType == EVP_PKEY_EC; }

void appendOnce(const Certificate& certificate, std::vector<const Certificate*>& out) {
  if (std::find(out.begin(), out.end(), &certificate) == out.end()) {
    out.push_back(&certificate);
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

} // namespace

CertificateChoice::CertificateChoice(std::vector<CertificatePtr> certificates, bool fullScan,
                                     StaplePolicy policy)
    : certificates_(std::move(certificates)), fullScan_(fullScan), policy_(policy) {
  for (const CertificatePtr& certificate : certificates_) {
    for (const std::string& name : certificate->serverNames) {
      std::vector<const Certificate*>& named = byName_[name];
      const bool taken = std::any_of(named.begin(), named.end(), [&](const Certificate* other) {
        return other->keyType == certificate->keyType;
      });
      if (!taken) {
        named.push_back(certificate.get());
      }
    }
  }
  for (auto& [name, named] : byName_) {
    std::stable_partition(named.begin(), named.end(),
                          [](const Certificate* one) { return isEllipticCurve(*one); });
  }
}

void CertificateChoice::appendNamed(std::string_view name,
                                    std::vector<const Certificate*>& out) const {
  const auto found = byName_.find(name);
  if (found != byName_.end()) {
    for (const Certificate* certificate : found->second) {
      appendOnce(*certificate, out);
    }
  }
}

void CertificateChoice::appendAll(std::vector<const Certificate*>& out) const {
  for (const bool curve : {true, false}) {
    for (const CertificatePtr& certificate : certificates_) {
      if (isEllipticCurve(*certificate) == curve) {
        appendOnce(*certificate, out);
      }
    }
  }
}

std::vector<const Certificate*> CertificateChoice::candidates(std::string_view serverName) const {
  std::vector<const Certificate*> out;
  out.reserve(certificates_.size());
  if (serverName.empty()) {
    appendAll(out);
    return out;
  }
  std::string name(serverName);
  std::transform(name.begin(), name.end(), name.begin(), &lower);
  appendNamed(name, out);
  const size_t dot = name.find('.', 1);
  if (dot != std::string::npos && dot + 1 < name.size()) {
    appendNamed(std::string_view(name).substr(dot), out);
  }
  if (fullScan_) {
    appendAll(out);
  } else if (!certificates_.empty()) {
    appendOnce(*certificates_.front(), out);
  }
  return out;
}

Staple CertificateChoice::stapleFor(const Certificate& certificate, int64_t now) const {
  const bool good = certificate.ocsp && !certificate.ocsp->expired(now);
  if (good) {
    return Staple::Stapled;
  }
  const bool must = policy_ == StaplePolicy::Must || certificate.mustStaple;
  const bool expired = certificate.ocsp.has_value();
  return must || (policy_ == StaplePolicy::Strict && expired) ? Staple::Failed : Staple::Omitted;
}

} // namespace moe::tls
