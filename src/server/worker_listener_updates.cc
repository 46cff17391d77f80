#include <algorithm>

#include "server/worker_listeners.h"

namespace moe::server {
namespace {

constexpr int kASlice = 32; // connections

} // namespace

uint64_t WorkerListeners::after(base::Milliseconds time) const {
  return context_.worker.loop.nowMs() + static_cast<uint64_t>(time.count());
}

void WorkerListeners::update(ListenerUpdate update) {
  std::unique_ptr<Listening>& place = listeners_[update.listener];
  if (place == nullptr) {
    place = std::make_unique<Listening>();
  }
  serve(*place, update);
  replaceSockets(*place, update);
  unindex(*place);
  index(*place);
}

void WorkerListeners::serve(Listening& at, const ListenerUpdate& update) {
  // Under a count of its own, which no other worker touches.
  ListenerConfigPtr config(update.config.get(), [owner = update.config](const void*) {});
  const uint64_t deadline = after(update.drainTime);
  if (at.active != nullptr && update.same != nullptr) {
    replaceChains(*at.active, std::move(config), *update.same, deadline);
    return;
  }
  const ActiveListenerPtr before = std::move(at.active);
  at.active = std::make_shared<ActiveListener>(update.listener, std::move(config));
  active_.pushBack(*at.active);
  for (const SocketPtr& socket : at.sockets) {
    socket->target = at.active;
    socket->listener->setPerTurn(update.config->accepting.perTurn);
  }
  if (before != nullptr) {
    drain(*before, deadline);
  }
}

void WorkerListeners::replaceChains(ActiveListener& active, ListenerConfigPtr config,
                                    const std::vector<size_t>& same, uint64_t deadline) {
  std::vector<std::shared_ptr<WorkerChain>> before = std::move(active.chains);
  active.chains.clear();
  for (const size_t place : same) {
    active.chains.push_back(place == ListenerUpdate::kNewChain ? nullptr
                                                               : std::move(before[place]));
  }
  active.config = std::move(config);
  for (const auto& gone : before) {
    if (gone != nullptr) {
      gone->drain(deadline);
    }
  }
}

void WorkerListeners::replaceSockets(Listening& at, ListenerUpdate& update) {
  const auto goesOn = [&](const SocketPtr& socket) {
    return std::find(update.sockets.begin(), update.sockets.end(), socket->id) !=
           update.sockets.end();
  };
  const auto firstGone = std::partition(at.sockets.begin(), at.sockets.end(), goesOn);
  std::vector<SocketPtr> gone(std::make_move_iterator(firstGone),
                              std::make_move_iterator(at.sockets.end()));
  at.sockets.erase(firstGone, at.sockets.end());
  for (ListenSocket& added : update.added) {
    auto socket = std::make_shared<Socket>();
    socket->id = added.id;
    socket->target = at.active;
    socket->shared = std::move(added.shared);
    socket->listener = std::make_unique<net::Listener>(
        context_.worker.loop, std::move(added.fd), std::move(added.address),
        [this, to = socket.get()](net::Fd fd, net::AddressPtr local,
                                  const net::AddressPtr& remote) {
          net::SocketFacts facts;
          facts.local = std::move(local);
          facts.remote = facts.directRemote = remote;
          // A copy: its filters may take long, and it may be replaced meanwhile.
          accept(ActiveListenerPtr(to->target), std::move(fd), std::move(facts), {},
                 /*handedOver=*/false);
        },
        update.config->accepting);
    if (!accepting_) {
      socket->listener->pause();
    }
    at.sockets.push_back(std::move(socket));
  }
  close(gone);
  if (context_.draining) {
    close(at.sockets);
  }
}

void WorkerListeners::index(Listening& at) {
  const auto findable = [&](const net::Address& address) {
    if (address.isIp()) {
      const Key key{net::Ip::of(address), address.port()};
      byAddress_.insert_or_assign(key, &at);
      at.keys.push_back(key);
    }
  };
  if (!at.active->config->bindToPort) {
    for (const ListenAddress& address : at.active->config->addresses) {
      findable(*address.address);
    }
  }
  for (const SocketPtr& socket : at.sockets) {
    findable(*socket->listener->address());
  }
}

void WorkerListeners::unindex(Listening& at) {
  for (const Key& key : at.keys) {
    const auto found = byAddress_.find(key);
    if (found != byAddress_.end() && found->second == &at) { // else another one has taken it over
      byAddress_.erase(found);
    }
  }
  at.keys.clear();
}

void WorkerListeners::remove(uint64_t listener, base::Milliseconds drainTime) {
  const auto found = listeners_.find(listener);
  if (found == listeners_.end()) {
    return;
  }
  const std::unique_ptr<Listening> gone = std::move(found->second);
  listeners_.erase(found);
  unindex(*gone);
  close(gone->sockets);
  drain(*gone->active, after(drainTime));
}

// What waits in a socket would be reset: it is taken first, a slice a turn.
void WorkerListeners::close(std::vector<SocketPtr>& sockets) {
  for (SocketPtr& socket : sockets) {
    ++closing_;
    slices_.add([this, socket = std::move(socket), left = net::Listener::kQueue]() mutable {
      left -= kASlice;
      if (socket->listener->acceptPending(kASlice) && left > 0) {
        return true;
      }
      socket = nullptr;
      --closing_;
      checkDrained();
      return false;
    });
  }
  sockets.clear();
}

void WorkerListeners::drain(ActiveListener& listener, uint64_t deadline) {
  listener.deadline = std::min(deadline, listener.deadline.value_or(deadline));
  for (const auto& chain : listener.chains) {
    if (chain != nullptr) {
      chain->drain(*listener.deadline);
    }
  }
  if (*listener.deadline == WorkerChain::kNever) {
    return;
  }
  listener.timer = context_.worker.loop.createTimer([&listener] {
    while (!listener.pending.empty()) {
      listener.pending.front().close();
    }
  });
  const uint64_t now = context_.worker.loop.nowMs();
  listener.timer->enable(
      base::Milliseconds(*listener.deadline > now ? *listener.deadline - now : 0));
}

} // namespace moe::server
