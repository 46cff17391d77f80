#include "tls/private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "base/strings.h"
#include "tls/reason.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;

// What the callback for a password was asked.
struct Password {
  const std::string* text;
  bool asked = false;
};

int givePassword(char* out, int size, int /*writing*/, void* user) {
  auto& password = *static_cast<Password*>(user);
  password.asked = true;
  if (password.text == nullptr || password.text->size() > static_cast<size_t>(size)) {
    return -1;
  }
  std::copy(password.text->begin(), password.text->end(), out);
  return static_cast<int>(password.text->size());
}

} // namespace

absl::StatusOr<KeyPtr> readPrivateKey(std::string_view pem, const std::string* password,
                                      const FieldPath& path) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  Password given{password};
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &givePassword, &given));
  const std::string reason = takeReason();
  if (key != nullptr) {
    return key;
  }
  if (given.asked) {
    return password == nullptr ? fieldError(path, "an encrypted private key", "password beside it")
                               : fieldError(path, "a private key that the password does not open",
                                            "the key's password");
  }
  return fieldError(path, base::cat("no private key that parses: ", reason),
                    "a private key in PEM");
}

absl::StatusOr<Pkcs12> readPkcs12(std::string_view der, const std::string* password,
                                  const FieldPath& path) {
  ERR_clear_error();
  CBS in;
  CBS_init(&in, reinterpret_cast<const uint8_t*>(der.data()), der.size());
  EVP_PKEY* key = nullptr;
  const bssl::UniquePtr<STACK_OF(X509)> certificates(sk_X509_new_null());
  const bool good =
      PKCS12_get_key_and_certs(&key, certificates.get(), &in,
                               password != nullptr ? password->c_str() : nullptr) == 1;
  Pkcs12 out;
  out.key.reset(key);
  const bool wrongPassword =
      ERR_equals(ERR_peek_last_error(), ERR_LIB_PKCS8, PKCS8_R_INCORRECT_PASSWORD) != 0;
  const std::string reason = takeReason();
  if (!good) {
    return wrongPassword ? fieldError(path, "PKCS #12 data that the password does not open",
                                      "the data's password")
                         : fieldError(path, base::cat("data that does not parse: ", reason),
                                      "PKCS #12 data (DER)");
  }
  if (out.key == nullptr) {
    return fieldError(path, "no private key", "PKCS #12 data with a private key");
  }
  for (const X509* certificate : certificates.get()) {
    out.chain.push_back(bssl::UpRef(const_cast<X509*>(certificate))); // counts only
  }
  // The key's certificate may be anywhere among them.
  const auto leaf = std::find_if(out.chain.begin(), out.chain.end(), [&](const X509Ptr& one) {
    return X509_check_private_key(one.get(), out.key.get()) == 1;
  });
  ERR_clear_error();
  if (leaf == out.chain.end()) {
    return fieldError(path, "no certificate of the private key",
                      "PKCS #12 data with the key's certificate");
  }
  std::rotate(out.chain.begin(), leaf, leaf + 1);
  return out;
}

absl::Status checkKeyStrength(const X509& certificate, const FieldPath& path) {
  const EVP_PKEY* key = X509_get0_pubkey(&certificate);
  if (key == nullptr) {
    ERR_clear_error();
    return fieldError(path, base::cat("a public key of an unknown kind in ", describe(certificate)),
                      "an RSA, elliptic curve or Ed25519 key");
  }
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    constexpr int minimum = 2048;
    if (EVP_PKEY_bits(key) < minimum) {
      return fieldError(
          path, base::cat("an RSA key of ", EVP_PKEY_bits(key), " bits in ", describe(certificate)),
          "at least 2048 bits");
    }
  } else if (EVP_PKEY_id(key) == EVP_PKEY_EC) {
    const int curve = EVP_PKEY_get_ec_curve_nid(key);
    if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1 && curve != NID_secp521r1) {
      const char* name = OBJ_nid2sn(curve);
      return fieldError(path,
                        base::cat("the curve ", name != nullptr ? name : "of another kind", " in ",
                                  describe(certificate)),
                        "P-256, P-384 or P-521");
    }
  }
  return absl::OkStatus();
}

} // namespace moe::tls
