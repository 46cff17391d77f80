#pragma once

#include <atomic>
#include <cstdint>

#include "stats/stats.h"

namespace moe::proxy {

// What all workers do about pressure; the main thread decides (server/overload.h), they read. Any
// thread, no lock.
struct OverloadState {
  explicit OverloadState(const stats::Scope& scope)
      : connectionOverflow(scope.counter("downstream_global_cx_overflow")),
        requestsShed(scope.counter("downstream_rq_overload_close")),
        keepaliveDenied(scope.counter("downstream_cx_overload_disable_keepalive")) {}

  // False, and nothing taken: there are as many downstream connections as there may be.
  bool tryTakeConnection() {
    if (connections.fetch_add(1, std::memory_order_relaxed) < maxConnections) {
      return true;
    }
    releaseConnection();
    connectionOverflow.inc();
    return false;
  }
  void releaseConnection() { connections.fetch_sub(1, std::memory_order_relaxed); }

  int64_t maxConnections = INT64_MAX; // set before the workers start
  std::atomic<int64_t> connections{0};
  std::atomic<bool> shedRequests{false};
  std::atomic<bool> disableKeepalive{false};
  stats::Counter& connectionOverflow;
  stats::Counter& requestsShed;
  stats::Counter& keepaliveDenied;
};

} // namespace moe::proxy
