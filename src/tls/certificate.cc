#include "tls/certificate.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj.h>
#include <openssl/pool.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/strings.h"
#include "tls/data_source.h"
#include "tls/private_key.h"
#include "tls/reason.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::fieldError;
using config::FieldPath;
using BufferPtr = bssl::UniquePtr<CRYPTO_BUFFER>;

// What a TlsCertificate names, read.
struct Sources {
  std::string chain;
  std::string key;
  std::string pkcs12;
  std::string password;
  std::string ocsp;
};

absl::Status read(bool set, const envoy::config::core::v3::DataSource& source,
                  const FieldPath& path, std::string& out) {
  if (!set) {
    return absl::OkStatus();
  }
  auto bytes = readSource(source, path);
  if (!bytes.ok()) {
    return bytes.status();
  }
  out = std::move(*bytes);
  return absl::OkStatus();
}

absl::Status checkFields(const v3::TlsCertificate& proto, const FieldPath& path) {
  if (proto.has_private_key_provider()) {
    return fieldError(path.field("private_key_provider"), "a key provider, which is not supported",
                      "private_key");
  }
  if (proto.has_tls_params()) {
    return fieldError(path.field("tls_params"),
                      "parameters of one certificate, which are not supported",
                      "common_tls_context.tls_params");
  }
  if (!proto.signed_certificate_timestamp().empty()) {
    return fieldError(path.field("signed_certificate_timestamp"),
                      "timestamps, which are not supported", "none");
  }
  if (proto.has_pkcs12()) {
    if (proto.has_certificate_chain() || proto.has_private_key()) {
      return fieldError(path.field(proto.has_private_key() ? "private_key" : "certificate_chain"),
                        "a value beside pkcs12", "one or the other");
    }
    return absl::OkStatus();
  }
  if (!proto.has_certificate_chain()) {
    return fieldError(path.field("certificate_chain"), "nothing",
                      "a certificate chain in PEM, or pkcs12");
  }
  if (!proto.has_private_key()) {
    return fieldError(path.field("private_key"), "nothing", "the certificate's private key");
  }
  return absl::OkStatus();
}

absl::StatusOr<Sources> readSources(const v3::TlsCertificate& proto, const FieldPath& path) {
  Sources out;
  absl::Status status = checkFields(proto, path);
  if (status.ok() && proto.has_ocsp_staple() &&
      proto.ocsp_staple().specifier_case() == envoy::config::core::v3::DataSource::kInlineString) {
    status = fieldError(path.field("ocsp_staple"), "inline_string, which cannot have DER",
                        "filename or inline_bytes");
  }
  if (!status.ok()) {
    return status;
  }
  status.Update(read(proto.has_certificate_chain(), proto.certificate_chain(),
                     path.field("certificate_chain"), out.chain));
  status.Update(
      read(proto.has_private_key(), proto.private_key(), path.field("private_key"), out.key));
  status.Update(read(proto.has_pkcs12(), proto.pkcs12(), path.field("pkcs12"), out.pkcs12));
  status.Update(read(proto.has_password(), proto.password(), path.field("password"), out.password));
  status.Update(
      read(proto.has_ocsp_staple(), proto.ocsp_staple(), path.field("ocsp_staple"), out.ocsp));
  if (!status.ok()) {
    return status;
  }
  return out;
}

// Whether the certificate promises a stapled response: status_request (5) in its TLS feature
// extension.
bool promisesStaple(const X509& certificate) {
  const bssl::UniquePtr<ASN1_OBJECT> oid(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", /*no_name=*/1));
  const int at = X509_get_ext_by_OBJ(&certificate, oid.get(), -1);
  if (at < 0) {
    return false;
  }
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(&certificate, at));
  CBS in;
  CBS list;
  CBS_init(&in, ASN1_STRING_get0_data(value), static_cast<size_t>(ASN1_STRING_length(value)));
  if (CBS_get_asn1(&in, &list, CBS_ASN1_SEQUENCE) != 1) {
    return false;
  }
  constexpr uint64_t statusRequest = 5;
  uint64_t feature = 0;
  while (CBS_len(&list) > 0 && CBS_get_asn1_uint64(&list, &feature) == 1) {
    if (feature == statusRequest) {
      return true;
    }
  }
  ERR_clear_error();
  return false;
}

std::vector<std::string> serverNamesOf(const X509& leaf) {
  std::vector<std::string> names;
  if (alternativeNames(leaf) != nullptr) {
    names = namesOf(leaf, GEN_DNS);
  } else if (std::string name = commonName(leaf); !name.empty()) {
    names.push_back(std::move(name));
  }
  for (std::string& name : names) {
    absl::AsciiStrToLower(&name);
    if (name.starts_with("*.")) {
      name.erase(0, 1);
    }
  }
  return names;
}

