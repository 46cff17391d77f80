#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "event/loop.h"
#include "tls/context.h"
#include "tls/peer_compiler.h"
#include "tls/secrets.h"
#include "tls/shared.h"

namespace moe::tls {

// Compiles TLS contexts, and shares what is the same in several: 5,000 clusters with one
// certificate and one bundle have one Trust and one SSL_CTX. Main thread; one for the process. What
// it made outlives it.
class ContextFactory {
public:
  // What is shared ends on `endOn`, if there is one, whoever lets go of it last: a worker must not
  // stall. The loop outlives it all.
  explicit ContextFactory(event::Loop* endOn = nullptr);
  ContextFactory(const ContextFactory&) = delete;
  ContextFactory& operator=(const ContextFactory&) = delete;

  // `serverNames` are those of the filter chain: a session of another chain is not resumed here.
  // `resolver` may be null. Errors name the field below `path`; none has a secret in it. Null, and
  // all else checked, if a secret is not there yet.
  absl::StatusOr<ServerContextPtr>
  server(const envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext& proto,
         std::span<const std::string> serverNames, const SecretResolver& resolver,
         const config::FieldPath& path);

  absl::StatusOr<ClientContextPtr>
  client(const envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext& proto,
         const SecretResolver& resolver, const config::FieldPath& path);

  // Checks a secret by itself. Whoever keeps the result has it compiled for those who use the
  // secret. Errors name the field below `path`.
  absl::StatusOr<std::shared_ptr<const void>>
  checkSecret(const envoy::extensions::transport_sockets::tls::v3::Secret& secret,
              const config::FieldPath& path);

private:
  // Of common_tls_context.
  struct Common {
    std::vector<CertificatePtr> certificates;
    Parameters parameters;
    std::vector<uint8_t> alpn;
    CompiledPeer peer;
    std::shared_ptr<const KeyLog> keyLog;
    bool certificatesAwaited = false;
    bool peerAwaited = false; // then there is no `peer`
  };
  absl::StatusOr<Common>
  readCommon(const envoy::extensions::transport_sockets::tls::v3::CommonTlsContext& proto,
             Role role, bool nameIsServerName, const SecretResolver& resolver,
             const config::FieldPath& path);
  absl::StatusOr<CertificatePtr>
  certificate(const envoy::extensions::transport_sockets::tls::v3::TlsCertificate& proto,
              const config::FieldPath& path);
  CredentialsPtr credentials(const CredentialSettings& settings);

  event::Loop* const endOn_;
  int stateIndex_;
  // For contexts without session_ticket_keys: sessions go on when a context is made anew, as its
  // certificate changes, and the session context keeps those of different contexts apart.
  TicketKeysPtr randomKeys_;
  PeerCompiler peers_;
  Shared<Certificate> certificates_;
  Shared<Credentials> credentials_;
};

} // namespace moe::tls
