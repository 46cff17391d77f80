#include "server/listener_config.h"

#include "base/strings.h"
#include "config/deterministic.h"
#include "config/duration.h"
#include "filter/listener/original_dst/config.h"

namespace moe::server {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::config::listener::v3::Listener;

// What changes where connections go, and is not done: refused, whoever set it counts on it.
absl::Status refuse(const Proto& proto, const FieldPath& path) {
  if (proto.has_filter_chain_matcher()) {
    return fieldError(path.field("filter_chain_matcher"), "a matcher",
                      "none: filter_chain_match of each filter chain instead");
  }
  if (proto.has_connection_balance_config()) {
    return fieldError(path.field("connection_balance_config"), "a value",
                      "none: the kernel spreads connections over the workers");
  }
  if (proto.has_udp_listener_config()) {
    return fieldError(path.field("udp_listener_config"), "a UDP listener", "a TCP listener");
  }
  if (proto.has_api_listener()) {
    return fieldError(path.field("api_listener"), "an API listener", "a TCP listener");
  }
  if (proto.has_internal_listener()) {
    return fieldError(path.field("internal_listener"), "an internal listener", "a TCP listener");
  }
  return absl::OkStatus();
}

// bind_to_port, or deprecated_v1.bind_to_port, whose accessor is deprecated, too.
bool bindsToPort(const Proto& proto) {
  if (proto.has_bind_to_port()) {
    return proto.bind_to_port().value();
  }
  const auto* field = Proto::descriptor()->FindFieldByName("deprecated_v1");
  if (field == nullptr || !proto.GetReflection()->HasField(proto, field)) {
    return true;
  }
  const auto& old =
      static_cast<const Proto::DeprecatedV1&>(proto.GetReflection()->GetMessage(proto, field));
  return !old.has_bind_to_port() || old.bind_to_port().value();
}

absl::Status addAddress(const envoy::config::core::v3::Address& proto, const FieldPath& path,
                        ListenerConfig& out) {
  auto address = readAddress(proto, path);
  if (!address.ok()) {
    return address.status();
  }
  const bool compat = proto.socket_address().ipv4_compat();
  if (compat && (*address)->kind() != net::Address::Kind::Ipv6) {
    return fieldError(path.field("socket_address").field("ipv4_compat"), "true",
                      "false: the address is none of IPv6");
  }
  out.addresses.push_back({std::move(*address), compat, path});
  return absl::OkStatus();
}

absl::Status readSockets(const Proto& proto, const FieldPath& path, ListenerConfig& out) {
  absl::Status status = addAddress(proto.address(), path.field("address"), out);
  for (int i = 0; i < proto.additional_addresses_size() && status.ok(); ++i) {
    const FieldPath at = path.field("additional_addresses").index(static_cast<size_t>(i));
    status = addAddress(proto.additional_addresses(i).address(), at.field("address"), out);
  }
  if (!status.ok()) {
    return status;
  }
  out.bindToPort = bindsToPort(proto);
  out.reusePort = !proto.has_enable_reuse_port() || proto.enable_reuse_port().value();
  out.transparent = proto.transparent().value();
  out.freebind = proto.freebind().value();
  out.accepting.transparent = out.transparent;
  if (proto.has_tcp_backlog_size()) {
    out.backlog = static_cast<int>(proto.tcp_backlog_size().value());
  }
  if (proto.has_max_connections_to_accept_per_socket_event()) {
    const uint32_t most = proto.max_connections_to_accept_per_socket_event().value();
    if (most == 0) {
      return fieldError(path.field("max_connections_to_accept_per_socket_event"), "0", "more");
    }
    // More would let a turn take as long as clients like.
    out.accepting.perTurn = static_cast<int>(std::min<uint32_t>(most, 1024));
  }
  return absl::OkStatus();
}

absl::Status readFilters(const Proto& proto, const FieldPath& path,
                         const proxy::ListenerFilterConfigs& configs,
                         const proxy::FactoryContext& context, ListenerConfig& out) {
  out.useOriginalDst = proto.use_original_dst().value();
  for (int i = 0; i < proto.listener_filters_size(); ++i) {
    const auto& filter = proto.listener_filters(i);
    const FieldPath at = path.field("listener_filters").index(static_cast<size_t>(i));
    if (!filter.has_typed_config()) {
      return fieldError(at, filter.has_config_discovery() ? "config_discovery" : "no typed_config",
                        "the filter's configuration as typed_config");
    }
    auto resolved = configs.resolve(filter.typed_config(), filter.name(), at.field("typed_config"));
    if (!resolved.ok()) {
      return resolved.status();
    }
    auto factory =
        resolved->factory->compile(*resolved->config.message, resolved->config.path, context);
    if (!factory.ok()) {
      return factory.status();
    }
    ListenerFilter added{std::move(*factory), std::nullopt};
    if (filter.has_filter_disabled()) {
      auto predicate =
          ListenerPredicate::compile(filter.filter_disabled(), at.field("filter_disabled"));
      if (!predicate.ok()) {
        return predicate.status();
      }
      added.disabled = std::move(*predicate);
    }
    out.filters.push_back(std::move(added));
  }
  if (out.useOriginalDst) {
    out.filters.push_back({filter::original_dst::makeFactory(), std::nullopt});
  }
  auto timeout =
      config::toMillisOr(proto.has_listener_filters_timeout(), proto.listener_filters_timeout(),
                         *out.filtersTimeout, path.field("listener_filters_timeout"));
  if (!timeout.ok()) {
    return timeout.status();
  }
  out.filtersTimeout = timeout->count() == 0 ? std::nullopt : std::optional(*timeout);
  out.continueOnFiltersTimeout = proto.continue_on_listener_filters_timeout();
  return absl::OkStatus();
}

absl::Status readChains(const Proto& proto, const FieldPath& path,
                        const proxy::NetworkFilterConfigs& filters,
                        const proxy::FactoryContext& context, const ListenerBefore& before,
                        ListenerConfig& out) {
  const auto compile = [&](const envoy::config::listener::v3::FilterChain& chain,
                           const FieldPath& at) -> absl::StatusOr<FilterChainPtr> {
    if (!before.chains.empty()) {
      const bool isDefault = &chain == &proto.default_filter_chain();
      if (const auto same = before.chains.find(chainKey(chain, isDefault));
          same != before.chains.end()) {
        return same->second;
      }
    }
    return compileFilterChain(chain, at, filters, context, out.state->scope);
  };
  if (proto.filter_chains_size() == 0 && !proto.has_default_filter_chain()) {
    return fieldError(path.field("filter_chains"), "none",
                      "at least one filter chain, or a default one");
  }
  for (int i = 0; i < proto.filter_chains_size(); ++i) {
    auto chain =
        compile(proto.filter_chains(i), path.field("filter_chains").index(static_cast<size_t>(i)));
    if (!chain.ok()) {
      return chain.status();
    }
    out.chains.push_back(std::move(*chain));
  }
  if (!proto.has_default_filter_chain()) {
    return absl::OkStatus();
  }
  const FieldPath at = path.field("default_filter_chain");
  const auto& match = proto.default_filter_chain().filter_chain_match();
  if (match.ByteSizeLong() > 0) {
    // Documented by Envoy, and yet whoever wrote conditions meant them.
    MOE_LOG(*context.logger, warn,
            "{}: the default filter chain takes every connection that no other takes; its "
            "conditions have no effect",
            at.field("filter_chain_match").str());
  }
  auto chain = compile(proto.default_filter_chain(), at);
  if (!chain.ok()) {
    return chain.status();
  }
  out.defaultChain = std::move(*chain);
  return absl::OkStatus();
}

absl::Status readLimits(const Proto& proto, config::Runtime* runtime, ListenerConfig& out) {
  if (proto.has_per_connection_buffer_limit_bytes()) {
    out.bufferLimit = proto.per_connection_buffer_limit_bytes().value();
  }
  if (runtime != nullptr && !proto.name().empty()) {
    auto limit = runtime->number(
        base::cat("envoy.resource_limits.listener.", proto.name(), ".connection_limit"),
        UINT64_MAX);
    if (!limit.ok()) {
      return limit.status();
    }
    out.connectionLimit = std::move(*limit);
  }
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<net::AddressPtr> readAddress(const envoy::config::core::v3::Address& proto,
                                            const FieldPath& path) {
  if (proto.has_pipe()) {
    auto address = net::Address::pipe(proto.pipe().path());
    if (!address.ok()) {
      return fieldError(path.field("pipe").field("path"), base::message(address.status()));
    }
    return *address;
  }
  if (!proto.has_socket_address()) {
    return fieldError(path, "neither", "socket_address or pipe");
  }
  const FieldPath at = path.field("socket_address");
  const auto& socket = proto.socket_address();
  if (socket.protocol() != envoy::config::core::v3::SocketAddress::TCP) {
    return fieldError(at.field("protocol"),
                      envoy::config::core::v3::SocketAddress::Protocol_Name(socket.protocol()),
                      "TCP");
  }
  if (socket.port_value() > 65535) {
    return fieldError(at.field("port_value"), base::cat(socket.port_value()), "0 to 65535");
  }
  auto address =
      net::Address::parseIp(socket.address(), static_cast<uint16_t>(socket.port_value()));
  if (!address.ok()) {
    return fieldError(at.field("address"), base::message(address.status()));
  }
  return *address;
}

std::string chainKey(const envoy::config::listener::v3::FilterChain& chain, bool isDefault) {
  return base::cat(isDefault ? 'd' : 'c', config::deterministic(chain));
}

absl::StatusOr<std::shared_ptr<ListenerConfig>>
compileListener(const Proto& proto, const FieldPath& path,
                const proxy::ListenerFilterConfigs& listenerFilters,
                const proxy::NetworkFilterConfigs& filters, const proxy::FactoryContext& context,
                const ListenerBefore& before) {
  if (absl::Status refused = refuse(proto, path); !refused.ok()) {
    return refused;
  }
  auto own = readAddress(proto.address(), path.field("address"));
  if (!own.ok()) {
    return own.status();
  }
  auto matcher = FilterChainMatcher::compile(proto.filter_chains(), path.field("filter_chains"));
  if (!matcher.ok()) {
    return matcher.status();
  }
  std::string statName = proto.stat_prefix().empty() ? (*own)->asString() : proto.stat_prefix();
  for (char& c : statName) {
    c = c == ':' ? '_' : c;
  }
  std::shared_ptr<ListenerState> state = before.state;
  if (state == nullptr || state->scope.prefix() != base::cat("listener.", statName, ".")) {
    state = std::make_shared<ListenerState>(
        context.stats.root().leasedChild("listener", "envoy_listener_address", statName));
  }
  auto out = std::make_shared<ListenerConfig>(std::move(state), std::move(*matcher));
  out->name = proto.name();
  out->path = path;
  absl::Status status = readSockets(proto, path, *out);
  if (status.ok()) {
    status = readLimits(proto, context.runtime, *out);
  }
  if (status.ok()) {
    status = readFilters(proto, path, listenerFilters, context, *out);
  }
  if (status.ok()) {
    status = readChains(proto, path, filters, context, before, *out);
  }
  if (!status.ok()) {
    return status;
  }
  auto logs = proxy::compileAccessLogs(proto.access_log(), path.field("access_log"), context);
  if (!logs.ok()) {
    return logs.status();
  }
  out->accessLogs = std::move(*logs);
  return out;
}

} // namespace moe::server
