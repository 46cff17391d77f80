#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/listener.h"
#include "net/prefix.h"
#include "proxy/worker_context.h"
#include "server/pending_socket.h"

namespace moe::server {

// A listening socket of one worker.
struct ListenSocket {
  net::Fd fd;
  net::AddressPtr address; // as bound
};

// The listeners of one worker: their sockets, what was accepted and is looked at by their filters,
// and their connections. On the worker's thread; add() also before it runs.
class WorkerListeners final : public PendingCallbacks {
public:
  explicit WorkerListeners(proxy::WorkerContext& context);
  ~WorkerListeners();
  WorkerListeners(const WorkerListeners&) = delete;
  WorkerListeners& operator=(const WorkerListeners&) = delete;

  // `sockets`: none for a listener that does not bind. `addresses`: those it is found by.
  void add(const ListenerConfigPtr& config, std::vector<ListenSocket> sockets);
  void setAccepting(bool on);
  // Stops accepting, takes what waits, and asks every connection to end; `drained` is called when
  // none is left, maybe at once.
  void drain(std::function<void()> drained);
  // Closes everything now.
  void closeAll();

private:
  class Accepted;
  struct Listening {
    ListenerConfigPtr config;
    std::vector<std::unique_ptr<net::Listener>> sockets;
  };
  struct Key {
    net::Ip ip;
    uint16_t port;
    friend bool operator==(const Key&, const Key&) = default;
    template <class H> friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.ip, key.port);
    }
  };

  void accept(const ListenerConfigPtr& config, net::Fd fd, net::SocketFacts facts, base::Buffer in,
              bool handedOver);
  void connect(const ListenerConfigPtr& config, net::Fd fd, net::SocketFacts facts,
               base::Buffer in);
  void onPendingReady(PendingSocket& socket) override;
  void onPendingClosed(PendingSocket& socket) override;
  void forget(PendingSocket& socket);
  // The listener of a destination: its address, then the wildcard with its port. Null: none.
  const ListenerConfigPtr* findByDestination(const net::Address& destination) const;
  // A socket, pending or connected, of a listener is counted; and no longer.
  bool take(const ListenerConfig& config);
  void release(const ListenerConfig& config);
  void checkDrained();
  // A socket that never became a connection; `unmatched`: since no chain takes it.
  void logUnconnected(const ListenerConfig& config, const net::SocketFacts& facts, bool unmatched);

  proxy::WorkerContext& context_;
  std::vector<Listening> listeners_;
  absl::flat_hash_map<Key, ListenerConfigPtr> byAddress_;
  base::IntrusiveList<PendingSocket, PendingTag> pending_;
  size_t sockets_ = 0; // pending and connected
  std::function<void()> drained_;
};

} // namespace moe::server
