#pragma once

#include <vector>

#include "server/worker_listeners.h"

namespace moe::server {

// One address of a listener, as its sockets are bound to it.
struct BoundAddress {
  std::string wanted; // as configured
  net::ListenOptions options;
  net::AddressPtr address;   // with the port that the system chose; as configured if not bound
  uint64_t id = 0;           // of its sockets; 0: none
  ExclusiveSocketPtr shared; // null: each worker has its own socket
};

// The sockets of one configuration of a listener. Main thread.
struct ListenerSockets {
  std::vector<BoundAddress> addresses; // in the order of the configuration
  // By worker: those that it does not have yet.
  std::vector<std::vector<ListenSocket>> added;
};

// Binds sockets for all workers. Main thread.
class SocketBinder {
public:
  // What is the same as `before` (may be null) goes on; the rest is bound anew, beside the old
  // sockets where the address is the same. Nothing listens yet. Errors name the address's field.
  absl::StatusOr<ListenerSockets> bind(const ListenerConfig& config, const ListenerSockets* before,
                                       size_t workers);
  // From now on clients can connect to those that were added.
  static absl::Status listen(const ListenerConfig& config, const ListenerSockets& sockets);

private:
  absl::Status add(const ListenAddress& wanted, BoundAddress& bound, ListenerSockets& out);
  absl::Status addShared(const ListenAddress& wanted, BoundAddress& bound, ListenerSockets& out);

  uint64_t nextId_ = 1;
  base::StringMap<std::weak_ptr<const ExclusiveSocket>> shared_; // by address, as bound
};

} // namespace moe::server
