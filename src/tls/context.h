#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "tls/certificate_choice.h"
#include "tls/client_sessions.h"
#include "tls/credentials.h"
#include "tls/key_log.h"
#include "tls/ticket_keys.h"
#include "tls/verifier.h"

namespace moe::tls {

// What a server's context needs to know of one connection; both may be null. Only key logs ask for
// them.
struct ServerOptions {
  const net::Address* local = nullptr;
  const net::Address* remote = nullptr;
};

// A compiled DownstreamTlsContext. Immutable; any thread. An SSL keeps what it needs of it.
class ServerContext {
public:
  struct Parts {
    CredentialsPtr credentials;
    std::shared_ptr<const Verifier> verifier;
    TicketKeysPtr ticketKeys; // null without tickets
    std::shared_ptr<const KeyLog> keyLog;
    Digest sessionContext = {}; // tickets are good in contexts with the same
    bool requireClientCertificate = false;
  };
  explicit ServerContext(Parts parts) : parts_(std::move(parts)) {}

  // An SSL that accepts, without a BIO; null without memory. Its app data is the caller's to set
  // (a VerifyState, or null), before the handshake.
  bssl::UniquePtr<SSL> newSsl(const ServerOptions& options = {}) const;

  std::span<const CertificatePtr> certificates() const {
    return parts_.credentials->choice().certificates();
  }
  const Verifier& verifier() const { return *parts_.verifier; }
  const Parts& parts() const { return parts_; }

private:
  Parts parts_;
};

// What a client's context needs to know of one connection. Read during newSsl() only.
struct ClientOptions {
  std::string_view serverName;               // SNI; before auto_host_sni and sni
  std::string_view hostname;                 // of the upstream host: the SNI with auto_host_sni
  std::span<const std::string> alpn;         // in the place of alpn_protocols
  std::span<const std::string> alpnFallback; // where there are neither
  // Names of which the certificate must have one, in the place of those of the context.
  std::span<const std::string> subjectAltNames;
  // Where sessions come from and go to; null: none is resumed. Of the connection's worker.
  std::shared_ptr<ClientSessions> sessions;
  const net::Address* local = nullptr;
  const net::Address* remote = nullptr;
};

// A compiled UpstreamTlsContext. Immutable; any thread. An SSL keeps what it needs of it.
class ClientContext {
public:
  struct Parts {
    CredentialsPtr credentials;
    std::shared_ptr<const Verifier> verifier;
    std::shared_ptr<const KeyLog> keyLog;
    Digest digest = {};     // contexts with the same may share sessions
    std::string serverName; // sni
    bool autoHostSni = false;
    size_t maxSessionKeys = 1;
  };
  explicit ClientContext(Parts parts) : parts_(std::move(parts)) {}

  // An SSL that connects, without a BIO. Null where the server name is none that can be sent
  // (empty, NUL in it, more than 255 bytes), a protocol has not 1 to 255 bytes, or there is no
  // memory.
  bssl::UniquePtr<SSL> newSsl(const ClientOptions& options = {}) const;

  // The SNI that a connection with these options sends; "" for none.
  std::string_view serverNameFor(const ClientOptions& options) const;

  std::span<const CertificatePtr> certificates() const {
    return parts_.credentials->choice().certificates();
  }
  const Verifier& verifier() const { return *parts_.verifier; }
  const Parts& parts() const { return parts_; }

private:
  Parts parts_;
};

using ServerContextPtr = std::shared_ptr<const ServerContext>;
using ClientContextPtr = std::shared_ptr<const ClientContext>;

// Of an SSL that a context made: the certificate that was (or may be) shown to the peer, or null. A
// server's is known after the handshake. Lives as long as the SSL.
const Certificate* localCertificate(const SSL& ssl);

// Of a server's SSL after the ClientHello: what came of the client's wish for an OCSP response, for
// the statistics ssl.ocsp_staple_*.
Staple stapleOf(const SSL& ssl);

// Protocols as ALPN has them on the wire. Nothing where one has not 1 to 255 bytes.
std::optional<std::vector<uint8_t>> encodeAlpn(std::span<const std::string> protocols);

} // namespace moe::tls
