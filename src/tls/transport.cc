#include "tls/transport.h"

#include "base/strings.h"
#include "config/deterministic.h"
#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "tls/socket.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using RawBuffer = envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
using Proto = envoy::config::core::v3::TransportSocket;

// The configuration as `Context`; nothing for raw_buffer.
template <class Context>
absl::StatusOr<std::optional<Context>> readConfig(const Proto& proto, const FieldPath& path) {
  const FieldPath at = path.field("typed_config");
  if (!proto.has_typed_config()) {
    return config::fieldError(at, base::cat("none for \"", proto.name(), "\""),
                              Context::descriptor()->full_name());
  }
  const std::string_view raw = RawBuffer::descriptor()->full_name();
  const std::string_view wanted = Context::descriptor()->full_name();
  auto unpacked = config::unpack(proto.typed_config(), at);
  if (!unpacked.ok() && unpacked.status().code() != absl::StatusCode::kNotFound) {
    return unpacked.status();
  }
  const std::string_view found =
      unpacked.ok() ? std::string_view(unpacked->message->GetDescriptor()->full_name()) : "";
  if (found == raw) {
    return std::optional<Context>();
  }
  if (found != wanted) {
    return config::unsupportedExtension(
        at, proto.name(), unpacked.ok() ? unpacked->typeName : proto.typed_config().type_url(),
        {std::string(raw), std::string(wanted)});
  }
  return std::move(static_cast<Context&>(*unpacked->message));
}

class RefusedTransport final : public net::TransportSocket {
public:
  explicit RefusedTransport(std::string reason) : reason_(std::move(reason)) {}
  void attach(int, event::Worker&, net::TransportCallbacks&) override {}
  void preRead(base::Buffer& bytes) override { bytes.clear(); }
  Outcome handshake() override { return Outcome::Failed; }
  Outcome read(base::Buffer&) override { return Outcome::Failed; }
  Outcome write(base::Buffer&) override { return Outcome::Failed; }
  Outcome flush() override { return Outcome::More; }
  Outcome shutdown() override { return Outcome::More; }
  size_t unsent() const override { return 0; }
  size_t unread() const override { return 0; }
  net::Wants wants() const override { return {}; } // at once
  bool truncated() const override { return false; }
  std::string_view failure() const override { return reason_; }
  const std::shared_ptr<const TlsPeer>& peer() const override { return none_; }

private:
  std::string reason_;
  std::shared_ptr<const TlsPeer> none_;
};

} // namespace

TransportCompiler::TransportCompiler(const Options& options)
    : options_(options), contexts_(&options.mainLoop),
      static_([this](const v3::SdsSecretConfig& config, v3::Secret::TypeCase kind,
                     const FieldPath& path) { return findStatic(config, kind, path); }),
      environment_(options.secrets == nullptr
                       ? nullptr
                       : std::make_unique<NamedSecret::Environment>(
                             NamedSecret::Environment{*options.secrets, options.workers, contexts_,
                                                      options.stats.root().child("sds")})) {}

TransportCompiler::~TransportCompiler() = default;

absl::Status
TransportCompiler::addSecrets(const google::protobuf::RepeatedPtrField<v3::Secret>& secrets,
                              const FieldPath& path) {
  for (int i = 0; i < secrets.size(); ++i) {
    const v3::Secret& secret = secrets[i];
    const FieldPath at = path.index(static_cast<size_t>(i));
    if (secret.type_case() == v3::Secret::kGenericSecret) {
      continue; // nothing here names one
    }
    if (staticSecrets_.contains({secret.type_case(), secret.name()})) {
      return config::fieldError(
          at.field("name"), base::cat(config::inQuotes(secret.name()), " again"),
          base::cat("a name that no other secret with ", kindName(secret.type_case()), " has"));
    }
    auto compiled = contexts_.checkSecret(secret, at);
    if (!compiled.ok()) {
      return compiled.status();
    }
    staticSecrets_.emplace(
        std::pair(secret.type_case(), secret.name()),
        StaticSecret{std::make_shared<const v3::Secret>(secret), std::move(*compiled)});
  }
  return absl::OkStatus();
}

absl::StatusOr<const v3::Secret*> TransportCompiler::findStatic(const v3::SdsSecretConfig& config,
                                                                v3::Secret::TypeCase kind,
                                                                const FieldPath& path) const {
  const auto found = staticSecrets_.find({kind, config.name()});
  if (found == staticSecrets_.end()) {
    return config::fieldError(
        path.field("name"), config::inQuotes(config.name()),
        base::cat("a secret of static_resources.secrets with ", kindName(kind), ", or sds_config"));
  }
  return found->second.secret.get();
}

std::shared_ptr<NamedSecret> TransportCompiler::named(const v3::SdsSecretConfig& config) {
  std::string key = config::deterministic(config.sds_config());
  key.append(1, '\0').append(config.name());
  if (const auto found = named_.find(key); found != named_.end()) {
    if (std::shared_ptr<NamedSecret> present = found->second.lock()) {
      return present;
    }
  }
  std::erase_if(named_, [](const auto& entry) { return entry.second.expired(); });
  auto made = std::make_shared<NamedSecret>(*environment_, config.name());
  named_[key] = made;
  return made;
}

