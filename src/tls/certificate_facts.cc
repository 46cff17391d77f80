#include "tls/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/base64.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/strings.h"

namespace moe::tls {
namespace {

std::string_view text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string nameText(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0 ||
      BIO_mem_contents(out.get(), &bytes, &size) != 1) {
    return {};
  }
  return {reinterpret_cast<const char*>(bytes), size};
}

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

std::string serialText(const X509* certificate) {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) {
    return {};
  }
  const bssl::UniquePtr<char> digits(BN_bn2hex(number.get()));
  return digits == nullptr ? std::string() : std::string(digits.get());
}

int64_t seconds(const ASN1_TIME* time) {
  int64_t out = 0;
  return ASN1_TIME_to_posix(time, &out) == 1 ? out : 0;
}

std::string addressText(std::string_view bytes) {
  char out[INET6_ADDRSTRLEN] = "";
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if (bytes.size() != 4 && bytes.size() != 16) {
    return {};
  }
  ::inet_ntop(family, bytes.data(), out, sizeof(out));
  return out;
}

void readNames(const X509* certificate, CertificateFacts& out) {
  const bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (size_t i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
    case GEN_URI:
      out.uriSans.emplace_back(text(name->d.uniformResourceIdentifier));
      break;
    case GEN_DNS:
      out.dnsSans.emplace_back(text(name->d.dNSName));
      break;
    case GEN_EMAIL:
      out.emailSans.emplace_back(text(name->d.rfc822Name));
      break;
    case GEN_IPADD:
      out.ipSans.push_back(addressText(text(name->d.iPAddress)));
      break;
    default:
      break;
    }
  }
}

} // namespace

absl::StatusOr<CertificateFacts> readCertificate(std::string_view der) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(der.data());
  const uint8_t* at = bytes;
  const bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr || at != bytes + der.size()) {
    ERR_clear_error();
    return absl::InvalidArgumentError("not one certificate in DER");
  }
  CertificateFacts out;
  out.subject = nameText(X509_get_subject_name(certificate.get()));
  out.issuer = nameText(X509_get_issuer_name(certificate.get()));
  out.serial = serialText(certificate.get());
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(bytes, der.size(), digest);
  out.sha256 = hex(digest, SHA256_DIGEST_LENGTH);
  SHA1(bytes, der.size(), digest);
  out.sha1 = hex(digest, SHA_DIGEST_LENGTH);
  out.validFrom = seconds(X509_get0_notBefore(certificate.get()));
  out.validUntil = seconds(X509_get0_notAfter(certificate.get()));
  readNames(certificate.get(), out);
  ERR_clear_error(); // of names that were not as they should be
  return out;
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
