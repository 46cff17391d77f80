#include "tls/client_sessions.h"

namespace moe::tls {

void ClientSessions::put(const Owner& owner, size_t limit, bssl::UniquePtr<SSL_SESSION> session) {
  if (owner != owner_) {
    return;
  }
  sessions_.push_front(std::move(session));
  while (sessions_.size() > limit) {
    sessions_.pop_back();
  }
}

bssl::UniquePtr<SSL_SESSION> ClientSessions::take(const Owner& owner) {
  if (owner != owner_) {
    sessions_.clear();
    owner_ = owner;
  }
  if (sessions_.empty()) {
    return nullptr;
  }
  if (SSL_SESSION_should_be_single_use(sessions_.front().get()) == 0) {
    return bssl::UpRef(sessions_.front());
  }
  bssl::UniquePtr<SSL_SESSION> session = std::move(sessions_.front());
  sessions_.pop_front();
  return session;
}

} // namespace moe::tls
