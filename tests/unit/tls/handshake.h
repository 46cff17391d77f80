#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>
#include <utility>

#include "tls/certificate_maker.h"
#include "tls/context.h"
#include "tls/context_factory.h"
#include "tls/verify_state.h"

namespace moe::tls::test {

// Two SSLs over memory, and what came of their handshake.
class Handshake {
public:
  Handshake(bssl::UniquePtr<SSL> server, bssl::UniquePtr<SSL> client);

  // Runs until both are done or one has failed; then reads what the other has left (tickets, an
  // alert).
  bool run();

  SSL& server() { return *server_; }
  SSL& client() { return *client_; }
  const VerifyState& serverVerify() const { return serverVerify_; }
  const VerifyState& clientVerify() const { return clientVerify_; }
  // What the other side has told in its alert ("certificate expired"), "" for none.
  const std::string& alertToServer() const { return alertToServer_; }
  const std::string& alertToClient() const { return alertToClient_; }
  // The server's certificate, as the client sees it: its common name.
  std::string serverName();

private:
  VerifyState serverVerify_; // before the SSLs, which point there
  VerifyState clientVerify_;
  std::string alertToServer_;
  std::string alertToClient_;
  bssl::UniquePtr<SSL> server_;
  bssl::UniquePtr<SSL> client_;
};

// Context from the text form of its message, without its factory's caches being of interest.
envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext downstream(const Made& leaf);
envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext upstream(const Made& ca);
void addCertificate(envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& common,
                    const Made& leaf);
void trust(envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& common, const Made& ca);

} // namespace moe::tls::test
