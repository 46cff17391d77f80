#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"
#include "net/transport_socket.h"
#include "tls/context.h"
#include "tls/context_factory.h"
#include "tls/secrets.h"
#include "tls/stats.h"

namespace moe::tls {

// Compiles the transport_socket of filter chains and clusters: envoy.transport_sockets.tls, or
// raw_buffer, whose context is null. Others are errors that name them. Main thread; one for the
// process.
class TransportCompiler {
public:
  // `secrets` may be null: then no secret can be named.
  explicit TransportCompiler(SecretResolver secrets = {}) : secrets_(std::move(secrets)) {}

  // `serverNames` are those of the filter chain.
  absl::StatusOr<ServerContextPtr> server(const envoy::config::core::v3::TransportSocket& proto,
                                          std::span<const std::string> serverNames,
                                          const config::FieldPath& path);
  absl::StatusOr<ClientContextPtr> client(const envoy::config::core::v3::TransportSocket& proto,
                                          const config::FieldPath& path);

private:
  ContextFactory contexts_;
  SecretResolver secrets_;
};

// The transport sockets of a filter chain with TLS. Immutable but for its counters; any thread.
class ServerTransport final : public net::TransportSocketFactory {
public:
  // `stats` outlives it and its sockets.
  ServerTransport(ServerContextPtr context, TlsStats& stats)
      : context_(std::move(context)), stats_(stats) {}
  std::unique_ptr<net::TransportSocket> create(const net::Address* local,
                                               const net::Address* remote) const override;
  const ServerContext& context() const { return *context_; }

private:
  ServerContextPtr context_;
  TlsStats& stats_;
};

// A transport socket for an outgoing connection. Where the options do not fit (a server name that
// cannot be sent), one whose handshake fails.
std::unique_ptr<net::TransportSocket>
createClientTransport(const ClientContext& context, const ClientOptions& options, TlsStats& stats);

// One whose handshake fails with this reason: what must not go on in clear text.
std::unique_ptr<net::TransportSocket> createRefusedTransport(std::string reason);

} // namespace moe::tls
