#include "proxy/connection_manager.h"

#include "base/strings.h"
#include "tls/peer.h"

namespace moe::proxy {
namespace {

// A drain waits this long for the first request of a connection.
constexpr base::Milliseconds kSilentPatience{1000};

// Up to a share of the time longer, so that connections that began together do not end together.
base::Milliseconds withJitter(base::Milliseconds time, config::Fraction share,
                              base::Random& random) {
  const double most = static_cast<double>(time.count()) * share.perMillion() / share.kWhole;
  return time + base::Milliseconds(random.below(static_cast<uint64_t>(most) + 1));
}

} // namespace

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
  connection.setStats({&config_->stats.cxRxBytes, &config_->stats.cxTxBytes});
}

net::FilterStatus ConnectionManager::onNewConnection() {
  counted_ = true;
  HcmStats& stats = config_->stats;
  stats.cxTotal.inc();
  stats.cxActive.inc();
  armIdleTimer();
  if (config_->maxConnectionDuration.count() > 0) {
    watchDuration();
  }
  if (asked_) { // during the handshake
    closeIfSilent();
  }
  return net::FilterStatus::Continue;
}

void ConnectionManager::makeCodec(http::Protocol protocol) {
  const http::CodecContext context{context_.worker, context_.headers};
  HcmStats& stats = config_->stats;
  if (protocol == http::Protocol::Http2) {
    codec_ =
        http::createHttp2Server(context, *connection_, *this, config_->http2, *config_->http2Stats);
    stats.cxHttp2Total.inc();
    stats.cxHttp2Active.inc();
  } else {
    codec_ = http::createHttp1Server(context, *connection_, *this, config_->http1);
    stats.cxHttp1Total.inc();
    stats.cxHttp1Active.inc();
  }
}

void ConnectionManager::armIdleTimer() {
  if (!config_->idleTimeout.has_value()) {
    return;
  }
  if (idleTimer_ == nullptr) {
    idleTimer_ = context_.worker.loop.createTimer([this] {
      config_->stats.cxIdleTimeout.inc();
      if (codec_ == nullptr) {
        connection_->close(net::CloseType::FlushWrite);
      } else if (protocol() == http::Protocol::Http2 && !draining_) {
        drainThis(); // a request may be under way
      } else {
        codec_->goAway();
      }
    });
  }
  idleTimer_->enable(*config_->idleTimeout);
}

net::FilterStatus ConnectionManager::onData(base::Buffer& data, bool endStream) {
  if (codec_ == nullptr) {
    bool http2 = config_->codec == HcmConfig::CodecType::Http2;
    if (config_->codec == HcmConfig::CodecType::Auto) {
      const std::shared_ptr<const tls::TlsPeer> peer = connection_->tlsPeer();
      const std::string_view agreed = peer == nullptr ? std::string_view() : peer->alpn();
      http2 = agreed == "h2";
      if (agreed.empty()) { // as Envoy: what was agreed on is not guessed at
        const http::Http2Preface preface = http::detectHttp2(data);
        if (preface == http::Http2Preface::Maybe && !endStream) {
          watchHead();
          return net::FilterStatus::StopIteration; // comes again with the next bytes
        }
        http2 = preface == http::Http2Preface::Yes;
      }
    }
    makeCodec(http2 ? http::Protocol::Http2 : http::Protocol::Http11);
    if (draining()) {
      drainThis();
    }
  }
  const absl::Status status = codec_->dispatch(data, endStream);
  if (!status.ok() && !connection_->closed()) {
    codec_->onConnectionClosed(http::ResetReason::ProtocolError, base::message(status));
    connection_->close(net::CloseType::FlushWriteAndDelay);
  }
  if (!connection_->closing()) {
    watchHead();
    if (endStream && protocol() != http::Protocol::Http2 && !streams_.empty()) {
      streams_.front().onClientHalfClosed();
    }
  }
  return net::FilterStatus::StopIteration;
}

