#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/core/v3/base.pb.h"
#include "net/transport_socket.h"
#include "tls/changing_context.h"
#include "tls/context.h"
#include "tls/context_factory.h"
#include "tls/named_secret.h"
#include "tls/stats.h"

namespace moe::tls {

// What a transport socket is compiled for.
struct TransportUse {
  const stats::Scope& scope;          // of the listener or the cluster
  config::Warming* warming = nullptr; // waits for secrets that come by SDS; null: nothing does
};

// Compiles the transport_socket of filter chains and clusters: envoy.transport_sockets.tls, or
// raw_buffer, whose context is none. Others are errors that name them. Main thread; one for the
// process. Contexts whose secrets come by SDS are its own: they change no more when it has ended.
class TransportCompiler {
public:
  struct Options {
    SecretSource* secrets = nullptr; // outlives it; null: SDS is refused
    event::Loop& mainLoop;           // outlives all contexts
    const event::WorkerLoops& workers;
    uint32_t concurrency;
    stats::Store& stats;
  };
  explicit TransportCompiler(const Options& options);
  ~TransportCompiler();
  TransportCompiler(const TransportCompiler&) = delete;
  TransportCompiler& operator=(const TransportCompiler&) = delete;

  // static_resources.secrets: those that contexts name without sds_config. As in Envoy a name is
  // one of its kind. Before the contexts.
  using SecretProto = envoy::extensions::transport_sockets::tls::v3::Secret;
  absl::Status addSecrets(const google::protobuf::RepeatedPtrField<SecretProto>& secrets,
                          const config::FieldPath& path);

  // `serverNames` are those of the filter chain.
  absl::StatusOr<ServerContextHandle> server(const envoy::config::core::v3::TransportSocket& proto,
                                             std::span<const std::string> serverNames,
                                             const config::FieldPath& path,
                                             const TransportUse& use);
  absl::StatusOr<ClientContextHandle> client(const envoy::config::core::v3::TransportSocket& proto,
                                             const config::FieldPath& path,
                                             const TransportUse& use);

  // Visits every context in use (for Envoy's /certs).
  void forEach(const ContextVisit& visit) const;

private:
  struct StaticSecret {
    SecretPtr secret;
    std::shared_ptr<const void> compiled; // shared by those who use it
  };
  absl::StatusOr<const SecretProto*>
  findStatic(const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& config,
             SecretProto::TypeCase kind, const config::FieldPath& path) const;
  std::shared_ptr<NamedSecret>
  named(const envoy::extensions::transport_sockets::tls::v3::SdsSecretConfig& config);
  template <class Context>
  absl::StatusOr<ContextHandle<Context>>
  make(typename ChangingContext<Context>::Compile compile, const std::vector<NamedConfig>& configs,
       const stats::Scope& scope, std::string_view notReadyName, config::Warming* warming);

  const Options options_;
  ContextFactory contexts_;
  const SecretResolver static_;
  std::map<std::pair<SecretProto::TypeCase, std::string>, StaticSecret> staticSecrets_;
  std::unique_ptr<NamedSecret::Environment> environment_;   // null: no SDS
  std::map<std::string, std::weak_ptr<NamedSecret>> named_; // by source and name
  template <class Context> using Fixed = std::vector<std::weak_ptr<const Context>>;
  std::tuple<Fixed<ServerContext>, Fixed<ClientContext>> fixed_;
  // The contexts that change. Handles may end on workers: they post the end.
  std::map<const void*, std::unique_ptr<OwnedContext>> changing_;
  const std::shared_ptr<TransportCompiler*> self_ = std::make_shared<TransportCompiler*>(this);
};

// The transport sockets of a filter chain with TLS. Immutable but for its counters; any thread.
class ServerTransport final : public net::TransportSocketFactory {
public:
  // `stats` outlives it and its sockets.
  ServerTransport(ServerContextHandle context, TlsStats& stats)
      : context_(std::move(context)), stats_(stats) {}
  std::unique_ptr<net::TransportSocket> create(uint32_t worker, const net::Address* local,
                                               const net::Address* remote) const override;

private:
  ServerContextHandle context_;
  TlsStats& stats_;
};

// A transport socket for an outgoing connection. Where the options do not fit (a server name that
// cannot be sent), one whose handshake fails.
std::unique_ptr<net::TransportSocket>
createClientTransport(const ClientContext& context, const ClientOptions& options, TlsStats& stats);

// One whose handshake fails with this reason: what must not go on in clear text.
std::unique_ptr<net::TransportSocket> createRefusedTransport(std::string reason);
// The same for a context that has no secrets yet, with Envoy's reason.
std::unique_ptr<net::TransportSocket> createNotReadyTransport();

} // namespace moe::tls
