#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct x509_st; // BoringSSL
using X509 = x509_st;

namespace moe::tls {

// What a certificate says, in the forms of logs and headers. What it says of itself is only as true
// as the chain that was checked. No BoringSSL here: layers below may see it.
struct CertificateFacts {
  std::string subject; // RFC 2253: "CN=a,O=b"
  std::string issuer;
  std::string serial;     // hexadecimal, lower-case
  std::string sha256;     // of the DER form; hexadecimal, lower-case
  std::string sha1;       // as well
  int64_t validFrom = 0;  // seconds since the epoch
  int64_t validUntil = 0; // as well
  std::vector<std::string> uriSans;
  std::vector<std::string> dnsSans;
  std::vector<std::string> emailSans;
  std::vector<std::string> ipSans; // as text
};

// Any thread.
CertificateFacts factsOf(const X509& certificate);
// Of one certificate in DER. Any thread.
absl::StatusOr<CertificateFacts> readCertificate(std::string_view der);
std::string toPem(std::string_view der);

} // namespace moe::tls
