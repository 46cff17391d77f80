#include "tls/context.h"

#include <openssl/err.h>

#include "tls/callbacks.h"
#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

int verifyMode(Verifier::Ask ask) {
  switch (ask) {
  case Verifier::Ask::No:
    return SSL_VERIFY_NONE;
  case Verifier::Ask::Optional:
    return SSL_VERIFY_PEER;
  default:
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
}

std::shared_ptr<const KeyLog> keyLogFor(const std::shared_ptr<const KeyLog>& log,
                                        const net::Address* local, const net::Address* remote) {
  return log != nullptr && log->wants(local, remote) ? log : nullptr;
}

// Of the context's protocols, which the SSL has already, and the options'. False for names that are
// none.
bool setAlpn(SSL& ssl, bool hasOwn, const ClientOptions& options) {
  const auto chosen = !options.alpn.empty() ? options.alpn
                      : hasOwn              ? std::span<const std::string>()
                                            : options.alpnFallback;
  if (chosen.empty()) {
    return true;
  }
  const auto wire = encodeAlpn(chosen);
  return wire && SSL_set_alpn_protos(&ssl, wire->data(), wire->size()) == 0; // 0 is success
}

} // namespace

std::optional<std::vector<uint8_t>> encodeAlpn(std::span<const std::string> protocols) {
  std::vector<uint8_t> wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      return std::nullopt;
    }
    wire.push_back(static_cast<uint8_t>(protocol.size()));
    wire.insert(wire.end(), protocol.begin(), protocol.end());
  }
  return wire;
}

bssl::UniquePtr<SSL> ServerContext::newSsl(const ServerOptions& options) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(parts_.credentials->context()));
  auto state = std::make_unique<SslState>();
  state->credentials = parts_.credentials;
  state->verifier = parts_.verifier;
  state->keyLog = keyLogFor(parts_.keyLog, options.local, options.remote);
  state->ticketKeys = parts_.ticketKeys;
  state->requiresCertificate = parts_.requireClientCertificate;
  if (ssl == nullptr || !attach(*ssl, std::move(state))) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_accept_state(ssl.get());
  SSL_set_custom_verify(
      ssl.get(), verifyMode(parts_.verifier->ask(parts_.requireClientCertificate)), &verifyPeer);
  SSL_set_session_id_context(ssl.get(), parts_.sessionContext.data(), parts_.sessionContext.size());
  SSL_set_shed_handshake_config(ssl.get(), 1);
  return ssl;
}

std::string_view ClientContext::serverNameFor(const ClientOptions& options) const {
  if (!options.serverName.empty()) {
    return options.serverName;
  }
  return parts_.autoHostSni && !options.hostname.empty() ? options.hostname
                                                         : std::string_view(parts_.serverName);
}

bssl::UniquePtr<SSL> ClientContext::newSsl(const ClientOptions& options) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(parts_.credentials->context()));
  auto owned = std::make_unique<SslState>();
  SslState& state = *owned;
  state.credentials = parts_.credentials;
  state.verifier = parts_.verifier;
  state.keyLog = keyLogFor(parts_.keyLog, options.local, options.remote);
  state.local = certificates().empty() ? nullptr : certificates().front().get();
  state.owner = {parts_.digest, std::string(serverNameFor(options))};
  state.names.assign(options.subjectAltNames.begin(), options.subjectAltNames.end());
  state.sessions = options.sessions;
  state.sessionLimit = parts_.maxSessionKeys;
  if (ssl == nullptr || !attach(*ssl, std::move(owned))) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_connect_state(ssl.get());
  const std::string& name = state.owner.serverName;
  if (name.find('\0') != std::string::npos ||
      (!name.empty() && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) ||
      !setAlpn(*ssl, !parts_.credentials->alpn().empty(), options)) {
    ERR_clear_error();
    return nullptr;
  }
  // (That a certificate's key usage fits is always checked; BoringSSL has no way round it.)
  // Always asked, also where nothing is to be checked: without a callback BoringSSL would check it
  // against nobody, and fail.
  SSL_set_custom_verify(ssl.get(), SSL_VERIFY_PEER, &verifyPeer);
  SSL_set_renegotiate_mode(ssl.get(), ssl_renegotiate_never);
  SSL_set_shed_handshake_config(ssl.get(), 1);
  if (state.sessions != nullptr && state.sessionLimit > 0) {
    const bssl::UniquePtr<SSL_SESSION> session = state.sessions->take(state.owner);
    if (session != nullptr) {
      SSL_set_session(ssl.get(), session.get());
    }
  }
  return ssl;
}

const Certificate* localCertificate(const SSL& ssl) { return stateOf(&ssl)->local; }

Staple stapleOf(const SSL& ssl) { return stateOf(&ssl)->staple; }

} // namespace moe::tls
