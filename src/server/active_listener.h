#pragma once

#include <optional>
#include <vector>

#include "server/listener_config.h"
#include "server/pending_socket.h"
#include "server/worker_chain.h"

namespace moe::server {

struct ActiveListenerTag {};
// A listener on one worker until anything but its filter chains changes; then another one takes its
// place, and this one drains. Held by its sockets and its connections, of all kinds. On the
// worker's thread.
struct ActiveListener : base::ListLink<ActiveListenerTag> {
  ActiveListener(uint64_t listener, ListenerConfigPtr first)
      : id(listener), config(std::move(first)), chains(config->chains.size() + 1) {}

  const uint64_t id; // of the listener
  ListenerConfigPtr config;
  // In the order of the configuration, the default one last; null before the first connection.
  std::vector<std::shared_ptr<WorkerChain>> chains;
  base::IntrusiveList<PendingSocket, PendingTag> pending;
  std::optional<uint64_t> deadline; // draining until then, in the loop's milliseconds
  std::unique_ptr<event::Timer> timer;
};
using ActiveListenerPtr = std::shared_ptr<ActiveListener>;

} // namespace moe::server
