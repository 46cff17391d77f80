#include "tls/credentials.h"

#include <openssl/err.h>
#include <openssl/stack.h>

#include "base/strings.h"
#include "tls/callbacks.h"

namespace moe::tls {
namespace {

void append(std::string& out, std::string_view part) { out += base::cat(part.size(), ":", part); }

void append(std::string& out, const Digest& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// The names of the authorities, each once, as clients are told whom they may be from.
bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> namesOf(const std::vector<TrustPtr>& trusts) {
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
  std::vector<std::string> seen;
  for (const TrustPtr& trust : trusts) {
    for (const X509Ptr& authority : trust->authorities()) {
      uint8_t* der = nullptr;
      const int length = i2d_X509_NAME(X509_get_subject_name(authority.get()), &der);
      const bssl::UniquePtr<uint8_t> owned(der);
      std::string name(reinterpret_cast<const char*>(der),
                       static_cast<size_t>(std::max(length, 0)));
      if (name.empty() || std::find(seen.begin(), seen.end(), name) != seen.end()) {
        continue;
      }
      bssl::PushToStack(names.get(), bssl::UniquePtr<CRYPTO_BUFFER>(CRYPTO_BUFFER_new(
                                         der, static_cast<size_t>(length), nullptr)));
      seen.push_back(std::move(name));
    }
  }
  return names;
}

} // namespace

Digest CredentialSettings::digest() const {
  std::string all =
      base::cat(static_cast<int>(role), ",", parameters.minVersion, ",", parameters.maxVersion, ",",
                keyLog, fullScan, preferClientCiphers, tickets, ",", static_cast<int>(staplePolicy),
                ",", sessionSeconds ? base::cat(*sessionSeconds) : "", ",");
  append(all, parameters.ciphers);
  append(all, parameters.groups);
  append(all, parameters.algorithms);
  for (const ssl_compliance_policy_t policy : parameters.policies) {
    all += base::cat(static_cast<int>(policy), ",");
  }
  append(all, {reinterpret_cast<const char*>(alpn.data()), alpn.size()});
  all += base::cat(certificates.size(), ",");
  for (const CertificatePtr& certificate : certificates) {
    append(all, certificate->digest);
  }
  for (const TrustPtr& trust : advertised) {
    append(all, trust->digest());
  }
  return digestOf(all);
}

Credentials::Credentials(const CredentialSettings& settings, int stateIndex)
    : choice_(settings.certificates, settings.fullScan, settings.staplePolicy),
      alpn_(settings.alpn), digest_(settings.digest()), stateIndex_(stateIndex),
      context_(SSL_CTX_new(TLS_method())) {
  SSL_CTX_set_app_data(context_.get(), this);
  settings.parameters.apply(*context_);
  if (settings.keyLog) {
    SSL_CTX_set_keylog_callback(context_.get(), &logKey);
  }
  if (settings.role == Role::Server) {
    configureServer(settings);
  } else {
    configureClient(settings);
  }
}

void Credentials::configureServer(const CredentialSettings& settings) {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_select_certificate_cb(context, &selectCertificate);
  SSL_CTX_set_info_callback(context, &noteProgress);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // it would lock
  if (!alpn_.empty()) {
    SSL_CTX_set_alpn_select_cb(context, &selectAlpn, nullptr);
  }
  if (!settings.preferClientCiphers) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  if (settings.tickets) {
    SSL_CTX_set_ticket_aead_method(context, &kTicketMethod);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  if (settings.sessionSeconds) {
    SSL_CTX_set_timeout(context, *settings.sessionSeconds);
    SSL_CTX_set_session_psk_dhe_timeout(context, *settings.sessionSeconds);
  }
  if (!settings.advertised.empty()) {
    SSL_CTX_set0_client_CAs(context, namesOf(settings.advertised).release());
  }
}

void Credentials::configureClient(const CredentialSettings& settings) {
  SSL_CTX* context = context_.get();
  // The cache is ours; this only turns the callback on.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context, &keepSession);
  SSL_CTX_set_reverify_on_resume(context, 1);
  if (!alpn_.empty()) {
    SSL_CTX_set_alpn_protos(context, alpn_.data(), alpn_.size());
  }
  for (const CertificatePtr& certificate : settings.certificates) {
    SSL_CTX_add1_credential(context, certificate->plain.get());
  }
}

} // namespace moe::tls
