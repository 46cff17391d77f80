#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "tls/certificate.h"

namespace moe::tls {

// ocsp_staple_policy of DownstreamTlsContext.
enum class StaplePolicy { Lenient, Strict, Must };

// What a client that asked for an OCSP response has got.
enum class Staple { NotAsked, Stapled, Omitted, Failed };

// Which of a server's certificates a client gets. By Envoy's rules: those whose name is the SNI,
// then those with a wildcard for it, then, without an SNI or with full_scan_certs_on_sni_mismatch,
// all, else the first one. Of each, elliptic curves go before RSA; which of them the client can use
// is found by BoringSSL. Of equal names and key types the first certificate counts. Immutable; any
// thread.
class CertificateChoice {
public:
  CertificateChoice(std::vector<CertificatePtr> certificates, bool fullScan, StaplePolicy policy);

  // In order of preference. `serverName` is what the client sent, in any case, or "".
  std::vector<const Certificate*> candidates(std::string_view serverName) const;

  // What a client that asks for a response gets with `certificate` at `now` (seconds since 1970).
  Staple stapleFor(const Certificate& certificate, int64_t now) const;

  const std::vector<CertificatePtr>& certificates() const { return certificates_; }

private:
  void appendNamed(std::string_view name, std::vector<const Certificate*>& out) const;
  void appendAll(std::vector<const Certificate*>& out) const;

  std::vector<CertificatePtr> certificates_;
  base::StringMap<std::vector<const Certificate*>> byName_;
  bool fullScan_;
  StaplePolicy policy_;
};

} // namespace moe::tls
