#pragma once

#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>

namespace moe::tls::test {

// A certificate for a few minutes, signed by its own key (P-256).
struct SelfSigned {
  explicit SelfSigned(const std::string& name, const std::string& sans = "") {
    const bssl::UniquePtr<EC_KEY> curve(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    EC_KEY_generate_key(curve.get());
    key.reset(EVP_PKEY_new());
    EVP_PKEY_set1_EC_KEY(key.get(), curve.get());
    certificate.reset(X509_new());
    X509* x = certificate.get();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), 0x1234abcd);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 600);
    X509_NAME* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, reinterpret_cast<const uint8_t*>("moe"),
                               -1, -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const uint8_t*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key.get());
    if (!sans.empty()) {
      const bssl::UniquePtr<X509_EXTENSION> extension(
          X509V3_EXT_nconf_nid(nullptr, nullptr, NID_subject_alt_name, sans.c_str()));
      X509_add_ext(x, extension.get(), -1);
    }
    X509_sign(x, key.get(), EVP_sha256());
  }
  // One that no configuration could name: any bytes. Signs anew.
  void addUri(const std::string& uri) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, uri.data(), static_cast<ossl_ssize_t>(uri.size()));
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    const bssl::UniquePtr<GENERAL_NAMES> names(sk_GENERAL_NAME_new_null());
    sk_GENERAL_NAME_push(names.get(), name);
    X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, X509V3_ADD_REPLACE);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  }
  std::string der() const {
    uint8_t* out = nullptr;
    const int size = i2d_X509(certificate.get(), &out);
    std::string bytes(reinterpret_cast<const char*>(out), static_cast<size_t>(size));
    OPENSSL_free(out);
    return bytes;
  }
  void use(SSL_CTX* context) const {
    SSL_CTX_use_certificate(context, certificate.get());
    SSL_CTX_use_PrivateKey(context, key.get());
  }

  bssl::UniquePtr<EVP_PKEY> key;
  bssl::UniquePtr<X509> certificate;
};

inline std::string pem(X509* certificate) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(out.get(), certificate);
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  BIO_mem_contents(out.get(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

} // namespace moe::tls::test
