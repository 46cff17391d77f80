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

// What a listener's configurations with the same name of its statistics share. Any thread.
struct ListenerState {
  explicit ListenerState(stats::Scope leased) : scope(std::move(leased)), stats(scope) {}

  const stats::Scope scope; // leased: it goes with the last connection
  ListenerStats stats;
  std::atomic<uint64_t> connections{0}; // at a time, over all workers
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

// A compiled listener; shared by all workers. Immutable but for its counters.
struct ListenerConfig {
  ListenerConfig(std::shared_ptr<ListenerState> counted, FilterChainMatcher chainMatcher)
      : matcher(std::move(chainMatcher)), state(std::move(counted)), stats(state->stats) {}

  // The place of the chain that takes a connection: chains.size() is that of the default one.
  size_t placeFor(const net::SocketFacts& facts) const {
    return matcher.find(facts).value_or(chains.size());
  }
  // Null: there is no default chain.
  const FilterChainPtr& chainAt(size_t place) const {
    return place < chains.size() ? chains[place] : defaultChain;
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

  config::RuntimeNumber connectionLimit{UINT64_MAX};
  const std::shared_ptr<ListenerState> state;
  ListenerStats& stats;
};
using ListenerConfigPtr = std::shared_ptr<const ListenerConfig>;

// An address to listen on: socket_address (TCP, an IP) or pipe.
absl::StatusOr<net::AddressPtr> readAddress(const envoy::config::core::v3::Address& proto,
                                            const config::FieldPath& path);

// What goes on when a configuration takes the place of another one.
struct ListenerBefore {
  std::shared_ptr<ListenerState> state; // used if its statistics have the same name; may be null
  // By chainKey(); of a listener that is the same but for its filter chains.
  base::StringMap<FilterChainPtr> chains;
};

// Equal where one chain can go on as the other.
std::string chainKey(const envoy::config::listener::v3::FilterChain& chain, bool isDefault);

// Main thread. Errors name the field below `path`.
absl::StatusOr<std::shared_ptr<ListenerConfig>>
compileListener(const envoy::config::listener::v3::Listener& proto, const config::FieldPath& path,
                const proxy::ListenerFilterConfigs& listenerFilters,
                const proxy::NetworkFilterConfigs& filters, const proxy::FactoryContext& context,
                const ListenerBefore& before = {});

} // namespace moe::server
