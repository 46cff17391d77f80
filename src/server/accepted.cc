#include "server/accepted.h"

#include "base/time.h"

namespace moe::server {
namespace {

// How long a client that connected before a drain may take to send something.
constexpr base::Milliseconds kSilence{1000};

} // namespace

Accepted::Accepted(proxy::WorkerContext& context, ActiveListenerPtr listener,
                   std::shared_ptr<WorkerChain> chain, std::unique_ptr<net::Connection> connection,
                   AcceptedCallbacks& callbacks)
    : context_(context), listener_(std::move(listener)), chain_(std::move(chain)),
      callbacks_(callbacks), connection_(std::move(connection)) {
  const ListenerConfig& config = *listener_->config;
  config.stats.cxTotal.inc();
  config.stats.cxActive.inc();
  for (const auto& factory : chain_->chain().filters) {
    auto filter = factory->createFilter(context_);
    terminal_ = filter.get();
    connection_->addReadFilter(std::move(filter));
  }
  connection_->addCallbacks(this);
  if (!config.accessLogs.empty()) {
    startNanos_ = base::monotonicNanos();
    startWallNanos_ = base::wallNanos();
  }
  chain_->add(*this);
}

void Accepted::start() {
  if (terminal_ == nullptr) {
    connection_->close(net::CloseType::NoFlush); // nobody would read it
    return;
  }
  if (context_.draining || chain_->draining()) {
    watchSilence();
  }
  connection_->start();
  if (chain_->draining() && !gone_) {
    drain();
  }
}

// It was told nothing when the drain began, and would hold it up if it never said anything.
void Accepted::watchSilence() {
  silence_ = context_.worker.loop.createTimer([this] {
    if (!gone_ && connection_->bytesReceived() == 0 && connection_->bytesSent() == 0) {
      connection_->close(net::CloseType::FlushWrite);
    }
  });
  silence_->enable(kSilence);
}

// Only here is the filter asked what it is: accepting costs nothing for it.
void Accepted::drain() {
  if (auto* drainable = dynamic_cast<proxy::Drainable*>(terminal_)) {
    drainable->onDrain();
  }
}

void Accepted::onConnectionEvent(net::ConnectionEvent event) {
  if (event == net::ConnectionEvent::Connected || std::exchange(gone_, true)) {
    return;
  }
  log();
  const ListenerConfig& config = *listener_->config;
  if (connection_->handshakeTimedOut()) {
    config.stats.cxHandshakeTimeout.inc();
  }
  config.stats.cxActive.dec();
  config.stats.cxDestroy.inc();
  unlink();
  context_.worker.loop.deferredDelete(std::unique_ptr<Accepted>(this));
  callbacks_.onAcceptedClosed(*listener_);
}

void Accepted::log() const {
  const ListenerConfig& config = *listener_->config;
  if (config.accessLogs.empty()) {
    return;
  }
  http::StreamInfo info;
  info.startNanos = startNanos_;
  info.startWallNanos = startWallNanos_;
  info.responseCompleteNanos = base::monotonicNanos();
  info.connectionId = connection_->id();
  info.bytesReceived = connection_->bytesReceived();
  info.bytesSent = connection_->bytesSent();
  info.filterChainName = chain_->chain().name;
  info.setDownstream(connection_->localAddress(), connection_->remoteAddress(),
                     connection_->socketFacts());
  info.downstreamTls = connection_->tlsPeer();
  info.downstreamFailureReason = connection_->failureReason();
  for (const proxy::AccessLogPtr& log : config.accessLogs) {
    log->log({info}, context_.worker.index);
  }
}

} // namespace moe::server
