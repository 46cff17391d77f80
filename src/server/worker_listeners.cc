#include "server/worker_listeners.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/time.h"

namespace moe::server {
namespace {

// How long a client that connected before a drain may take to send something.
constexpr base::Milliseconds kSilence{1000};

// Only such an address can be bound to.
bool isOfThisMachine(const net::Address& address) {
  const net::AddressPtr anyPort = address.withPort(0);
  const net::Fd fd(::socket(anyPort->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd.valid() && ::bind(fd.get(), anyPort->sockAddr(), anyPort->sockAddrLength()) == 0;
}

} // namespace

WorkerListeners::WorkerListeners(proxy::WorkerContext& context)
    : context_(context), slices_(context.worker.loop) {}
WorkerListeners::~WorkerListeners() = default;

void WorkerListeners::setAccepting(bool on) {
  accepting_ = on;
  for (const auto& [id, listener] : listeners_) {
    for (const SocketPtr& socket : listener->sockets) {
      on ? socket->listener->resume() : socket->listener->pause();
    }
  }
}

bool WorkerListeners::take(const ListenerConfig& config) {
  const bool tooMany = config.state->connections.fetch_add(1, std::memory_order_relaxed) >=
                       config.connectionLimit.get();
  if (tooMany || !context_.overload.tryTakeConnection()) {
    config.state->connections.fetch_sub(1, std::memory_order_relaxed);
    config.stats.cxOverflow.inc();
    return false;
  }
  ++sockets_;
  return true;
}

void WorkerListeners::release(const ListenerConfig& config) {
  config.state->connections.fetch_sub(1, std::memory_order_relaxed);
  context_.overload.releaseConnection();
  --sockets_;
}

void WorkerListeners::accept(const ActiveListenerPtr& listener, net::Fd fd, net::SocketFacts facts,
                             base::Buffer in, bool handedOver) {
  if (!take(*listener->config)) {
    return; // closes the socket
  }
  if (listener->config->filters.empty()) {
    connect(listener, std::move(fd), std::move(facts), std::move(in));
    return;
  }
  // Owned by itself until it is ready or closed.
  PendingSocket* socket =
      std::make_unique<PendingSocket>(context_.worker, listener, std::move(fd), std::move(facts),
                                      std::move(in), handedOver, *this)
          .release();
  listener->pending.pushBack(*socket);
  socket->start(); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
  if (context_.draining) {
    socket->hurry(kSilence);
  }
}

// Its place in the limits stays taken.
void WorkerListeners::forget(PendingSocket& socket) {
  socket.unlink();
  context_.worker.loop.deferredDelete(std::unique_ptr<PendingSocket>(&socket));
}

void WorkerListeners::onPendingClosed(PendingSocket& socket) {
  const ListenerConfig& config = *socket.listener()->config;
  logUnconnected(config, socket.facts(), /*unmatched=*/false);
  forget(socket);
  release(config);
  checkDrained();
}

void WorkerListeners::onAcceptedClosed(const ActiveListener& listener) {
  release(*listener.config);
  checkDrained();
}

void WorkerListeners::onPendingReady(PendingSocket& socket) {
  const ActiveListenerPtr listener = socket.listener();
  const ListenerConfig& config = *listener->config;
  const Listening* other =
      socket.facts().localRestored ? findByDestination(*socket.facts().local) : nullptr;
  if (other != nullptr && other->active->id == listener->id && config.bindToPort &&
      isOfThisMachine(*socket.facts().local)) {
    // Not redirected: it called this listener itself. To go on to there would never end.
    socket.facts().localRestored = false;
  }
  if (!config.useOriginalDst || socket.handedOver()) {
    other = nullptr;
  }
  forget(socket);
  if (other != nullptr && other->active->id != listener->id) {
    release(config);
    accept(ActiveListenerPtr(other->active), socket.takeFd(), std::move(socket.facts()),
           std::move(socket.in()), /*handedOver=*/true);
  } else {
    connect(listener, socket.takeFd(), std::move(socket.facts()), std::move(socket.in()));
  }
  checkDrained();
}

const WorkerListeners::Listening*
WorkerListeners::findByDestination(const net::Address& destination) const {
  if (!destination.isIp()) {
    return nullptr;
  }
  const net::Ip ip = net::Ip::of(destination);
  const auto at = [&](const net::Ip& address) {
    const auto found = byAddress_.find(Key{address, destination.port()});
    return found == byAddress_.end() ? nullptr : found->second;
  };
  const Listening* found = at(ip);
  if (found == nullptr) {
    found = at(net::Ip{{}, ip.v6});
  }
  if (found == nullptr && !ip.v6) {
    // An IPv6 wildcard may be for IPv4, too.
    found = at(net::Ip{{}, true});
    const auto takesIpv4 = [](const ListenAddress& address) { return address.ipv4Compat; };
    if (found != nullptr) {
      const auto& addresses = found->active->config->addresses;
      if (std::none_of(addresses.begin(), addresses.end(), takesIpv4)) {
        found = nullptr;
      }
    }
  }
  return found;
}

std::shared_ptr<WorkerChain> WorkerListeners::chainAt(ActiveListener& listener, size_t place) {
  std::shared_ptr<WorkerChain>& chain = listener.chains[place];
  if (chain == nullptr && listener.config->chainAt(place) != nullptr) {
    chain = std::make_shared<WorkerChain>(listener.config->chainAt(place), context_.worker.loop,
                                          slices_);
    chains_.pushBack(*chain);
    if (listener.deadline.has_value()) {
      chain->drain(*listener.deadline);
    }
  }
  return chain;
}

void WorkerListeners::connect(const ActiveListenerPtr& listener, net::Fd fd, net::SocketFacts facts,
                              base::Buffer in) {
  const ListenerConfig& config = *listener->config;
  std::shared_ptr<WorkerChain> of = chainAt(*listener, config.placeFor(facts));
  if (of == nullptr) {
    config.stats.noFilterChainMatch.inc();
    logUnconnected(config, facts, /*unmatched=*/true);
    release(config);
    return; // closes the socket
  }
  const FilterChain& chain = of->chain();
  auto connection = std::make_unique<net::Connection>(context_.worker, std::move(fd), facts.local,
                                                      facts.remote, std::move(in));
  if (facts.any()) {
    connection->setSocketFacts(std::make_shared<const net::SocketFacts>(std::move(facts)));
  }
  if (chain.transport != nullptr) {
    connection->setTransportSocket(chain.transport->create(context_.worker.index,
                                                           connection->localAddress().get(),
                                                           connection->remoteAddress().get()),
                                   chain.handshakeTimeout);
  }
  connection->setBufferLimit(config.bufferLimit);
  connection->setId((context_.nextConnectionId++ << 10) | context_.worker.index);
  Accepted* accepted =
      std::make_unique<Accepted>(context_, listener, std::move(of), std::move(connection), *this)
          .release();
  accepted->start(); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
}

void WorkerListeners::logUnconnected(const ListenerConfig& config, const net::SocketFacts& facts,
                                     bool unmatched) {
  if (config.accessLogs.empty()) {
    return;
  }
  http::StreamInfo info;
  info.startNanos = info.responseCompleteNanos = base::monotonicNanos();
  info.startWallNanos = base::wallNanos();
  info.setDownstream(facts.local, facts.remote, std::make_shared<const net::SocketFacts>(facts));
  if (unmatched) {
    info.setFlag(http::ResponseFlag::NoRouteFound);
    info.responseCodeDetails = "filter_chain_not_found";
  }
  for (const proxy::AccessLogPtr& log : config.accessLogs) {
    log->log({info}, context_.worker.index);
  }
}

void WorkerListeners::drain(std::function<void()> drained) {
  context_.draining = true;
  active_.forEach([this](ActiveListener& listener) {
    drain(listener, WorkerChain::kNever); // the process ends with its drain time
    listener.pending.forEach([](PendingSocket& socket) { socket.hurry(kSilence); });
  });
  chains_.forEach([](WorkerChain& chain) { chain.drain(WorkerChain::kNever); });
  // These have not been idle: they are served, and end with their first answer.
  for (const auto& [id, listener] : listeners_) {
    close(listener->sockets);
  }
  drained_ = std::move(drained);
  checkDrained();
}

void WorkerListeners::checkDrained() {
  if (sockets_ == 0 && closing_ == 0 && drained_) {
    std::exchange(drained_, nullptr)();
  }
}

void WorkerListeners::closeAll() {
  drained_ = nullptr;
  slices_.clear();
  closing_ = 0;
  for (const auto& [id, listener] : listeners_) {
    listener->sockets.clear();
  }
  active_.forEach([](ActiveListener& listener) {
    while (!listener.pending.empty()) {
      listener.pending.front().close();
    }
  });
  chains_.forEach([](WorkerChain& chain) { chain.closeAll(); });
}

} // namespace moe::server
