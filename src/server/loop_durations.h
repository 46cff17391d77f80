#pragma once

#include "event/loop.h"
#include "stats/stats.h"

namespace moe::server {

// Records how long each turn of a loop takes, in microseconds, without its wait for events: Envoy's
// dispatcher.loop_duration_us (Bootstrap.enable_dispatcher_stats); and, in loop_cpu_us, what of it
// the thread has run: the rest went to other programs. Costs a system call and a few clock readings
// a turn. Made and ended while the loop does not run; ends before the loop. What a turn does after
// it has looked at this (the loop's own end of turn) counts for the next one.
class LoopDurations {
public:
  // `scope`: "server.", "listener_manager.worker_0."; of stats that live longer.
  LoopDurations(event::Loop& loop, const stats::Scope& scope);
  ~LoopDurations();
  LoopDurations(const LoopDurations&) = delete;
  LoopDurations& operator=(const LoopDurations&) = delete;

private:
  struct Handle;
  Handle* handle_; // freed in its close callback
};

} // namespace moe::server
