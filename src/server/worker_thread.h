#pragma once

#include <thread>

#include "server/loop_durations.h"
#include "server/worker_listeners.h"

namespace moe::server {

// One worker: its thread and its listeners.
class WorkerThread {
public:
  WorkerThread(uint32_t index, upstream::ClusterManager& clusters, proxy::OverloadState& overload);
  ~WorkerThread();

  // Before start(): records how long turns of its loop take, under "listener_manager.worker_<n>.".
  void recordLoop(stats::Store& stats);
  void start();
  // Main thread, also before start(): done on the worker, in order.
  void updateListener(ListenerUpdate update);
  void removeListener(uint64_t listener, base::Milliseconds drainTime);
  // Main thread.
  void setAccepting(bool on);
  // Main thread. Stops accepting and asks connections to end; `drained` is posted to no loop but
  // called on the worker's when none is left.
  void drain(std::function<void()> drained);
  // Closes what is left and ends the thread.
  void stop();
  event::Loop& loop() { return worker_.loop; }

private:
  event::Worker worker_;
  std::unique_ptr<LoopDurations> durations_; // null: not recorded
  proxy::WorkerContext context_;
  WorkerListeners listeners_;
  std::thread thread_;
};

} // namespace moe::server
