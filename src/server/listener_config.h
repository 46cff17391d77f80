#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "envoy/config/listener/v3/listener.pb.h"
#include "net/address.h"
#include "net/listener.h"
#include "proxy/access_log.h"
#include "proxy/factory.h"
#include "proxy/listener_filter.h"
#include "server/filter_chain.h"
#include "server/filter_chain_match.h"
#include "server/listener_predicate.h"
#include "server/runtime_layers.h"

namespace moe::server {

struct ListenerStats {
  explicit ListenerStats(const stats::Scope& scope)
      : cxTotal(scope.counter("downstream_cx_total")),
        cxActive(scope.gauge("downstream_cx_active")),
        cxDestroy(scope.counter("downstream_cx_destroy")),
        cxOverflow(scope.counter("downstream_cx_overflow")),
        preCxActive(scope.gauge("downstream_pre_cx_active")),
        preCxTimeout(scope.counter("downstream_pre_cx_timeout")),
        filterRemoteClose(scope.counter("downstream_listener_filter_remote_close")),
        filterError(scope.counter("downstream_listener_filter_error")),
        noFilterChainMatch(scope.counter("no_filter_chain_match")),
        cxHandshakeTimeout(scope.counter("downstream_cx_transport_socket_connect_timeout")) {}
  stats::Counter& cxTotal;
  stats::Gauge& cxActive;
  stats::Counter& cxDestroy;
  stats::Counter& cxOverflow;        // closed at once: too many, of this listener or in all
  stats::Gauge& preCxActive;         // sockets that listener filters look at
  stats::Counter& preCxTimeout;      // listener_filters_timeout
  stats::Counter& filterRemoteClose; // the peer closed before the filters had enough
  stats::Counter& filterError;       // its socket broke
  stats::Counter& noFilterChainMatch;
  stats::Counter& cxHandshakeTimeout; // transport_socket_connect_timeout
};

// An address to listen on, or to be found by.
struct ListenAddress {
  net::AddressPtr address;
  bool ipv4Compat = false; // an IPv6 socket for IPv4 clients, too
  config::FieldPath path;
};

struct ListenerFilter {
  proxy::ListenerFilterFactoryPtr factory;
  std::optional<ListenerPredicate> disabled; // connections that it leaves alone
};

// A compiled static listener; shared by all workers. Immutable but for its counters.
struct ListenerConfig {
  ListenerConfig(const stats::Scope& scope, FilterChainMatcher chainMatcher)
      : matcher(std::move(chainMatcher)), stats(scope) {}

  // Null: no chain takes it.
  const FilterChainPtr& chainFor(const net::SocketFacts& facts) const {
    const std::optional<size_t> index = matcher.find(facts);
    return index.has_value() ? chains[*index] : defaultChain;
  }

  std::string name;
  std::vector<ListenAddress> addresses; // the first is the listener's own
  config::FieldPath path;
  uint32_t bufferLimit = 1024 * 1024;

  // Its sockets.
  bool bindToPort = true; // false: gets connections from listeners with useOriginalDst only
  bool reusePort = true;  // false: one socket for all workers
  bool transparent = false;
  bool freebind = false;
  int backlog = 4096;
  net::AcceptOptions accepting;

  // From a socket to a connection.
  std::vector<ListenerFilter> filters;
  std::optional<base::Milliseconds> filtersTimeout = base::Milliseconds(15'000);
  bool continueOnFiltersTimeout = false;
  bool useOriginalDst = false; // gives connections to the listener of their destination
  std::vector<FilterChainPtr> chains;
  FilterChainPtr defaultChain; // may be null
  FilterChainMatcher matcher;
  std::vector<proxy::AccessLogPtr> accessLogs; // of connections

  // Connections at a time, over all workers.
  uint64_t connectionLimit = UINT64_MAX;
  mutable std::atomic<uint64_t> connections{0};
  mutable ListenerStats stats;
};
using ListenerConfigPtr = std::shared_ptr<const ListenerConfig>;

// An address to listen on: socket_address (TCP, an IP) or pipe.
absl::StatusOr<net::AddressPtr> readAddress(const envoy::config::core::v3::Address& proto,
                                            const config::FieldPath& path);

absl::StatusOr<ListenerConfigPtr>
compileListener(const envoy::config::listener::v3::Listener& proto, const config::FieldPath& path,
                const proxy::ListenerFilterConfigs& listenerFilters,
                const proxy::NetworkFilterConfigs& filters, const proxy::FactoryContext& context,
                RuntimeLayers& runtime);

} // namespace moe::server
