#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "tls/certificate_choice.h"
#include "tls/client_sessions.h"
#include "tls/credentials.h"
#include "tls/key_log.h"
#include "tls/ticket_keys.h"
#include "tls/verifier.h"

namespace moe::tls {

// What callbacks of one SSL need. Owned by the SSL; keeps what it points to, so that a connection
// ends with the context it began with.
struct SslState {
  std::shared_ptr<const Credentials> credentials;
  std::shared_ptr<const Verifier> verifier;
  std::shared_ptr<const KeyLog> keyLog; // null: this connection is not logged
  const Certificate* local = nullptr;   // what was shown to the peer, or is there to be shown
  // Of a server:
  TicketKeysPtr ticketKeys;
  bool requiresCertificate = false;
  bool sessionVerified = false; // the chain of the session that may be resumed has passed
  Staple staple = Staple::NotAsked;
  // Of a client:
  ClientSessions::Owner owner;              // with the server name that is sent
  std::vector<std::string> names;           // take the place of the context's names
  std::shared_ptr<ClientSessions> sessions; // may be null
  size_t sessionLimit = 0;
};

// Never null for an SSL that a context made.
SslState* stateOf(const SSL* ssl);

// Puts `state` into a new SSL of its credentials; false without memory.
bool attach(SSL& ssl, std::unique_ptr<SslState> state);

// Reserves the place for a state in every SSL. Once a factory of contexts.
int newStateIndex();

} // namespace moe::tls
