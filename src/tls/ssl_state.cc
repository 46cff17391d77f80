#include "tls/ssl_state.h"

namespace moe::tls {
namespace {

void destroyState(void* /*parent*/, void* state, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                  long /*argl*/, void* /*argp*/) {
  const std::unique_ptr<SslState> owned(static_cast<SslState*>(state));
}

} // namespace

int newStateIndex() { return SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &destroyState); }

SslState* stateOf(const SSL* ssl) {
  const auto* credentials =
      static_cast<const Credentials*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  return static_cast<SslState*>(SSL_get_ex_data(ssl, credentials->stateIndex()));
}

bool attach(SSL& ssl, std::unique_ptr<SslState> state) {
  const int index = state->credentials->stateIndex();
  if (SSL_set_ex_data(&ssl, index, state.get()) != 1) {
    return false;
  }
  [[maybe_unused]] const SslState* owned = state.release(); // by the SSL now; see destroyState
  return true;
}

} // namespace moe::tls
