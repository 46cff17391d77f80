#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <deque>
#include <string>

#include "tls/trust.h"

namespace moe::tls {

// Sessions that a client may resume, the newest first: one object for each pool, on its worker (not
// thread-safe). Sessions of TLS 1.3 are used once, so that nobody can tell who comes again (RFC
// 8446, C.4).
class ClientSessions {
public:
  // A session is worth something only with the context and the server name it was made with.
  struct Owner {
    Digest context = {};
    std::string serverName;
    friend bool operator==(const Owner&, const Owner&) = default;
  };

  // Keeps at most `limit` (max_session_keys of UpstreamTlsContext), and only for the owner that
  // asked last: another's connections are of the past.
  void put(const Owner& owner, size_t limit, bssl::UniquePtr<SSL_SESSION> session);
  // Null where there is none. Another owner than before begins anew.
  bssl::UniquePtr<SSL_SESSION> take(const Owner& owner);
  size_t size() const { return sessions_.size(); }

private:
  Owner owner_;
  std::deque<bssl::UniquePtr<SSL_SESSION>> sessions_;
};

} // namespace moe::tls
