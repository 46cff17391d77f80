#include "server/worker_listeners.h"

#include <sys/socket.h>

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

// An accepted connection, from its filter chain to its close. Owned by itself.
class WorkerListeners::Accepted final : public net::ConnectionCallbacks,
                                        public event::DeferredDeletable {
public:
  Accepted(WorkerListeners& listeners, ListenerConfigPtr config, FilterChainPtr chain,
           std::unique_ptr<net::Connection> connection)
      : listeners_(listeners), config_(std::move(config)), chain_(std::move(chain)),
        connection_(std::move(connection)) {
    config_->stats.cxTotal.inc();
    config_->stats.cxActive.inc();
    proxy::WorkerContext& context = listeners_.context_;
    for (const auto& factory : chain_->filters) {
      connection_->addReadFilter(factory->createFilter(context));
    }
    connection_->addCallbacks(this);
    if (!config_->accessLogs.empty()) {
      startNanos_ = base::monotonicNanos();
      startWallNanos_ = base::wallNanos();
    }
    if (context.draining) {
      // It was told nothing of the drain, and would hold it up if it never said anything.
      silence_ = context.worker.loop.createTimer([this] {
        if (!gone_ && connection_->bytesReceived() == 0 && connection_->bytesSent() == 0) {
          connection_->close(net::CloseType::FlushWrite);
        }
      });
      silence_->enable(kSilence);
    }
  }

  void start() {
    if (chain_->filters.empty()) {
      connection_->close(net::CloseType::NoFlush); // nobody would read it
      return;
    }
    connection_->start();
  }

  void onConnectionEvent(net::ConnectionEvent event) override {
    if (event == net::ConnectionEvent::Connected || std::exchange(gone_, true)) {
      return;
    }
    log();
    if (connection_->handshakeTimedOut()) {
      config_->stats.cxHandshakeTimeout.inc();
    }
    config_->stats.cxActive.dec();
    config_->stats.cxDestroy.inc();
    event::Loop& loop = listeners_.context_.worker.loop;
    loop.deferredDelete(std::unique_ptr<Accepted>(this));
    listeners_.release(*config_);
    listeners_.checkDrained();
  }
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}

private:
  void log() const {
    if (config_->accessLogs.empty()) {
      return;
    }
    http::StreamInfo info;
    info.startNanos = startNanos_;
    info.startWallNanos = startWallNanos_;
    info.responseCompleteNanos = base::monotonicNanos();
    info.connectionId = connection_->id();
    info.bytesReceived = connection_->bytesReceived();
    info.bytesSent = connection_->bytesSent();
    info.filterChainName = chain_->name;
    info.setDownstream(connection_->localAddress(), connection_->remoteAddress(),
                       connection_->socketFacts());
    info.downstreamTls = connection_->tlsPeer();
    info.downstreamFailureReason = connection_->failureReason();
    for (const proxy::AccessLogPtr& log : config_->accessLogs) {
      log->log({info}, listeners_.context_.worker.index);
    }
  }

  WorkerListeners& listeners_;
  ListenerConfigPtr config_;
  FilterChainPtr chain_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<event::Timer> silence_;
  int64_t startNanos_ = 0; // for the log
  int64_t startWallNanos_ = 0;
  bool gone_ = false;
};

WorkerListeners::WorkerListeners(proxy::WorkerContext& context) : context_(context) {}
WorkerListeners::~WorkerListeners() = default;

void WorkerListeners::add(const ListenerConfigPtr& config, std::vector<ListenSocket> sockets) {
  Listening added{config, {}};
  const auto findable = [&](const net::Address& address) {
    if (address.isIp()) {
      byAddress_.insert_or_assign(Key{net::Ip::of(address), address.port()}, config);
    }
  };
  if (sockets.empty()) {
    for (const ListenAddress& address : config->addresses) {
      findable(*address.address);
    }
  }
  for (ListenSocket& socket : sockets) {
    findable(*socket.address);
    added.sockets.push_back(std::make_unique<net::Listener>(
        context_.worker.loop, std::move(socket.fd), std::move(socket.address),
        [this, config](net::Fd fd, net::AddressPtr local, const net::AddressPtr& remote) {
          net::SocketFacts facts;
          facts.local = std::move(local);
          facts.remote = facts.directRemote = remote;
          accept(config, std::move(fd), std::move(facts), {}, /*handedOver=*/false);
        },
        config->accepting));
  }
  listeners_.push_back(std::move(added));
}

void WorkerListeners::setAccepting(bool on) {
  for (Listening& listener : listeners_) {
    for (auto& socket : listener.sockets) {
      on ? socket->resume() : socket->pause();
    }
  }
}

bool WorkerListeners::take(const ListenerConfig& config) {
  const bool tooMany =
      config.connections.fetch_add(1, std::memory_order_relaxed) >= config.connectionLimit;
  if (tooMany || !context_.overload.tryTakeConnection()) {
    config.connections.fetch_sub(1, std::memory_order_relaxed);
    config.stats.cxOverflow.inc();
    return false;
  }
  ++sockets_;
  return true;
}