// A head must come within the shortest of the times that would watch the request it begins.
void ConnectionManager::watchHead() {
  if (codec_ != nullptr && !codec_->receivingHead()) {
    if (headTimer_ != nullptr) {
      headTimer_->disable();
    }
    return;
  }
  if (headTimer_ != nullptr && headTimer_->enabled()) {
    return;
  }
  base::Milliseconds shortest = base::Milliseconds::max();
  for (const base::Milliseconds each :
       {config_->requestHeadersTimeout, config_->requestTimeout, config_->streamIdleTimeout}) {
    shortest = each.count() > 0 ? std::min(shortest, each) : shortest;
  }
  if (shortest == base::Milliseconds::max()) {
    return;
  }
  if (headTimer_ == nullptr) {
    headTimer_ = context_.worker.loop.createTimer([this] {
      config_->stats.rqHeaderTimeout.inc();
      if (codec_ != nullptr) {
        codec_->headTimedOut();
      } else {
        connection_->close(net::CloseType::FlushWrite);
      }
    });
  }
  headTimer_->enable(shortest);
}

http::RequestDecoder& ConnectionManager::newStream(http::ResponseEncoder& encoder) {
  Stream& made = replaceStream(encoder);
  ++requests_;
  if (config_->maxRequestsPerConnection != 0 && requests_ >= config_->maxRequestsPerConnection) {
    config_->stats.cxMaxRequestsReached.inc();
    drainThis();
  }
  return made;
}

Stream& ConnectionManager::replaceStream(http::ResponseEncoder& encoder) {
  if (idleTimer_ != nullptr) {
    idleTimer_->disable();
  }
  auto stream = std::make_unique<Stream>(*this, encoder);
  Stream* made = stream.release(); // owned by the list until streamFinished
  streams_.pushBack(*made);
  return *made;
}

// Asks the peer to go: HTTP/2 gets notice first, so that requests under way are not refused.
void ConnectionManager::drainThis() {
  if (std::exchange(draining_, true)) {
    return;
  }
  if (codec_->protocol() != http::Protocol::Http2) {
    return; // the next response says so
  }
  codec_->shutdownNotice();
  drainTimer_ = context_.worker.loop.createTimer([this] { codec_->goAway(); });
  drainTimer_->enable(
      withJitter(config_->drainTimeout, config_->drainTimeoutJitter, context_.worker.random));
}

void ConnectionManager::endKeepalive() {
  const bool http2 = protocol() == http::Protocol::Http2;
  if (!http2 || !draining_) {
    context_.overload.keepaliveDenied.inc();
  }
  if (http2) {
    drainThis();
  }
}

void ConnectionManager::watchDuration() {
  durationTimer_ = context_.worker.loop.createTimer([this] { durationReached(); });
  durationTimer_->enable(withJitter(config_->maxConnectionDuration,
                                    config_->maxConnectionDurationJitter, context_.worker.random));
}

void ConnectionManager::durationReached() {
  config_->stats.cxMaxDurationReached.inc();
  if (codec_ == nullptr) {
    connection_->close(net::CloseType::FlushWrite);
    return;
  }
  if (draining_) {
    return;
  }
  drainThis();
  if (protocol() != http::Protocol::Http2 && !config_->http1SafeMaxConnectionDuration) {
    // Whoever sends no more requests is not told: it is closed.
    drainTimer_ = context_.worker.loop.createTimer([this] { codec_->goAway(); });
    drainTimer_->enable(
        withJitter(config_->drainTimeout, config_->drainTimeoutJitter, context_.worker.random));
  }
}

void ConnectionManager::streamFinished(Stream& stream) {
  stream.unlink();
  context_.worker.loop.deferredDelete(std::unique_ptr<Stream>(&stream));
  if (streams_.empty() && !connection_->closed()) {
    armIdleTimer();
  }
}

