#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "event/worker.h"
#include "net/address.h"
#include "net/fd.h"
#include "net/fd_watcher.h"

namespace moe::net {

struct ListenOptions {
  int backlog = 4096;
  bool reusePort = true; // a socket per worker, spread by the kernel
  bool transparent = false;
  bool freebind = false;
  bool ipv6Only = false;
  friend bool operator==(const ListenOptions&, const ListenOptions&) = default;
};

// A bound, non-blocking socket that does not listen yet: clients are refused. Errors name the
// address and the system's reason.
absl::StatusOr<Fd> bindTo(const Address& address, const ListenOptions& options);
absl::Status startListening(const Fd& fd, const Address& address, const ListenOptions& options);
// Both.
absl::StatusOr<Fd> listenOn(const Address& address, const ListenOptions& options);

// Another descriptor of the same socket, for another worker.
absl::StatusOr<Fd> duplicate(const Fd& fd);

struct AcceptOptions {
  // Asks the kernel for each socket's local address, which is not the bound one: behind TPROXY.
  bool transparent = false;
  int perTurn = 64; // connections at a time; other sockets want their turn, too
};

// Accepts connections on one worker. On that worker's thread.
class Listener {
public:
  // A queue is no longer; what comes faster than it is taken must not hold up an end.
  static constexpr int kQueue = 4096;

  // The callback owns the socket; it may pause() or destroy the listener.
  using AcceptCallback = std::function<void(Fd fd, AddressPtr local, AddressPtr remote)>;

  // `address` is the bound one; the local address of accepted sockets is asked of the kernel only
  // if it is a wildcard, or the socket transparent.
  Listener(event::Loop& loop, Fd fd, AddressPtr address, AcceptCallback callback,
           const AcceptOptions& options = {});

  // Stops or goes on accepting; the kernel queues meanwhile.
  void pause();
  void resume();
  // Takes what the kernel has queued, unless paused: it would reset those connections when the
  // socket closes. For a listener that is about to end. At most so many; false: none is left.
  bool acceptPending(int most = kQueue);
  void setPerTurn(int connections) { perTurn_ = connections; }
  const AddressPtr& address() const { return address_; }

private:
  void acceptReady();
  // False: there is none now.
  bool acceptOne();

  Fd fd_;
  AddressPtr address_;
  bool askLocal_;
  int perTurn_;
  bool paused_ = false; // by pause(), not for want of descriptors
  AcceptCallback callback_;
  std::unique_ptr<event::Timer> retry_; // after running out of descriptors
  std::unique_ptr<FdWatcher> watcher_;  // Last: stops before the descriptor closes.
};

} // namespace moe::net
