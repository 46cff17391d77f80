#include "server/listener_config.h"

#include "base/strings.h"

namespace moe::server {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::config::listener::v3::Listener;

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

absl::StatusOr<ListenerConfigPtr> compileListener(const Proto& proto, const FieldPath& path,
                                                  const proxy::NetworkFilterConfigs& filters,
                                                  const proxy::FactoryContext& context,
                                                  RuntimeLayers& runtime) {
  auto address = readAddress(proto.address(), path.field("address"));
  if (!address.ok()) {
    return address.status();
  }
  std::string statName = proto.stat_prefix().empty() ? (*address)->asString() : proto.stat_prefix();
  for (char& c : statName) {
    c = c == ':' ? '_' : c;
  }
  auto out = std::make_shared<ListenerConfig>(
      context.stats.root().child("listener", "envoy_listener_address", statName));
  out->name = proto.name();
  out->path = path;
  out->address = std::move(*address);
  if (proto.has_per_connection_buffer_limit_bytes()) {
    out->bufferLimit = proto.per_connection_buffer_limit_bytes().value();
  }
  if (proto.has_tcp_backlog_size()) {
    out->backlog = static_cast<int>(proto.tcp_backlog_size().value());
  }
  if (!proto.name().empty()) {
    auto limit = runtime.number(
        base::cat("envoy.resource_limits.listener.", proto.name(), ".connection_limit"),
        UINT64_MAX);
    if (!limit.ok()) {
      return limit.status();
    }
    out->connectionLimit = *limit;
  }
  if (proto.listener_filters_size() > 0) {
    return fieldError(path.field("listener_filters"),
                      base::cat(proto.listener_filters_size(), " filters"), "none");
  }
  const bool single = proto.filter_chains_size() == 1 && !proto.has_default_filter_chain();
  const bool onlyDefault = proto.filter_chains_size() == 0 && proto.has_default_filter_chain();
  if (!single && !onlyDefault) {
    return fieldError(path.field("filter_chains"),
                      base::cat(proto.filter_chains_size(), " filter chains"),
                      "one, without conditions");
  }
  const auto& chain = single ? proto.filter_chains(0) : proto.default_filter_chain();
  const FieldPath chainPath =
      single ? path.field("filter_chains").index(0) : path.field("default_filter_chain");
  if (chain.has_filter_chain_match()) {
    return fieldError(chainPath.field("filter_chain_match"), "conditions",
                      "none: the only chain takes every connection");
  }
  if (chain.has_transport_socket()) {
    return fieldError(chainPath.field("transport_socket"),
                      config::inQuotes(chain.transport_socket().name()),
                      "none: connections are in clear text");
  }
  proxy::FactoryContext chainContext = context;
  chainContext.filterChainName = chain.name();
  chainContext.runtime = [&runtime](const std::string& key, uint64_t absent) {
    return runtime.number(key, absent);
  };
  for (int i = 0; i < chain.filters_size(); ++i) {
    const auto& filter = chain.filters(i);
    const FieldPath at = chainPath.field("filters").index(static_cast<size_t>(i));
    if (!filter.has_typed_config()) {
      return fieldError(at, "no typed_config", "the filter's configuration as typed_config");
    }
    auto resolved = filters.resolve(filter.typed_config(), filter.name(), at.field("typed_config"));
    if (!resolved.ok()) {
      return resolved.status();
    }
    auto factory =
        resolved->factory->compile(*resolved->config.message, resolved->config.path, chainContext);
    if (!factory.ok()) {
      return factory.status();
    }
    if ((*factory)->terminal() != (i + 1 == chain.filters_size())) {
      return fieldError(
          at, config::inQuotes(filter.name()),
          "a terminal filter (connection manager or TCP proxy) as the last one, once");
    }
    out->filters.push_back(std::move(*factory));
  }
  if (out->filters.empty()) {
    return fieldError(chainPath.field("filters"), "none", "at least one network filter");
  }
  return out;
}

} // namespace moe::server
