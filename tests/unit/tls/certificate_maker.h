#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tls/x509.h"

namespace moe::tls::test {

enum class KeyKind { P256, P384, P224, Rsa2048, Rsa1024, Ed25519 };

// A certificate and its key, made in the test.
struct Made {
  X509Ptr certificate;
  bssl::UniquePtr<EVP_PKEY> key;

  std::string pem() const;
  std::string keyPem() const;
  std::string encryptedKeyPem(const std::string& password) const;
  std::string der() const;
};

struct Spec {
  std::string commonName; // "" for a subject without names
  std::vector<std::string>
      names;                    // "DNS:a.com", "URI:spiffe://...", "IP:::1", "email:...", "UPN:..."
  const Made* issuer = nullptr; // null: signed by itself
  bool ca = false;
  KeyKind key = KeyKind::P256;
  int64_t from = -3600; // seconds from now
  int64_t until = 24 * 3600;
  uint64_t serial = 0x1234;
  std::string usage = "";         // keyUsage as in openssl.cnf; "" for a default, "none" for none
  std::string extendedUsage = ""; // extendedKeyUsage; "" for none
  bool mustStaple = false;
};

Made make(const Spec& spec);

// A revocation list of `issuer` with these serial numbers, in PEM.
std::string makeCrl(const Made& issuer, const std::vector<uint64_t>& serials);

// A PKCS #12 file, DER.
std::string makePkcs12(const Made& leaf, const std::vector<const Made*>& issuers,
                       const std::string& password);

// An OCSP response (unsigned, which nobody here looks at) for one serial number, DER.
std::string makeOcsp(uint64_t serial, int64_t nextUpdateFromNow);

// The OID of "UPN:" names.
inline constexpr char kUpnOid[] = "1.3.6.1.4.1.311.20.2.3";

} // namespace moe::tls::test
