#include "tls/callbacks.h"

#include <openssl/err.h>

#include <algorithm>
#include <span>

#include "base/time.h"
#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

int64_t nowSeconds() { return base::wallNanos() / 1'000'000'000; }

bool asksForStaple(const SSL_CLIENT_HELLO* hello) {
  const uint8_t* bytes = nullptr;
  size_t length = 0;
  return SSL_early_callback_ctx_extension_get(hello, TLSEXT_TYPE_status_request, &bytes, &length) ==
         1;
}

// The session's chain as certificates, or null where one does not parse or there is none.
bssl::UniquePtr<STACK_OF(X509)> chainOf(const SSL_SESSION& session) {
  const STACK_OF(CRYPTO_BUFFER)* buffers = SSL_SESSION_get0_peer_certificates(&session);
  bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  if (buffers == nullptr || chain == nullptr) {
    return nullptr;
  }
  for (const CRYPTO_BUFFER* buffer : buffers) {
    X509Ptr certificate(X509_parse_from_buffer(buffer));
    if (certificate == nullptr || !bssl::PushToStack(chain.get(), std::move(certificate))) {
      ERR_clear_error();
      return nullptr;
    }
  }
  return chain;
}

// Whether a session that was sealed at another time may still be resumed.
bool stillGood(const SSL& ssl, SslState& state, std::span<const uint8_t> bytes) {
  if (state.verifier->ask(state.requiresCertificate) == Verifier::Ask::No) {
    return true;
  }
  const bssl::UniquePtr<SSL_SESSION> session(
      SSL_SESSION_from_bytes(bytes.data(), bytes.size(), SSL_get_SSL_CTX(&ssl)));
  if (session == nullptr) {
    ERR_clear_error();
    return false;
  }
  const bssl::UniquePtr<STACK_OF(X509)> chain = chainOf(*session);
  if (chain == nullptr) {
    return SSL_SESSION_get0_peer_certificates(session.get()) == nullptr &&
           state.verifier->ask(state.requiresCertificate) != Verifier::Ask::Required;
  }
  const Verdict verdict = state.verifier->verify(*chain, "", {});
  state.sessionVerified = verdict.verified;
  return verdict.ok();
}

} // namespace

ssl_verify_result_t verifyPeer(SSL* ssl, uint8_t* alert) {
  const SslState& state = *stateOf(ssl);
  auto* out = static_cast<VerifyState*>(SSL_get_app_data(ssl));
  const STACK_OF(X509)* chain = SSL_get_peer_full_cert_chain(ssl);
  Verdict verdict;
  if (chain == nullptr) {
    verdict = {VerifyState::Fail::Error, "the peer's certificates do not parse", false,
               SSL_AD_BAD_CERTIFICATE};
  } else {
    verdict = state.verifier->verify(*chain, state.owner.serverName, state.names);
  }
  ERR_clear_error();
  if (out != nullptr && out->fail == VerifyState::Fail::None) {
    out->fail = verdict.fail;
    out->verified = verdict.verified;
    out->failure = std::move(verdict.failure);
  }
  *alert = verdict.alert;
  return verdict.ok() ? ssl_verify_ok : ssl_verify_invalid;
}

ssl_select_cert_result_t selectCertificate(const SSL_CLIENT_HELLO* hello) {
  SslState& state = *stateOf(hello->ssl);
  const char* name = SSL_get_servername(hello->ssl, TLSEXT_NAMETYPE_host_name);
  const CertificateChoice& choice = state.credentials->choice();
  const bool asked = asksForStaple(hello);
  const int64_t now = asked ? nowSeconds() : 0;
  bool any = false;
  for (const Certificate* certificate : choice.candidates(name != nullptr ? name : "")) {
    const Staple staple = asked ? choice.stapleFor(*certificate, now) : Staple::NotAsked;
    if (staple == Staple::Failed) {
      state.staple = staple; // unless there is another certificate
      continue;
    }
    const auto& credential = staple == Staple::Stapled ? certificate->stapled : certificate->plain;
    if (SSL_add1_credential(hello->ssl, credential.get()) != 1) {
      return ssl_select_cert_error;
    }
    any = true;
  }
  if (any) {
    state.staple = asked ? Staple::Omitted : Staple::NotAsked; // until it is known
  }
  return any ? ssl_select_cert_success : ssl_select_cert_error;
}

int selectAlpn(SSL* ssl, const uint8_t** out, uint8_t* length, const uint8_t* in, unsigned inLength,
               void* /*unused*/) {
  const std::vector<uint8_t>& mine = stateOf(ssl)->credentials->alpn();
  uint8_t* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, length, mine.data(), static_cast<unsigned>(mine.size()), in,
                            inLength) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK; // as Envoy: what it will speak then is for the codec to find out
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int keepSession(SSL* ssl, SSL_SESSION* session) {
  const SslState& state = *stateOf(ssl);
  if (state.sessions == nullptr || state.sessionLimit == 0) {
    return 0;
  }
  state.sessions->put(state.owner, state.sessionLimit, bssl::UniquePtr<SSL_SESSION>(session));
  return 1; // it is ours now
}

void logKey(const SSL* ssl, const char* line) {
  const SslState& state = *stateOf(ssl);
  if (state.keyLog != nullptr) {
    state.keyLog->write(line);
  }
}

void noteProgress(const SSL* ssl, int type, int /*value*/) {
  if (type != SSL_CB_HANDSHAKE_DONE || SSL_is_server(ssl) == 0) {
    return;
  }
  SslState& state = *stateOf(ssl);
  auto* verify = static_cast<VerifyState*>(SSL_get_app_data(ssl));
  if (verify != nullptr && SSL_session_reused(ssl) != 0) {
    verify->verified = state.sessionVerified;
  }
  const SSL_CREDENTIAL* used = SSL_get0_selected_credential(ssl);
  for (const CertificatePtr& certificate : state.credentials->choice().certificates()) {
    if (used != nullptr &&
        (certificate->plain.get() == used || certificate->stapled.get() == used)) {
      state.local = certificate.get();
      if (certificate->stapled.get() == used) {
        state.staple = Staple::Stapled;
      }
    }
  }
}

size_t ticketOverhead(SSL* /*ssl*/) { return TicketKeys::overhead(); }

int sealTicket(SSL* ssl, uint8_t* out, size_t* length, size_t limit, const uint8_t* in,
               size_t inLength) {
  *length = 0; // then there is no ticket
  if (limit >= inLength + TicketKeys::overhead()) {
    *length = stateOf(ssl)->ticketKeys->seal({in, inLength}, out);
  }
  return 1;
}

ssl_ticket_aead_result_t openTicket(SSL* ssl, uint8_t* out, size_t* length, size_t limit,
                                    const uint8_t* in, size_t inLength) {
  SslState& state = *stateOf(ssl);
  const size_t opened = limit >= inLength ? state.ticketKeys->open({in, inLength}, out) : 0;
  if (opened == 0 || !stillGood(*ssl, state, {out, opened})) {
    return ssl_ticket_aead_ignore_ticket;
  }
  *length = opened;
  return ssl_ticket_aead_success;
}

} // namespace moe::tls
