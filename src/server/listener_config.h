#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "envoy/config/listener/v3/listener.pb.h"
#include "net/address.h"
#include "proxy/factory.h"
#include "server/runtime_layers.h"

namespace moe::server {

struct ListenerStats {
  explicit ListenerStats(const stats::Scope& scope)
      : cxTotal(scope.counter("downstream_cx_total")),
        cxActive(scope.gauge("downstream_cx_active")),
        cxDestroy(scope.counter("downstream_cx_destroy")),
        cxOverflow(scope.counter("downstream_cx_overflow")) {}
  stats::Counter& cxTotal;
  stats::Gauge& cxActive;
  stats::Counter& cxDestroy;
  stats::Counter& cxOverflow; // closed at once: too many, of this listener or in all
};

// A compiled static listener; shared by all workers. Immutable but for its counters.
struct ListenerConfig {
  ListenerConfig(const stats::Scope& scope) : stats(scope) {}
  std::string name;
  net::AddressPtr address;
  config::FieldPath path;
  uint32_t bufferLimit = 1024 * 1024;
  int backlog = 4096;
  std::vector<proxy::NetworkFilterFactoryPtr> filters;
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
                const proxy::NetworkFilterConfigs& filters, const proxy::FactoryContext& context,
                RuntimeLayers& runtime);

} // namespace moe::server