void WorkerListeners::release(const ListenerConfig& config) {
  config.connections.fetch_sub(1, std::memory_order_relaxed);
  context_.overload.releaseConnection();
  --sockets_;
}

void WorkerListeners::accept(const ListenerConfigPtr& config, net::Fd fd, net::SocketFacts facts,
                             base::Buffer in, bool handedOver) {
  if (!take(*config)) {
    return; // closes the socket
  }
  if (config->filters.empty()) {
    connect(config, std::move(fd), std::move(facts), std::move(in));
    return;
  }
  // Owned by itself until it is ready or closed.
  PendingSocket* socket =
      std::make_unique<PendingSocket>(context_.worker, config, std::move(fd), std::move(facts),
                                      std::move(in), handedOver, *this)
          .release();
  pending_.pushBack(*socket);
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
  logUnconnected(*socket.config(), socket.facts(), /*unmatched=*/false);
  forget(socket);
  release(*socket.config());
  checkDrained();
}

void WorkerListeners::onPendingReady(PendingSocket& socket) {
  const ListenerConfigPtr config = socket.config();
  const ListenerConfigPtr* other =
      socket.facts().localRestored ? findByDestination(*socket.facts().local) : nullptr;
  if (other != nullptr && *other == config && config->bindToPort &&
      isOfThisMachine(*socket.facts().local)) {
    // Not redirected: it called this listener itself. To go on to there would never end.
    socket.facts().localRestored = false;
  }
  if (!config->useOriginalDst || socket.handedOver()) {
    other = nullptr;
  }
  forget(socket);
  if (other != nullptr && *other != config) {
    release(*config);
    accept(*other, socket.takeFd(), std::move(socket.facts()), std::move(socket.in()),
           /*handedOver=*/true);
  } else {
    connect(config, socket.takeFd(), std::move(socket.facts()), std::move(socket.in()));
  }
  checkDrained();
}

const ListenerConfigPtr* WorkerListeners::findByDestination(const net::Address& destination) const {
  if (!destination.isIp()) {
    return nullptr;
  }
  const net::Ip ip = net::Ip::of(destination);
  const auto at = [&](const net::Ip& address) {
    const auto found = byAddress_.find(Key{address, destination.port()});
    return found == byAddress_.end() ? nullptr : &found->second;
  };
  const ListenerConfigPtr* found = at(ip);
  if (found == nullptr) {
    found = at(net::Ip{{}, ip.v6});
  }
  if (found == nullptr && !ip.v6) {
    // An IPv6 wildcard may be for IPv4, too.
    found = at(net::Ip{{}, true});
    const auto takesIpv4 = [](const ListenAddress& address) { return address.ipv4Compat; };
    if (found != nullptr &&
        std::none_of((*found)->addresses.begin(), (*found)->addresses.end(), takesIpv4)) {
      found = nullptr;
    }
  }
  return found;
}

void WorkerListeners::connect(const ListenerConfigPtr& config, net::Fd fd, net::SocketFacts facts,
                              base::Buffer in) {
  const FilterChainPtr& chain = config->chainFor(facts);
  if (chain == nullptr) {
    config->stats.noFilterChainMatch.inc();
    logUnconnected(*config, facts, /*unmatched=*/true);
    release(*config);
    return; // closes the socket
  }
  auto connection = std::make_unique<net::Connection>(context_.worker, std::move(fd), facts.local,
                                                      facts.remote, std::move(in));
  if (facts.any()) {
    connection->setSocketFacts(std::make_shared<const net::SocketFacts>(std::move(facts)));
  }
  if (chain->transport != nullptr) {
    connection->setTransportSocket(chain->transport->create(context_.worker.index,
                                                            connection->localAddress().get(),
                                                            connection->remoteAddress().get()),
                                   chain->handshakeTimeout);
  }
  connection->setBufferLimit(config->bufferLimit);
  connection->setId((context_.nextConnectionId++ << 10) | context_.worker.index);
  Accepted* accepted =
      std::make_unique<Accepted>(*this, config, chain, std::move(connection)).release();
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
  context_.connections.forEach([](proxy::Drainable& connection) { connection.onDrain(); });
  pending_.forEach([](PendingSocket& socket) { socket.hurry(kSilence); });
  // These have not been idle: they are served, and end with their first answer.
  for (Listening& listener : listeners_) {
    for (auto& socket : listener.sockets) {
      socket->acceptPending();
    }
    listener.sockets.clear();
  }
  drained_ = std::move(drained);
  checkDrained();
}

void WorkerListeners::checkDrained() {
  if (sockets_ == 0 && drained_) {
    std::exchange(drained_, nullptr)();
  }
}

void WorkerListeners::closeAll() {
  drained_ = nullptr;
  for (Listening& listener : listeners_) {
    listener.sockets.clear();
  }
  while (!pending_.empty()) {
    pending_.front().close();
  }
  while (!context_.connections.empty()) {
    proxy::Drainable& connection = context_.connections.front();
    connection.unlink();
    connection.closeNow();
  }
}

} // namespace moe::server