template <class Context>
absl::StatusOr<ContextHandle<Context>>
TransportCompiler::make(typename ChangingContext<Context>::Compile compile,
                        const std::vector<NamedConfig>& configs, const stats::Scope& scope,
                        std::string_view notReadyName, config::Warming* warming) {
  using Changing = ChangingContext<Context>;
  if (configs.empty()) {
    auto fixed = compile(static_);
    if (!fixed.ok()) {
      return fixed.status();
    }
    auto& all = std::get<Fixed<Context>>(fixed_);
    if (all.size() == all.capacity()) { // before it grows
      std::erase_if(all, [](const auto& context) { return context.expired(); });
    }
    all.push_back(*fixed);
    return ContextHandle<Context>(std::move(*fixed));
  }
  std::vector<typename Changing::Used> used;
  used.reserve(configs.size());
  for (const NamedConfig& each : configs) {
    if (environment_ == nullptr) {
      return config::fieldError(
          each.path.field("sds_config"),
          base::cat("SDS for ", config::inQuotes(each.config->name())),
          "none, and a secret of static_resources.secrets: nothing delivers secrets");
    }
    used.push_back({each.config, named(*each.config), nullptr});
  }
  auto owned = std::make_unique<Changing>(
      typename Changing::Options{options_.mainLoop, options_.concurrency, std::move(compile),
                                 static_, SecretStats(scope, notReadyName)},
      used);
  if (absl::Status status = owned->begin(); !status.ok()) {
    return status;
  }
  // Only now: what is watched may be there at once.
  for (size_t i = 0; i < used.size(); ++i) {
    if (absl::Status status = used[i].secret->start(configs[i].config->sds_config(),
                                                    configs[i].path.field("sds_config"));
        !status.ok()) {
      return status;
    }
  }
  if (warming != nullptr) {
    owned->warm(*warming);
  }
  Changing* changing = owned.get();
  changing_.emplace(changing, std::move(owned));
  return ContextHandle<Context>(std::shared_ptr<const Changing>(
      changing, [&loop = options_.mainLoop, self = std::weak_ptr(self_)](const Changing* gone) {
        loop.post([self, gone] {
          if (const auto compiler = self.lock()) {
            (*compiler)->changing_.erase(gone);
          }
        });
      }));
}

absl::StatusOr<ServerContextHandle>
TransportCompiler::server(const Proto& proto, std::span<const std::string> serverNames,
                          const FieldPath& path, const TransportUse& use) {
  auto read = readConfig<v3::DownstreamTlsContext>(proto, path);
  if (!read.ok()) {
    return read.status();
  }
  if (!read->has_value()) {
    return ServerContextHandle();
  }
  const auto config = std::make_shared<const v3::DownstreamTlsContext>(std::move(**read));
  const FieldPath at = path.field("typed_config");
  return make<ServerContext>(
      [this, config, at, names = std::vector(serverNames.begin(), serverNames.end())](
          const SecretResolver& resolver) {
        return contexts_.server(*config, names, resolver, at);
      },
      sdsConfigs(*config, at), use.scope.child("server_ssl_socket_factory"),
      "downstream_context_secrets_not_ready", use.warming);
}

absl::StatusOr<ClientContextHandle>
TransportCompiler::client(const Proto& proto, const FieldPath& path, const TransportUse& use) {
  auto read = readConfig<v3::UpstreamTlsContext>(proto, path);
  if (!read.ok()) {
    return read.status();
  }
  if (!read->has_value()) {
    return ClientContextHandle();
  }
  const auto config = std::make_shared<const v3::UpstreamTlsContext>(std::move(**read));
  const FieldPath at = path.field("typed_config");
  return make<ClientContext>(
      [this, config, at](const SecretResolver& resolver) {
        return contexts_.client(*config, resolver, at);
      },
      sdsConfigs(*config, at), use.scope.child("client_ssl_socket_factory"),
      "upstream_context_secrets_not_ready", use.warming);
}

void TransportCompiler::forEach(const ContextVisit& visit) const {
  const auto visitFixed = [&](const auto& all) {
    for (const auto& weak : all) {
      if (const auto context = weak.lock()) {
        visitContext(*context, visit);
      }
    }
  };
  std::apply([&](const auto&... each) { (visitFixed(each), ...); }, fixed_);
  for (const auto& [key, context] : changing_) {
    context->visit(visit);
  }
}

std::unique_ptr<net::TransportSocket> ServerTransport::create(uint32_t worker,
                                                              const net::Address* local,
                                                              const net::Address* remote) const {
  const ServerContext* context = context_.get(worker);
  if (context == nullptr) {
    return createNotReadyTransport();
  }
  bssl::UniquePtr<SSL> ssl = context->newSsl({.local = local, .remote = remote});
  if (ssl == nullptr) {
    return createRefusedTransport("TLS_error: no memory for a connection");
  }
  return std::make_unique<TlsSocket>(std::move(ssl), stats_, TlsSocket::MadeBy::Context);
}

std::unique_ptr<net::TransportSocket>
createClientTransport(const ClientContext& context, const ClientOptions& options, TlsStats& stats) {
  bssl::UniquePtr<SSL> ssl = context.newSsl(options);
  if (ssl == nullptr) {
    return createRefusedTransport(base::cat("TLS_error: \"", context.serverNameFor(options),
                                            "\" is no server name that can be sent"));
  }
  return std::make_unique<TlsSocket>(std::move(ssl), stats, TlsSocket::MadeBy::Context);
}

std::unique_ptr<net::TransportSocket> createRefusedTransport(std::string reason) {
  return std::make_unique<RefusedTransport>(std::move(reason));
}

std::unique_ptr<net::TransportSocket> createNotReadyTransport() {
  return createRefusedTransport("TLS error: Secret is not supplied by SDS");
}

} // namespace moe::tls
