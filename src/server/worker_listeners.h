#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/listener.h"
#include "net/prefix.h"
#include "server/accepted.h"
#include "server/exclusive_socket.h"

namespace moe::server {

// A listening socket of one worker.
struct ListenSocket {
  uint64_t id; // of this address of the listener, for all workers
  net::Fd fd;
  net::AddressPtr address;        // as bound
  ExclusiveSocketPtr shared = {}; // of those that workers share
};

// What a worker is told of a listener that is new or has changed.
struct ListenerUpdate {
  uint64_t listener; // it keeps this number
  ListenerConfigPtr config;
  // All that it has from now on, by id: those that are added, and those that go on.
  std::vector<uint64_t> sockets = {};
  std::vector<ListenSocket> added = {};
  // If only filter chains have changed: for each place (the default chain's is the last) where the
  // same chain was before, or kNewChain. Null: everything is new.
  std::shared_ptr<const std::vector<size_t>> same = nullptr;
  base::Milliseconds drainTime{0}; // of what is replaced

  static constexpr size_t kNewChain = SIZE_MAX;
};

// The listeners of one worker: their sockets, what was accepted and is looked at by their filters,
// and their connections. On the worker's thread.
class WorkerListeners final : public PendingCallbacks, public AcceptedCallbacks {
public:
  explicit WorkerListeners(proxy::WorkerContext& context);
  ~WorkerListeners();
  WorkerListeners(const WorkerListeners&) = delete;
  WorkerListeners& operator=(const WorkerListeners&) = delete;

  // What changes drains, for at most its time; the connections of chains that are the same do not
  // notice.
  void update(ListenerUpdate update);
  // Its sockets close when what waits in them is taken; its connections drain.
  void remove(uint64_t listener, base::Milliseconds drainTime);
  // Of sockets that come later, too.
  void setAccepting(bool on);
  // Stops accepting, takes what waits, and asks every connection to end; `drained` is called when
  // none is left, maybe at once. Listeners that come later do not accept.
  void drain(std::function<void()> drained);
  // Closes everything now.
  void closeAll();

private:
  struct Key {
    net::Ip ip;
    uint16_t port;
    friend bool operator==(const Key&, const Key&) = default;
    template <class H> friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.ip, key.port);
    }
  };
  // A listening socket, which outlives configurations.
  struct Socket {
    uint64_t id;
    ActiveListenerPtr target; // gets what it accepts
    ExclusiveSocketPtr shared;
    std::unique_ptr<net::Listener> listener; // first to end
  };
  using SocketPtr = std::shared_ptr<Socket>;
  struct Listening {
    ActiveListenerPtr active;
    std::vector<SocketPtr> sockets;
    std::vector<Key> keys; // in byAddress_
  };

  void serve(Listening& at, const ListenerUpdate& update);
  void replaceChains(ActiveListener& active, ListenerConfigPtr config,
                     const std::vector<size_t>& same, uint64_t deadline);
  void replaceSockets(Listening& at, ListenerUpdate& update);
  void index(Listening& at);
  void unindex(Listening& at);
  void close(std::vector<SocketPtr>& sockets);
  void drain(ActiveListener& listener, uint64_t deadline);
  uint64_t after(base::Milliseconds time) const;

  void accept(const ActiveListenerPtr& listener, net::Fd fd, net::SocketFacts facts,
              base::Buffer in, bool handedOver);
  void connect(const ActiveListenerPtr& listener, net::Fd fd, net::SocketFacts facts,
               base::Buffer in);
  // Null: there is no chain at this place.
  std::shared_ptr<WorkerChain> chainAt(ActiveListener& listener, size_t place);
  void onPendingReady(PendingSocket& socket) override;
  void onPendingClosed(PendingSocket& socket) override;
  void onAcceptedClosed(const ActiveListener& listener) override;
  void forget(PendingSocket& socket);
  // The listener of a destination: its address, then the wildcard with its port. Null: none.
  const Listening* findByDestination(const net::Address& destination) const;
  // A socket, pending or connected, of a listener is counted; and no longer.
  bool take(const ListenerConfig& config);
  void release(const ListenerConfig& config);
  void checkDrained();
  // A socket that never became a connection; `unmatched`: since no chain takes it.
  void logUnconnected(const ListenerConfig& config, const net::SocketFacts& facts, bool unmatched);

  proxy::WorkerContext& context_;
  Slices slices_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Listening>> listeners_;
  absl::flat_hash_map<Key, const Listening*> byAddress_;
  base::IntrusiveList<ActiveListener, ActiveListenerTag> active_; // those that drain, too
  base::IntrusiveList<WorkerChain, WorkerChainTag> chains_;
  size_t sockets_ = 0; // pending and connected
  size_t closing_ = 0; // listening sockets, about to
  bool accepting_ = true;
  std::function<void()> drained_;
};

} // namespace moe::server
