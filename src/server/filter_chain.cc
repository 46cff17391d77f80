#include "server/filter_chain.h"

#include "base/strings.h"
#include "config/duration.h"

namespace moe::server {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::config::listener::v3::FilterChain;

// use_proxy_proto, deprecated. By name: its accessor is deprecated, too.
bool wantsProxyHeader(const Proto& proto) {
  const auto* field = Proto::descriptor()->FindFieldByName("use_proxy_proto");
  return field != nullptr && proto.GetReflection()->HasField(proto, field);
}

absl::Status readTransport(const Proto& proto, const FieldPath& path,
                           const proxy::FactoryContext& context, const stats::Scope& scope,
                           FilterChain& out) {
  const auto timeout = config::toMillisOr(
      proto.has_transport_socket_connect_timeout(), proto.transport_socket_connect_timeout(),
      base::Milliseconds(0), path.field("transport_socket_connect_timeout"));
  if (!timeout.ok()) {
    return timeout.status();
  }
  out.handshakeTimeout = *timeout;
  if (!proto.has_transport_socket()) {
    return absl::OkStatus();
  }
  const FieldPath at = path.field("transport_socket");
  if (context.tls == nullptr) {
    return fieldError(at, config::inQuotes(proto.transport_socket().name()),
                      "none: connections are in clear text");
  }
  const auto& names = proto.filter_chain_match().server_names();
  auto made = context.tls->server(proto.transport_socket(),
                                  std::vector<std::string>(names.begin(), names.end()), at,
                                  {.scope = scope, .warming = context.warming});
  if (!made.ok()) {
    return made.status();
  }
  if (*made) {
    // Chains of a listener count together: the names are the same.
    out.tlsStats = std::make_unique<tls::TlsStats>(scope.child("ssl"));
    out.transport = std::make_unique<tls::ServerTransport>(std::move(*made), *out.tlsStats);
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<FilterChainPtr> compileFilterChain(const Proto& proto, const FieldPath& path,
                                                  const proxy::NetworkFilterConfigs& filters,
                                                  const proxy::FactoryContext& context,
                                                  const stats::Scope& scope) {
  if (wantsProxyHeader(proto)) {
    return fieldError(path.field("use_proxy_proto"), "a value",
                      "none: envoy.filters.listener.proxy_protocol in listener_filters instead");
  }
  auto out = std::make_shared<FilterChain>(scope);
  if (absl::Status status = readTransport(proto, path, context, scope, *out); !status.ok()) {
    return status;
  }
  out->name = proto.name();
  proxy::FactoryContext own = context;
  own.filterChainName = proto.name();
  for (int i = 0; i < proto.filters_size(); ++i) {
    const auto& filter = proto.filters(i);
    const FieldPath at = path.field("filters").index(static_cast<size_t>(i));
    if (!filter.has_typed_config()) {
      return fieldError(at, "no typed_config", "the filter's configuration as typed_config");
    }
    auto resolved = filters.resolve(filter.typed_config(), filter.name(), at.field("typed_config"));
    if (!resolved.ok()) {
      return resolved.status();
    }
    auto compiled =
        resolved->factory->compile(*resolved->config.message, resolved->config.path, own);
    if (!compiled.ok()) {
      return compiled.status();
    }
    if ((*compiled)->terminal() != (i + 1 == proto.filters_size())) {
      return fieldError(
          at, config::inQuotes(filter.name()),
          "a terminal filter (connection manager or TCP proxy) as the last one, once");
    }
    out->filters.push_back(std::move(*compiled));
  }
  return out;
}

} // namespace moe::server
