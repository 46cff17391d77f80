#include "server/filter_chain.h"

#include "base/strings.h"

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

} // namespace

absl::StatusOr<FilterChainPtr> compileFilterChain(const Proto& proto, const FieldPath& path,
                                                  const proxy::NetworkFilterConfigs& filters,
                                                  const proxy::FactoryContext& context) {
  if (wantsProxyHeader(proto)) {
    return fieldError(path.field("use_proxy_proto"), "a value",
                      "none: envoy.filters.listener.proxy_protocol in listener_filters instead");
  }
  if (proto.has_transport_socket()) {
    return fieldError(path.field("transport_socket"),
                      config::inQuotes(proto.transport_socket().name()),
                      "none: connections are in clear text");
  }
  auto out = std::make_shared<FilterChain>();
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