void ConnectionManager::onProtocolError(uint32_t status, std::string_view details) {
  if (status != 408) { // slow is not wrong
    config_->stats.cxProtocolError.inc();
  }
  if (status != 0 && !streams_.empty() && protocol() != http::Protocol::Http2) {
    streams_.front().answeredByCodec(status, details);
  } else if (status != 0) {
    // No stream was made: the request counts all the same.
    config_->stats.rqTotal.inc();
    (status >= 500 ? config_->stats.rq5xx : config_->stats.rq4xx).inc();
    logRefused(status, details);
  }
  MOE_LOG(*config_->logger, debug, "[C{}] protocol error: {} ({})", connection_->id(), details,
          status);
}

void ConnectionManager::logRefused(uint32_t status, std::string_view details) {
  if (config_->accessLogs.empty()) {
    return;
  }
  http::StreamInfo info;
  info.startNanos = info.responseCompleteNanos = base::monotonicNanos();
  info.startWallNanos = base::wallNanos();
  info.connectionId = connection_->id();
  info.setDownstream(connection_->localAddress(), connection_->remoteAddress(),
                     connection_->socketFacts());
  info.downstreamTls = connection_->tlsPeer();
  info.protocol = protocol();
  info.protocolKnown = true;
  info.responseCode = status;
  info.responseCodeDetails = std::string(details);
  if (status != 408) {
    info.setFlag(http::ResponseFlag::DownstreamProtocolError);
  }
  const http::FormatContext context{info, nullptr, nullptr, nullptr};
  for (const AccessLogPtr& log : config_->accessLogs) {
    log->log(context, context_.worker.index);
  }
}

void ConnectionManager::onConnectionEvent(net::ConnectionEvent event) {
  if (event == net::ConnectionEvent::Connected || !std::exchange(counted_, false)) {
    return;
  }
  idleTimer_ = nullptr;
  durationTimer_ = nullptr;
  drainTimer_ = nullptr;
  headTimer_ = nullptr;
  HcmStats& stats = config_->stats;
  stats.cxActive.dec();
  stats.cxDestroy.inc();
  (event == net::ConnectionEvent::RemoteClose ? stats.cxDestroyRemote : stats.cxDestroyLocal).inc();
  if (codec_ != nullptr) {
    (protocol() == http::Protocol::Http2 ? stats.cxHttp2Active : stats.cxHttp1Active).dec();
    codec_->onConnectionClosed(http::ResetReason::ConnectionTermination, "connection_termination");
  }
}

// A client that has just connected may be about to send its first request.
void ConnectionManager::closeIfSilent() {
  drainTimer_ = context_.worker.loop.createTimer([this] {
    if (codec_ == nullptr) {
      connection_->close(net::CloseType::FlushWriteAndDelay);
    }
  });
  drainTimer_->enable(std::min(config_->drainTimeout, kSilentPatience));
}

void ConnectionManager::onDrain() {
  asked_ = true;
  if (codec_ == nullptr) {
    if (counted_) { // else when the handshake is done
      closeIfSilent();
    }
    return; // with what comes, onData() sees that it shall end
  }
  if (streams_.empty()) {
    config_->stats.cxDrainClose.inc();
  }
  drainThis();
  if (protocol() == http::Protocol::Http2) {
    return;
  }
  // A request that is already here is answered, and its answer is the last.
  auto goAway = [this] {
    if (!connection_->hasUnread()) {
      codec_->goAway();
    }
  };
  if (context_.draining) {
    goAway(); // the process ends
    return;
  }
  // A configuration ends. A client that keeps the connection for its requests, as proxies do, may
  // be sending one now: it is told by the answer, and closed only when it has long said nothing.
  drainTimer_ = context_.worker.loop.createTimer(goAway);
  drainTimer_->enable(
      withJitter(config_->drainTimeout, config_->drainTimeoutJitter, context_.worker.random));
}

} // namespace moe::proxy