absl::StatusOr<bssl::UniquePtr<SSL_CREDENTIAL>>
makeCredential(const Certificate& certificate, const EVP_PKEY& key, const FieldPath& path) {
  std::vector<BufferPtr> owned;
  std::vector<CRYPTO_BUFFER*> chain;
  const auto append = [&](const X509& one) {
    uint8_t* der = nullptr;
    const int length = i2d_X509(&one, &der);
    const bssl::UniquePtr<uint8_t> bytes(der);
    owned.emplace_back(CRYPTO_BUFFER_new(der, static_cast<size_t>(std::max(length, 0)), nullptr));
    chain.push_back(owned.back().get());
  };
  append(*certificate.leaf);
  for (const X509Ptr& issuer : certificate.issuers) {
    append(*issuer);
  }
  bssl::UniquePtr<SSL_CREDENTIAL> credential(SSL_CREDENTIAL_new_x509());
  if (SSL_CREDENTIAL_set1_cert_chain(credential.get(), chain.data(), chain.size()) != 1 ||
      SSL_CREDENTIAL_set1_private_key(credential.get(), &key) != 1) {
    const std::string reason = takeReason(); // before others look at the queue
    return fieldError(path,
                      base::cat(describe(*certificate.leaf), ", which TLS cannot use: ", reason),
                      "a certificate for signatures");
  }
  return credential;
}

absl::Status addStaple(std::string_view der, const EVP_PKEY& key, const FieldPath& path,
                       Certificate& out) {
  auto response = parseOcspResponse(der);
  if (!response.ok()) {
    return fieldError(path, base::message(response.status()),
                      "a successful OCSP response for the certificate (DER)");
  }
  if (response->serial != serialOf(*out.leaf)) {
    return fieldError(path, base::cat("a response for serial ", response->serial),
                      base::cat("one for the certificate ", describe(*out.leaf)));
  }
  auto credential = makeCredential(out, key, path);
  if (!credential.ok()) {
    return credential.status();
  }
  const BufferPtr bytes(
      CRYPTO_BUFFER_new(reinterpret_cast<const uint8_t*>(der.data()), der.size(), nullptr));
  SSL_CREDENTIAL_set1_ocsp_response(credential->get(), bytes.get());
  out.stapled = std::move(*credential);
  out.ocsp = std::move(*response);
  return absl::OkStatus();
}

absl::StatusOr<Pkcs12> readKeyAndChain(const Sources& sources, const std::string* password,
                                       const FieldPath& path) {
  if (!sources.pkcs12.empty()) {
    return readPkcs12(sources.pkcs12, password, path.field("pkcs12"));
  }
  Pkcs12 out;
  auto chain = readCertificates(sources.chain, path.field("certificate_chain"));
  if (!chain.ok()) {
    return chain.status();
  }
  out.chain = std::move(*chain);
  auto key = readPrivateKey(sources.key, password, path.field("private_key"));
  if (!key.ok()) {
    return key.status();
  }
  out.key = std::move(*key);
  return out;
}

} // namespace

absl::StatusOr<CertificatePtr> loadCertificate(const v3::TlsCertificate& proto,
                                               const FieldPath& path) {
  const auto sources = readSources(proto, path);
  if (!sources.ok()) {
    return sources.status();
  }
  auto pair = readKeyAndChain(*sources, proto.has_password() ? &sources->password : nullptr, path);
  if (!pair.ok()) {
    return pair.status();
  }
  const FieldPath at = path.field(proto.has_pkcs12() ? "pkcs12" : "certificate_chain");
  auto out = std::make_shared<Certificate>();
  out->leaf = std::move(pair->chain.front());
  out->issuers.assign(std::make_move_iterator(pair->chain.begin() + 1),
                      std::make_move_iterator(pair->chain.end()));
  out->name = sourceName(proto.has_pkcs12() ? proto.pkcs12() : proto.certificate_chain());
  if (absl::Status status = checkKeyStrength(*out->leaf, at); !status.ok()) {
    return status;
  }
  if (X509_check_private_key(out->leaf.get(), pair->key.get()) != 1) {
    ERR_clear_error();
    return fieldError(path.field("private_key"), "a key that does not belong to the certificate",
                      base::cat("the key of ", describe(*out->leaf), " from ", out->name));
  }
  out->keyType = EVP_PKEY_id(pair->key.get());
  auto credential = makeCredential(*out, *pair->key, at);
  if (!credential.ok()) {
    return credential.status();
  }
  out->plain = std::move(*credential);
  out->mustStaple = promisesStaple(*out->leaf);
  out->serverNames = serverNamesOf(*out->leaf);
  if (!sources->ocsp.empty()) {
    absl::Status status = addStaple(sources->ocsp, *pair->key, path.field("ocsp_staple"), *out);
    if (!status.ok()) {
      return status;
    }
  }
  const Digest parts[] = {digestOf(sources->chain), digestOf(sources->key),
                          digestOf(sources->pkcs12), digestOf(sources->ocsp)};
  out->digest = digestOf({reinterpret_cast<const char*>(parts), sizeof(parts)});
  return CertificatePtr(std::move(out));
}

} // namespace moe::tls
