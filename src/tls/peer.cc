#include "tls/peer.h"

#include "base/strings.h"
#include "tls/peer_chain.h"

namespace moe::tls {
namespace {

std::string_view bytesOf(const CRYPTO_BUFFER* buffer) {
  return {reinterpret_cast<const char*>(CRYPTO_BUFFER_data(buffer)), CRYPTO_BUFFER_len(buffer)};
}

} // namespace

TlsPeer::TlsPeer(std::unique_ptr<PeerChain> chain) : chain_(std::move(chain)) {
  const SSL* ssl = std::exchange(chain_->ssl, nullptr);
  version_ = SSL_get_version(ssl);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl)) {
    cipher_ = SSL_CIPHER_get_name(cipher);
  }
  const uint8_t* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) {
    alpn_.assign(reinterpret_cast<const char*>(alpn), size);
  }
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
    serverName_ = name;
  }
  resumed_ = SSL_session_reused(ssl) == 1;
  verified_ = chain_->verified;
  const STACK_OF(CRYPTO_BUFFER)* certificates =
      chain_->session == nullptr ? nullptr
                                 : SSL_SESSION_get0_peer_certificates(chain_->session.get());
  for (size_t i = 0; certificates != nullptr && i < sk_CRYPTO_BUFFER_num(certificates); ++i) {
    ders_.push_back(bytesOf(sk_CRYPTO_BUFFER_value(certificates, i)));
  }
}

TlsPeer::~TlsPeer() = default;

std::string TlsPeer::sessionId() const {
  std::string out;
  unsigned size = 0;
  const uint8_t* id =
      chain_->session == nullptr ? nullptr : SSL_SESSION_get_id(chain_->session.get(), &size);
  for (unsigned i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    out.push_back(digits[id[i] >> 4]);
    out.push_back(digits[id[i] & 15]);
  }
  return out;
}

const CertificateFacts* TlsPeer::certificate() const {
  if (!ders_.empty() && !std::exchange(peerTried_, true)) {
    if (auto read = readCertificate(ders_.front()); read.ok()) {
      peer_ = std::move(*read);
    }
  }
  return peer_.has_value() ? &*peer_ : nullptr;
}

const CertificateFacts* TlsPeer::localCertificate() const {
  if (chain_->local != nullptr && !local_.has_value()) {
    local_ = factsOf(*chain_->local);
  }
  return local_.has_value() ? &*local_ : nullptr;
}

std::string TlsPeer::pem() const { return ders_.empty() ? std::string() : toPem(ders_.front()); }

std::string TlsPeer::pemChain() const {
  std::string out;
  for (const std::string_view der : ders_) {
    out += toPem(der);
  }
  return out;
}

} // namespace moe::tls
