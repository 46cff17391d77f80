#include "proxy/connection_manager.h"

#include "base/strings.h"

namespace moe::proxy {

ConnectionManager::ConnectionManager(std::shared_ptr<const HcmConfig> config,
                                     WorkerContext& context)
    : config_(std::move(config)), context_(context) {}

ConnectionManager::~ConnectionManager() {
  while (!streams_.empty()) { // the connection is destroyed without having been closed
    Stream& stream = streams_.front();
    stream.onResetStream(http::ResetReason::ConnectionTermination, "");
  }
}

void ConnectionManager::initialize(net::Connection& connection) {
  connection_ = &connection;
  connection.addCallbacks(this);
  connection.enableHalfClose(true); // the codec knows what an end means
  connection.setDelayedCloseTimeout(config_->delayedCloseTimeout);
  codec_ = http::createHttp1Server({context_.worker, context_.headers}, connection, *this,
                                   config_->http1);
  connection.setStats({&config_->stats.cxRxBytes, &config_->stats.cxTxBytes});
}

net::FilterStatus ConnectionManager::onNewConnection() {
  counted_ = true;
  HcmStats& stats = config_->stats;
  stats.cxTotal.inc();
  stats.cxActive.inc();
  stats.cxHttp1Total.inc();
  stats.cxHttp1Active.inc();
  context_.connections.pushBack(*this);
  armIdleTimer();
  return net::FilterStatus::Continue;
}

void ConnectionManager::armIdleTimer() {
  if (!config_->idleTimeout.has_value()) {
    return;
  }
  if (idleTimer_ == nullptr) {
    idleTimer_ = context_.worker.loop.createTimer([this] {
      config_->stats.cxIdleTimeout.inc();
      connection_->close(net::CloseType::FlushWrite);
    });
  }
  idleTimer_->enable(*config_->idleTimeout);
}

net::FilterStatus ConnectionManager::onData(base::Buffer& data, bool endStream) {
  const absl::Status status = codec_->dispatch(data, endStream);
  if (!status.ok() && !connection_->closed()) {
    codec_->onConnectionClosed(http::ResetReason::ProtocolError, base::message(status));
    connection_->close(net::CloseType::FlushWriteAndDelay);
  }
  return net::FilterStatus::StopIteration;
}

http::RequestDecoder& ConnectionManager::newStream(http::ResponseEncoder& encoder) {
  if (idleTimer_ != nullptr) {
    idleTimer_->disable();
  }
  ++requests_;
  if (config_->maxRequestsPerConnection != 0 && requests_ >= config_->maxRequestsPerConnection) {
    draining_ = true;
  }
  auto stream = std::make_unique<Stream>(*this, encoder);
  Stream* made = stream.release(); // owned by the list until streamFinished
  streams_.pushBack(*made);
  return *made;
}

void ConnectionManager::streamFinished(Stream& stream) {
  stream.unlink();
  context_.worker.loop.deferredDelete(std::unique_ptr<Stream>(&stream));
  if (streams_.empty() && !connection_->closed()) {
    armIdleTimer();
  }
}

void ConnectionManager::onProtocolError(uint32_t status, std::string_view details) {
  config_->stats.cxProtocolError.inc();
  if (streams_.empty()) {
    // No stream was made: the request counts all the same.
    config_->stats.rqTotal.inc();
    (status >= 500 ? config_->stats.rq5xx : config_->stats.rq4xx).inc();
  }
  MOE_LOG(*config_->logger, debug, "[C{}] protocol error: {} ({})", connection_->id(), details,
          status);
}

void ConnectionManager::onConnectionEvent(net::ConnectionEvent event) {
  if (event == net::ConnectionEvent::Connected || !std::exchange(counted_, false)) {
    return;
  }
  unlink();
  idleTimer_ = nullptr;
  HcmStats& stats = config_->stats;
  stats.cxActive.dec();
  stats.cxHttp1Active.dec();
  stats.cxDestroy.inc();
  (event == net::ConnectionEvent::RemoteClose ? stats.cxDestroyRemote : stats.cxDestroyLocal).inc();
  codec_->onConnectionClosed(http::ResetReason::ConnectionTermination, "connection_termination");
}

void ConnectionManager::onDrain() {
  codec_->goAway();
  if (streams_.empty()) {
    config_->stats.cxDrainClose.inc();
    connection_->close(net::CloseType::FlushWriteAndDelay);
  }
}

} // namespace moe::proxy
