#include "tls/certificate_facts.h"

#include <openssl/base64.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include "tls/x509.h"

namespace moe::tls {
namespace {

std::string hex(const uint8_t* bytes, size_t size) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(size * 2);
  for (size_t i = 0; i < size; ++i) {
    out.push_back(digits[bytes[i] >> 4]);
    out.push_back(digits[bytes[i] & 15]);
  }
  return out;
}

std::string digest(const X509& certificate, const EVP_MD* algorithm) {
  uint8_t out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  return X509_digest(&certificate, algorithm, out, &size) == 1 ? hex(out, size) : std::string();
}

} // namespace

CertificateFacts factsOf(const X509& certificate) {
  CertificateFacts out;
  out.subject = subjectOf(certificate);
  out.issuer = issuerOf(certificate);
  out.serial = serialOf(certificate);
  out.sha256 = digest(certificate, EVP_sha256());
  out.sha1 = digest(certificate, EVP_sha1());
  out.validFrom = notBefore(certificate);
  out.validUntil = notAfter(certificate);
  out.uriSans = namesOf(certificate, GEN_URI);
  out.dnsSans = namesOf(certificate, GEN_DNS);
  out.emailSans = namesOf(certificate, GEN_EMAIL);
  out.ipSans = namesOf(certificate, GEN_IPADD);
  ERR_clear_error(); // of names that were not as they should be
  return out;
}

absl::StatusOr<CertificateFacts> readCertificate(std::string_view der) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(der.data());
  const uint8_t* at = bytes;
  const X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != bytes + der.size()) {
    ERR_clear_error();
    return absl::InvalidArgumentError("not one certificate in DER");
  }
  return factsOf(*certificate);
}

std::string toPem(std::string_view der) {
  size_t size = 0;
  EVP_EncodedLength(&size, der.size());
  std::string base64(size, '\0'); // with the terminating zero
  base64.resize(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(base64.data()),
                                reinterpret_cast<const uint8_t*>(der.data()), der.size()));
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (size_t i = 0; i < base64.size(); i += 64) {
    out.append(base64, i, 64).push_back('\n');
  }
  return out + "-----END CERTIFICATE-----\n";
}

} // namespace moe::tls
