#include "server/worker_thread.h"

namespace moe::server {
namespace {

// How long a client that connected before a drain may take to send something.
constexpr base::Milliseconds kSilence{1000};

} // namespace

// An accepted connection, from accept to close.
class WorkerThread::Accepted final : public net::ConnectionCallbacks,
                                     public event::DeferredDeletable {
public:
  Accepted(WorkerThread& thread, ListenerConfigPtr config,
           std::unique_ptr<net::Connection> connection)
      : thread_(thread), config_(std::move(config)), connection_(std::move(connection)) {
    config_->stats.cxTotal.inc();
    config_->stats.cxActive.inc();
    for (const auto& factory : config_->filters) {
      connection_->addReadFilter(factory->createFilter(thread_.context_));
    }
    connection_->addCallbacks(this);
    if (thread_.context_.draining) {
      // It was told nothing of the drain, and would hold it up if it never said anything.
      silence_ = thread_.worker_.loop.createTimer([this] {
        if (!gone_ && connection_->bytesReceived() == 0 && connection_->bytesSent() == 0) {
          connection_->close(net::CloseType::FlushWrite);
        }
      });
      silence_->enable(kSilence);
    }
  }
  net::Connection& connection() { return *connection_; }

  void onConnectionEvent(net::ConnectionEvent event) override {
    if (event == net::ConnectionEvent::Connected || std::exchange(gone_, true)) {
      return;
    }
    config_->connections.fetch_sub(1, std::memory_order_relaxed);
    config_->stats.cxActive.dec();
    config_->stats.cxDestroy.inc();
    thread_.connectionGone(*this);
  }
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}

private:
  WorkerThread& thread_;
  ListenerConfigPtr config_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<event::Timer> silence_;
  bool gone_ = false;
};

WorkerThread::WorkerThread(uint32_t index, upstream::ClusterManager& clusters,
                           proxy::OverloadState& overload)
    : worker_(index), context_(worker_, overload) {
  context_.clusters = clusters.createWorkerClusters(worker_, context_.headers);
}

WorkerThread::~WorkerThread() { stop(); }

void WorkerThread::addListener(ListenerConfigPtr config, net::Fd socket, net::AddressPtr address) {
  listeners_.push_back(std::make_unique<net::Listener>(
      worker_.loop, std::move(socket), std::move(address),
      [this, config = std::move(config)](net::Fd fd, net::AddressPtr local,
                                         net::AddressPtr remote) {
        accept(config, std::move(fd), std::move(local), std::move(remote));
      }));
}

void WorkerThread::start() {
  thread_ = std::thread([this] { worker_.loop.run(); });
}

void WorkerThread::setAccepting(bool on) {
  worker_.loop.post([this, on] {
    for (auto& listener : listeners_) {
      on ? listener->resume() : listener->pause();
    }
  });
}

void WorkerThread::accept(const ListenerConfigPtr& config, net::Fd fd, net::AddressPtr local,
                          net::AddressPtr remote) {
  const bool tooMany =
      config->connections.fetch_add(1, std::memory_order_relaxed) >= config->connectionLimit;
  if (tooMany || !context_.overload.tryTakeConnection()) {
    config->connections.fetch_sub(1, std::memory_order_relaxed);
    config->stats.cxOverflow.inc();
    return; // closes the socket
  }
  auto connection = std::make_unique<net::Connection>(worker_, std::move(fd), std::move(local),
                                                      std::move(remote));
  connection->setBufferLimit(config->bufferLimit);
  connection->setId((context_.nextConnectionId++ << 10) | worker_.index);
  ++connections_;
  // Owned by itself until its connection is gone.
  Accepted* accepted = std::make_unique<Accepted>(*this, config, std::move(connection)).release();
  accepted->connection().start(); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
}

void WorkerThread::connectionGone(Accepted& connection) {
  context_.overload.releaseConnection();
  worker_.loop.deferredDelete(std::unique_ptr<Accepted>(&connection));
  if (--connections_ == 0 && drained_) {
    std::exchange(drained_, nullptr)();
  }
}

void WorkerThread::drain(std::function<void()> drained) {
  worker_.loop.post([this, drained = std::move(drained)]() mutable {
    context_.draining = true;
    context_.connections.forEach([](proxy::Drainable& connection) { connection.onDrain(); });
    // These have not been idle: they are served, and end with their first answer.
    for (auto& listener : listeners_) {
      listener->acceptPending();
    }
    listeners_.clear();
    if (connections_ == 0) {
      drained();
      return;
    }
    drained_ = std::move(drained);
  });
}

void WorkerThread::stop() {
  if (!thread_.joinable()) {
    return;
  }
  worker_.loop.post([this] {
    listeners_.clear();
    drained_ = nullptr;
    while (!context_.connections.empty()) {
      proxy::Drainable& connection = context_.connections.front();
      connection.unlink();
      connection.closeNow();
    }
    worker_.loop.stop();
  });
  thread_.join();
  // Pools and clusters end on this thread now that theirs is over.
  context_.clusters = nullptr;
  worker_.loop.runOnce();
}

} // namespace moe::server
