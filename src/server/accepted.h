#pragma once

#include "net/connection.h"
#include "proxy/worker_context.h"
#include "server/active_listener.h"

namespace moe::server {

// Told when an accepted connection has closed.
class AcceptedCallbacks {
public:
  virtual void onAcceptedClosed(const ActiveListener& listener) = 0;

protected:
  ~AcceptedCallbacks() = default;
};

// An accepted connection, from its filter chain to its close; then it deletes itself, at the end of
// the turn. On the worker.
class Accepted final : public net::ConnectionCallbacks,
                       public event::DeferredDeletable,
                       public ChainMember {
public:
  Accepted(proxy::WorkerContext& context, ActiveListenerPtr listener,
           std::shared_ptr<WorkerChain> chain, std::unique_ptr<net::Connection> connection,
           AcceptedCallbacks& callbacks);

  void start();

  // ChainMember
  void drain() override;
  void closeNow() override { connection_->close(net::CloseType::NoFlush); }
  // net::ConnectionCallbacks
  void onConnectionEvent(net::ConnectionEvent event) override;
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}

private:
  void watchSilence();
  void log() const;

  proxy::WorkerContext& context_;
  ActiveListenerPtr listener_;
  std::shared_ptr<WorkerChain> chain_;
  AcceptedCallbacks& callbacks_;
  std::unique_ptr<net::Connection> connection_;
  net::ReadFilter* terminal_ = nullptr; // the connection's
  std::unique_ptr<event::Timer> silence_;
  int64_t startNanos_ = 0; // for the log
  int64_t startWallNanos_ = 0;
  bool gone_ = false;
};

} // namespace moe::server
