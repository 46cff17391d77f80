#include "tls/trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/strings.h"
#include "tls/reason.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;
using InfosPtr = bssl::UniquePtr<STACK_OF(X509_INFO)>;

absl::StatusOr<InfosPtr> readInfos(std::string_view pem, const FieldPath& path) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  InfosPtr infos(PEM_X509_INFO_read_bio(in.get(), nullptr, nullptr, nullptr));
  const std::string reason = takeReason();
  if (infos == nullptr) {
    return fieldError(path, base::cat("a PEM block that does not parse: ", reason),
                      "certificates and revocation lists in PEM");
  }
  return infos;
}

} // namespace

Digest digestOf(std::string_view bytes) {
  Digest digest;
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

absl::StatusOr<TrustPtr> Trust::parse(std::string_view ca, const FieldPath& caPath,
                                      std::string_view crl, const FieldPath& crlPath,
                                      std::string name) {
  auto trust = std::make_shared<Trust>(Private());
  trust->name_ = std::move(name);
  trust->store_.reset(X509_STORE_new());
  auto infos = readInfos(ca, caPath);
  if (!infos.ok()) {
    return infos.status();
  }
  for (const X509_INFO* info : infos->get()) {
    if (info->x509 != nullptr) {
      X509_STORE_add_cert(trust->store_.get(), info->x509);
      trust->authorities_.push_back(bssl::UpRef(info->x509));
    }
    if (info->crl != nullptr) {
      X509_STORE_add_crl(trust->store_.get(), info->crl);
      trust->hasCrl_ = true;
    }
  }
  if (trust->authorities_.empty()) {
    return fieldError(caPath, "no certificate", "certificates of authorities in PEM");
  }
  if (!crl.empty()) {
    auto lists = readInfos(crl, crlPath);
    if (!lists.ok()) {
      return lists.status();
    }
    bool any = false;
    for (const X509_INFO* info : lists->get()) {
      if (info->crl != nullptr) {
        X509_STORE_add_crl(trust->store_.get(), info->crl);
        any = true;
      }
    }
    if (!any) {
      return fieldError(crlPath, "no revocation list", "certificate revocation lists in PEM");
    }
    trust->hasCrl_ = true;
  }
  ERR_clear_error();
  const Digest parts[] = {digestOf(ca), digestOf(crl)};
  trust->digest_ = digestOf({reinterpret_cast<const char*>(parts), sizeof(parts)});
  return TrustPtr(std::move(trust));
}

} // namespace moe::tls
