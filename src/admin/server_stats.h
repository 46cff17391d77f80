#pragma once

#include "admin/context.h"
#include "envoy/admin/v3/memory.pb.h"

namespace moe::admin {

// The process's memory now, as its allocator and the kernel count it.
envoy::admin::v3::Memory memoryNow();

// Stats of the process itself; brought up to date when somebody looks. Main thread.
class ServerStats {
public:
  explicit ServerStats(stats::Store& store);
  void refresh(const Context& context, State state, int64_t uptimeSeconds);

private:
  stats::Gauge& live_; // 1: LIVE
  stats::Gauge& state_;
  stats::Gauge& uptime_; // seconds
  stats::Gauge& concurrency_;
  stats::Gauge& allocated_; // bytes
  stats::Gauge& heapSize_;
  stats::Gauge& physical_;
};

} // namespace moe::admin
