#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "tls/x509.h"

namespace moe::tls {

using KeyPtr = bssl::UniquePtr<EVP_PKEY>;

// A private key in PEM. Without a password (null) an encrypted one is an error; so is one that the
// password does not open. Errors have neither the key nor the password.
absl::StatusOr<KeyPtr> readPrivateKey(std::string_view pem, const std::string* password,
                                      const config::FieldPath& path);

// A PKCS #12 file: the key, then the certificates, leaf first. `password` may be null.
struct Pkcs12 {
  KeyPtr key;
  std::vector<X509Ptr> chain;
};
absl::StatusOr<Pkcs12> readPkcs12(std::string_view der, const std::string* password,
                                  const config::FieldPath& path);

// Envoy's limits for the key of a certificate: RSA of 2048 bits or more; of elliptic curves P-256,
// P-384 and P-521. `path` is where the certificate came from.
absl::Status checkKeyStrength(const X509& certificate, const config::FieldPath& path);

} // namespace moe::tls
