#pragma once

#include <memory>
#include <string>
#include <vector>

#include "envoy/config/listener/v3/listener_components.pb.h"
#include "proxy/factory.h"

namespace moe::server {

// A compiled filter chain; immutable but for counters, shared by all workers and held by its
// connections.
struct FilterChain {
  explicit FilterChain(stats::Scope listener) : scope(std::move(listener)) {}

  stats::Scope scope; // the listener's, for as long as the chain counts
  std::string name;
  std::unique_ptr<tls::TlsStats> tlsStats;                      // with TLS
  std::unique_ptr<const net::TransportSocketFactory> transport; // null: in clear text
  base::Milliseconds handshakeTimeout{0};                       // 0: none
  std::vector<proxy::NetworkFilterFactoryPtr> filters; // none: connections are closed at once
};
using FilterChainPtr = std::shared_ptr<const FilterChain>;

// Everything of a chain but its conditions (filter_chain_match.h). `scope` is the listener's.
// Errors carry the field path.
absl::StatusOr<FilterChainPtr>
compileFilterChain(const envoy::config::listener::v3::FilterChain& proto,
                   const config::FieldPath& path, const proxy::NetworkFilterConfigs& filters,
                   const proxy::FactoryContext& context, const stats::Scope& scope);

} // namespace moe::server
