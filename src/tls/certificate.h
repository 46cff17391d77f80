#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/common.pb.h"
#include "tls/ocsp.h"
#include "tls/trust.h"
#include "tls/x509.h"

namespace moe::tls {

// A certificate chain with its key, as BoringSSL takes them. Immutable; any thread.
struct Certificate {
  X509Ptr leaf;
  std::vector<X509Ptr> issuers; // what is sent behind the leaf
  // The same with and without the OCSP response, since that expires. `stapled` is null without one.
  bssl::UniquePtr<SSL_CREDENTIAL> plain;
  bssl::UniquePtr<SSL_CREDENTIAL> stapled;
  std::optional<OcspResponse> ocsp;
  bool mustStaple = false; // by the certificate's TLS feature extension (RFC 7633)
  int keyType = 0;         // EVP_PKEY_RSA, EVP_PKEY_EC, ...
  // What a client may ask for by SNI, in lower case: the DNS names or, where there is no subject
  // alternative name at all, the common name (RFC 6125, 6.4.4). "*.example.com" is ".example.com".
  std::vector<std::string> serverNames;
  std::string name;   // where it came from, for people: a file or "<inline>"
  Digest digest = {}; // of the sources, the key included
};
using CertificatePtr = std::shared_ptr<const Certificate>;

// Loads a TlsCertificate: certificate_chain and private_key (perhaps with a password), or pkcs12,
// and the ocsp_staple. Refused as by Envoy: RSA keys below 2048 bits, curves other than P-256,
// P-384 and P-521, a key that does not belong to the certificate, an OCSP response of another
// certificate. Errors name field, file and certificate, never a secret. Reads files: main thread
// only.
absl::StatusOr<CertificatePtr>
loadCertificate(const envoy::extensions::transport_sockets::tls::v3::TlsCertificate& proto,
                const config::FieldPath& path);

} // namespace moe::tls
