#pragma once

#include <thread>

#include "server/worker_listeners.h"

namespace moe::server {

// One worker: its thread and its listeners.
class WorkerThread {
public:
  WorkerThread(uint32_t index, upstream::ClusterManager& clusters, proxy::OverloadState& overload);
  ~WorkerThread();

  // Before start(): a listener with the sockets that this worker accepts from; none if it does not
  // bind.
  void addListener(const ListenerConfigPtr& config, std::vector<ListenSocket> sockets);
  void start();
  event::Loop& loop() { return worker_.loop; }
  // Main thread.
  void setAccepting(bool on);
  // Main thread. Stops accepting and asks connections to end; `drained` is posted to no loop but
  // called on the worker's when none is left.
  void drain(std::function<void()> drained);
  // Closes what is left and ends the thread.
  void stop();

private:
  event::Worker worker_;
  proxy::WorkerContext context_;
  WorkerListeners listeners_;
  std::thread thread_;
};

} // namespace moe::server
