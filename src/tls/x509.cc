#include "tls/x509.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits>

#include "absl/strings/escaping.h"
#include "base/strings.h"
#include "tls/reason.h"

namespace moe::tls {
namespace {

std::string bytesOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string utf8Of(const ASN1_STRING* string) {
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, string);
  if (length < 0) {
    ERR_clear_error();
    return "";
  }
  const bssl::UniquePtr<unsigned char> owned(text);
  return {reinterpret_cast<const char*>(text), static_cast<size_t>(length)};
}

std::string addressText(const ASN1_OCTET_STRING* address) {
  char text[INET6_ADDRSTRLEN];
  const int length = ASN1_STRING_length(address);
  const int family = length == 4 ? AF_INET : AF_INET6;
  if ((length != 4 && length != 16) ||
      inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof(text)) == nullptr) {
    return "";
  }
  return text;
}

// Decimal digits cost the square of their number, and whoever connects may show a number of 100 KB:
// above 1024 bits there is no text.
std::string decimalText(const BIGNUM* number) {
  constexpr unsigned mostBits = 1024;
  if (number == nullptr || BN_num_bits(number) > mostBits) {
    return "";
  }
  const bssl::UniquePtr<char> text(BN_bn2dec(number));
  return text != nullptr ? text.get() : "";
}

std::string numberText(const ASN1_INTEGER* number, bool decimal) {
  const bssl::UniquePtr<BIGNUM> value(ASN1_INTEGER_to_BN(number, nullptr));
  if (value == nullptr) {
    return "";
  }
  if (decimal) {
    return decimalText(value.get());
  }
  const bssl::UniquePtr<char> text(BN_bn2hex(value.get()));
  return text != nullptr ? text.get() : "";
}

std::string objectText(const ASN1_OBJECT* object) {
  char text[256];
  const int length = OBJ_obj2txt(text, sizeof(text), object, /*always_return_oid=*/1);
  return length > 0 && length < static_cast<int>(sizeof(text)) ? text : "";
}

std::string otherNameText(const ASN1_TYPE* value) {
  if (value == nullptr) {
    return "";
  }
  switch (value->type) {
  case V_ASN1_NULL:
    return "";
  case V_ASN1_BOOLEAN:
    return value->value.boolean != 0 ? "true" : "false";
  case V_ASN1_INTEGER:
    return numberText(value->value.integer, /*decimal=*/true);
  case V_ASN1_ENUMERATED: {
    const bssl::UniquePtr<BIGNUM> number(ASN1_ENUMERATED_to_BN(value->value.enumerated, nullptr));
    return decimalText(number.get());
  }
  case V_ASN1_OBJECT:
    return objectText(value->value.object);
  case V_ASN1_BMPSTRING:
  case V_ASN1_UNIVERSALSTRING:
    return utf8Of(value->value.asn1_string);
  case V_ASN1_BIT_STRING:
  case V_ASN1_OCTET_STRING:
  case V_ASN1_PRINTABLESTRING:
  case V_ASN1_T61STRING:
  case V_ASN1_IA5STRING:
  case V_ASN1_GENERALSTRING:
  case V_ASN1_UTCTIME:
  case V_ASN1_GENERALIZEDTIME:
  case V_ASN1_VISIBLESTRING:
  case V_ASN1_UTF8STRING:
  case V_ASN1_SET:
  case V_ASN1_SEQUENCE:
    return bytesOf(value->value.asn1_string);
  default:
    return "";
  }
}

std::string rfc2253(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) {
    ERR_clear_error();
    return "";
  }
  const uint8_t* bytes = nullptr;
  size_t length = 0;
  return BIO_mem_contents(out.get(), &bytes, &length) == 1
             ? std::string(reinterpret_cast<const char*>(bytes), length)
             : "";
}

int64_t posixOf(const ASN1_TIME* time, int64_t fallback) {
  int64_t seconds = 0;
  if (ASN1_TIME_to_posix_nonstandard(time, &seconds) == 1) {
    return seconds;
  }
  ERR_clear_error();
  return fallback;
}

} // namespace

GeneralNamesPtr alternativeNames(const X509& certificate) {
  GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  return names;
}

std::string nameText(const GENERAL_NAME& name) {
  switch (name.type) {
  case GEN_DNS:
    return bytesOf(name.d.dNSName);
  case GEN_URI:
    return bytesOf(name.d.uniformResourceIdentifier);
  case GEN_EMAIL:
    return bytesOf(name.d.rfc822Name);
  case GEN_IPADD:
    return addressText(name.d.iPAddress);
  case GEN_OTHERNAME:
    return otherNameText(name.d.otherName->value);
  default:
    return "";
  }
}

std::vector<std::string> namesOf(const X509& certificate, int kind) {
  std::vector<std::string> texts;
  const GeneralNamesPtr names = alternativeNames(certificate);
  if (names != nullptr) {
    for (const GENERAL_NAME* name : names.get()) {
      if (name->type == kind) {
        texts.push_back(nameText(*name));
      }
    }
  }
  return texts;
}

std::string commonName(const X509& certificate) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  int found = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
    found = at;
  }
  return found < 0 ? "" : utf8Of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, found)));
}

std::string subjectOf(const X509& certificate) {
  return rfc2253(X509_get_subject_name(&certificate));
}

std::string issuerOf(const X509& certificate) {
  return rfc2253(X509_get_issuer_name(&certificate));
}

std::string serialOf(const X509& certificate) {
  return numberText(X509_get0_serialNumber(&certificate), /*decimal=*/false);
}

std::string quoted(std::string_view text) {
  constexpr size_t limit = 80;
  const std::string_view shown = text.substr(0, limit);
  return base::cat("\"", absl::CEscape({shown.data(), shown.size()}),
                   text.size() > limit ? "..." : "", "\"");
}

std::string describe(const X509& certificate) {
  std::string who = subjectOf(certificate);
  if (who.empty()) { // As SPIFFE's are: their name is a URI.
    const GeneralNamesPtr names = alternativeNames(certificate);
    if (names != nullptr && sk_GENERAL_NAME_num(names.get()) > 0) {
      who = base::cat("SAN ", quoted(nameText(*sk_GENERAL_NAME_value(names.get(), 0))));
    }
  }
  constexpr size_t limit = 200;
  if (who.size() > limit) {
    who = base::cat(who.substr(0, limit), "...");
  }
  return base::cat(who, who.empty() ? "" : ", ", "serial ", serialOf(certificate).substr(0, 64));
}

int64_t notBefore(const X509& certificate) {
  return posixOf(X509_get0_notBefore(&certificate), std::numeric_limits<int64_t>::min());
}

int64_t notAfter(const X509& certificate) {
  return posixOf(X509_get0_notAfter(&certificate), std::numeric_limits<int64_t>::max());
}

absl::StatusOr<std::vector<X509Ptr>> readCertificates(std::string_view pem,
                                                      const config::FieldPath& path) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  std::vector<X509Ptr> certificates;
  for (;;) {
    X509Ptr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) {
      break;
    }
    certificates.push_back(std::move(certificate));
  }
  const uint32_t error = ERR_peek_last_error();
  const bool end = ERR_equals(error, ERR_LIB_PEM, PEM_R_NO_START_LINE) != 0;
  const std::string text = takeReason();
  if (!end) {
    return config::fieldError(
        path, base::cat("certificate ", certificates.size() + 1, " that does not parse: ", text),
        "certificates in PEM");
  }
  if (certificates.empty()) {
    return config::fieldError(path, "no certificate", "certificates in PEM");
  }
  return certificates;
}

} // namespace moe::tls
