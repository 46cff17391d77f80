#pragma once

#include <thread>

#include "net/listener.h"
#include "proxy/worker_context.h"
#include "server/listener_config.h"

namespace moe::server {

// One worker: its thread, its listening sockets and its connections.
class WorkerThread {
public:
  WorkerThread(uint32_t index, upstream::ClusterManager& clusters, proxy::OverloadState& overload);
  ~WorkerThread();

  // Before start(): a socket that this worker accepts from.
  void addListener(ListenerConfigPtr config, net::Fd socket, net::AddressPtr address);
  void start();
  // Main thread.
  void setAccepting(bool on);
  // Main thread. Stops accepting and asks connections to end; `drained` is posted to no loop but
  // called on the worker's when none is left.
  void drain(std::function<void()> drained);
  // Closes what is left and ends the thread.
  void stop();

private:
  class Accepted;
  void accept(const ListenerConfigPtr& config, net::Fd fd, net::AddressPtr local,
              net::AddressPtr remote);
  void connectionGone(Accepted& connection);

  event::Worker worker_;
  proxy::WorkerContext context_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  size_t connections_ = 0;
  std::function<void()> drained_;
  std::thread thread_;
};

} // namespace moe::server
