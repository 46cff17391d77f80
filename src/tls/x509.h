#pragma once

#include <openssl/x509.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"

// What is asked of X.509 certificates, as texts. All functions may be called on any thread.
namespace moe::tls {

using X509Ptr = bssl::UniquePtr<X509>;
using GeneralNamesPtr = bssl::UniquePtr<GENERAL_NAMES>;

// The certificate's subject alternative names, or null where it has none (or broken ones).
GeneralNamesPtr alternativeNames(const X509& certificate);

// A name as Envoy compares it: DNS, URI and e-mail as they are, addresses as "10.0.0.1" or "::1",
// an otherName by its ASN.1 type (OBJECT dotted, BOOLEAN true or false, INTEGER decimal, NULL "").
// May have any bytes, NUL included. "" for kinds that Envoy does not compare.
std::string nameText(const GENERAL_NAME& name);

// The texts of all names of one kind (GEN_DNS, GEN_URI, ...).
std::vector<std::string> namesOf(const X509& certificate, int kind);

// The (last, most specific) common name of the subject as UTF-8, or "".
std::string commonName(const X509& certificate);
// RFC 2253: "CN=web,O=Acme"; control characters and what is not ASCII are escaped.
std::string subjectOf(const X509& certificate);
std::string issuerOf(const X509& certificate);
// Hexadecimal without a prefix, as Envoy writes it.
std::string serialOf(const X509& certificate);

// A peer's text in double quotes, with all but printable ASCII escaped, cut after 80 bytes.
std::string quoted(std::string_view text);

// "CN=web, serial 1f2e" of whatever there is, cut after 200 bytes: for error texts and logs.
std::string describe(const X509& certificate);

// Seconds since 1970 of the first and last moment of the certificate's validity.
int64_t notBefore(const X509& certificate);
int64_t notAfter(const X509& certificate);

// Every certificate of a text of PEM blocks, in order. Blocks of other kinds are passed over,
// broken ones and a text without certificates are errors.
absl::StatusOr<std::vector<X509Ptr>> readCertificates(std::string_view pem,
                                                      const config::FieldPath& path);

} // namespace moe::tls
