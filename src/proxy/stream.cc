#include "proxy/stream.h"

#include "base/strings.h"
#include "http/codec/http1_tokens.h"
#include "http/upgrade.h"
#include "proxy/connection_manager.h"
#include "proxy/missing_filter.h"
#include "proxy/request_headers.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::ResponseFlag;

// How long nothing may happen after a client has closed its sending side.
constexpr base::Milliseconds kHalfClosedPatience{5000};

void countStatus(HcmStats& stats, uint32_t status) {
  stats::Counter* counters[] = {nullptr,      &stats.rq1xx, &stats.rq2xx,
                                &stats.rq3xx, &stats.rq4xx, &stats.rq5xx};
  if (status >= 100 && status < 600) {
    counters[status / 100]->inc();
  }
}

} // namespace

Stream::Stream(ConnectionManager& manager, http::ResponseEncoder& encoder)
    : manager_(manager), config_(manager.config()), encoder_(&encoder),
      routes_(config_.routes->get(manager.context().worker.index)),
      random_(manager.context().worker.random.next()),
      chain_(*this, manager.connection().bufferLimit()), idleTimeout_(config_.streamIdleTimeout) {
  info_.startNanos = base::monotonicNanos();
  info_.startWallNanos = base::wallNanos();
  info_.connectionId = manager.connection().id();
  const net::Connection& connection = manager.connection();
  info_.setDownstream(connection.localAddress(), connection.remoteAddress(),
                      connection.socketFacts());
  info_.downstreamTls = connection.tlsPeer();
  info_.filterChainName = config_.filterChainName;
  encoder.setCallbacks(this);
  config_.stats.rqTotal.inc();
  (manager.protocol() == http::Protocol::Http2 ? config_.stats.rqHttp2Total
                                               : config_.stats.rqHttp1Total)
      .inc();
  config_.stats.rqActive.inc();
}

Stream::~Stream() = default;

event::Worker& Stream::worker() { return manager_.context().worker; }
http::HeaderMapPtr Stream::newHeaders() { return manager_.context().headers.make(); }

const http::RouteView* Stream::route() {
  if (!routed_) {
    routed_ = true;
    route_ = request_ == nullptr || routes_ == nullptr ? nullptr
                                                       : routes_->match(*request_, info_, random_);
    const http::RouteView* view = route_;
    info_.routeName = view == nullptr ? "" : view->routeName();
    info_.virtualHostName = view == nullptr ? "" : view->virtualHostName();
    info_.upstreamCluster = view == nullptr ? "" : view->clusterName();
    if (config_.maxStreamDuration.count() > 0 || durationTimer_ != nullptr ||
        (route_ != nullptr && route_->streamLimits() != nullptr)) {
      limitDuration();
    }
  }
  return route_;
}

void Stream::buildChain() {
  const http::RouteView* route = this->route();
  for (const ConfiguredFilter& filter : config_.filters) {
    const auto byRoute = route == nullptr ? std::nullopt : route->filterDisabled(filter.name);
    if (byRoute.value_or(filter.disabled)) {
      continue;
    }
    if (filter.slot != nullptr) {
      addNamed(filter);
      continue;
    }
    if (filter.factory == nullptr) { // the router, which needs this worker's clusters
      auto router = std::make_unique<Router>(manager_.context());
      router_ = router.get();
      chain_.add(filter.name, std::move(router), true, false);
      continue;
    }
    add(filter.name, *filter.factory);
  }
}

void Stream::add(std::string_view name, const http::FilterFactory& factory) {
  if (auto made = factory.createFilter(worker())) {
    chain_.add(name, std::move(made), factory.decodes(), factory.encodes());
  }
}

void Stream::addNamed(const ConfiguredFilter& filter) {
  const http::FilterFactoryPtr& now = filter.slot->get(worker().index);
  if (now == nullptr) {
    chain_.add(filter.name, std::make_unique<MissingFilter>(), true, false);
    return;
  }
  replaceable_.push_back(now);
  add(filter.name, *now);
}

// Whether this is an Upgrade or CONNECT that the configuration lets pass; false: answered.
bool Stream::prepareUpgrade(http::HeaderMap& headers) {
  const bool connect = headers.method() == "CONNECT";
  if (!connect && !http::isUpgrade(headers)) {
    return true;
  }
  const std::string_view type = connect ? "CONNECT" : headers.value(HeaderId::Upgrade);
  const auto* route = static_cast<const route::Route*>(this->route());
  std::optional<bool> allowed = route == nullptr ? std::nullopt : route->upgradeAllowed(type);
  if (!allowed.has_value()) {
    std::string lower(type);
    for (char& c : lower) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    for (const auto& [name, enabled] : config_.upgrades) {
      if (name == lower) {
        allowed = enabled;
      }
    }
  }
  upgrade_ = allowed.value_or(false);
  if (upgrade_) {
    return true;
  }
  config_.stats.rqWsOnNonWsRoute.inc();
  chain_.sendLocalReply({.status = 403, .details = "upgrade_failed"});
  return false;
}

void Stream::decodeHeaders(http::HeaderMapPtr headers, bool endStream) {
  request_ = std::move(headers);
  requestEnded_ = endStream;
  info_.protocol = manager_.protocol();
  info_.protocolKnown = true;
  if (endStream) {
    info_.requestCompleteNanos = base::monotonicNanos();
  }
  if (config_.streamIdleTimeout.count() > 0) {
    idleTimer_ = worker().loop.createTimer([this] { idleTimedOut(); });
    idleTimer_->enable(idleTimeout_);
  }
  if (config_.requestTimeout.count() > 0 && !endStream) {
    requestTimer_ = worker().loop.createTimer([this] {
      config_.stats.rqTimeout.inc();
      chain_.sendLocalReply(
          {.status = 408, .body = "request timeout", .details = "request_overall_timeout"});
    });
    requestTimer_->enable(config_.requestTimeout);
  }
  http::HeaderMap& request = *request_;
  chain_.beginRequest(request);
  OverloadState& overload = manager_.context().overload;
  if (overload.shedRequests.load(std::memory_order_relaxed)) {
    overload.requestsShed.inc();
    info_.setFlag(ResponseFlag::OverloadManager);
    chain_.sendLocalReply({.status = 503,
                           .body = "envoy overloaded",
                           .modifyHeaders =
                               [](http::HeaderMap& response) {
                                 response.addStatic(HeaderId::EnvoyOverloaded, "true");
                               },
                           .details = "overload"});
    return;
  }
  if (!admit(request)) {
    return;
  }
  // Behind the normalisation: the route of the path as it was sent may allow what this one does
  // not.
  if (!prepareUpgrade(request)) {
    return;
  }
  if (const auto* route = static_cast<const route::Route*>(this->route());
      route != nullptr && route->idleTimeout().has_value()) {
    idleTimeout_ = *route->idleTimeout();
    idleTimer_ = nullptr;
    if (idleTimeout_.count() > 0) {
      idleTimer_ = worker().loop.createTimer([this] { idleTimedOut(); });
      idleTimer_->enable(idleTimeout_);
    }
  }
  if (!config_.proxy100Continue &&
      http::equalsIgnoreCase(request.value(HeaderId::Expect), "100-continue")) {
    // Answered here, so that the upstream need not (Envoy's default).
    request.remove(HeaderId::Expect);
    http::HeaderMapPtr interim = newHeaders();
    interim->setStatus(100);
    encoder_->encode1xxHeaders(*interim);
  }
  buildChain();
  chain_.decodeHeaders(request, endStream);
}

void Stream::decodeData(base::Buffer& data, bool endStream) {
  touch();
  info_.bytesReceived += data.size();
  if (endStream) {
    requestEnded_ = true;
    requestTimer_ = nullptr;
    info_.requestCompleteNanos = base::monotonicNanos();
  }
  if (!finished_) {
    chain_.decodeData(data, endStream);
  }
}

void Stream::decodeTrailers(http::HeaderMapPtr trailers) {
  touch();
  if (config_.underscores != nullptr && !finished_ && info_.internalRedirects == 0 &&
      !config_.underscores->apply(*trailers, info_.protocol == http::Protocol::Http2)) {
    refuseUnderscores();
    return;
  }
  requestEnded_ = true;
  requestTimer_ = nullptr;
  info_.requestCompleteNanos = base::monotonicNanos();
  if (!finished_) {
    chain_.decodeTrailers(std::move(trailers));
  }
}

void Stream::touch() {
  if (idleTimer_ != nullptr) {
    idleTimer_->enable(idleTimeout_);
  }
}

void Stream::onClientHalfClosed() {
  if (finished_ || upgrade_ || clientHalfClosed_) {
    return; // a tunnel's other direction goes on
  }
  clientHalfClosed_ = true;
  if (idleTimeout_.count() == 0 || idleTimeout_ > kHalfClosedPatience) {
    idleTimeout_ = kHalfClosedPatience;
  }
  if (idleTimer_ == nullptr) {
    idleTimer_ = worker().loop.createTimer([this] { idleTimedOut(); });
  }
  touch();
}

void Stream::idleTimedOut() {
  if (clientHalfClosed_) {
    info_.setFlag(ResponseFlag::DownstreamConnectionTermination);
    resetStream("downstream_remote_disconnect");
    return;
  }
  config_.stats.rqIdleTimeout.inc();
  info_.setFlag(ResponseFlag::StreamIdleTimeout);
  if (chain_.responseStarted()) {
    resetStream("stream_idle_timeout");
  } else {
    chain_.sendLocalReply({.status = requestEnded_ ? 504u : 408u,
                           .body = "stream timeout",
                           .details = "stream_idle_timeout"});
  }
}

void Stream::send1xxHeaders(const http::HeaderMap& headers) {
  if (encoder_ != nullptr && config_.proxy100Continue) {
    encoder_->encode1xxHeaders(headers);
  }
}

void Stream::sendHeaders(http::HeaderMap& headers, bool endStream) {
  if (encoder_ == nullptr) {
    return;
  }
  touch();
  requestTimer_ = nullptr; // the answer has begun: a tunnel's request, for one, has no end
  info_.responseStartNanos = base::monotonicNanos();
  info_.responseCode = headers.status();
  countStatus(config_.stats, info_.responseCode);
  prepareResponseHeaders(headers, config_, info_.responseCode == 101);
  const bool bodiless = info_.responseCode == 204 || info_.responseCode == 304 ||
                        (request_ != nullptr && request_->method() == "HEAD");
  if (!bodiless && !upgrade_) {
    responseLength_.expect(headers);
    if (!lengthHolds(0, endStream)) {
      return;
    }
  }
  if (config_.alwaysSetRequestIdInResponse && request_ != nullptr) {
    headers.set(HeaderId::RequestId, request_->value(HeaderId::RequestId));
  }
  if (manager_.context().overload.disableKeepalive.load(std::memory_order_relaxed)) {
    manager_.endKeepalive();
    encoder_->closeAfterResponse();
  }
  if (manager_.draining()) {
    config_.stats.cxDrainClose.inc();
    encoder_->closeAfterResponse();
  }
  encoder_->encodeHeaders(headers, endStream);
  if (endStream) {
    responseDone();
  }
}

void Stream::sendData(base::Buffer& data, bool endStream) {
  if (encoder_ == nullptr) {
    data.clear();
    return;
  }
  touch();
  if (!lengthHolds(data.size(), endStream)) {
    data.clear();
    return;
  }
  info_.bytesSent += data.size();
  encoder_->encodeData(data, endStream);
  if (endStream) {
    responseDone();
  }
}

void Stream::sendTrailers(http::HeaderMap& trailers) {
  if (encoder_ != nullptr && lengthHolds(0, true)) {
    encoder_->encodeTrailers(trailers);
    responseDone();
  }
}

bool Stream::lengthHolds(uint64_t bytes, bool endStream) {
  if (responseLength_.take(bytes, endStream)) {
    return true;
  }
  resetStream("response_content_length_mismatch");
  return false;
}

void Stream::responseDone() {
  encoder_ = nullptr;
  finish();
}

void Stream::readDisableDownstream(bool disable) {
  if (encoder_ != nullptr) {
    downstreamHolds_ += disable ? 1 : -1;
    encoder_->readDisable(disable);
  }
}

void Stream::readDisableUpstream(bool disable) {
  if (router_ != nullptr && !finished_) {
    router_->readDisableUpstream(disable);
  }
}

void Stream::resetFor(std::string_view details, http::ResetReason reason) {
  if (finished_) {
    return;
  }
  if (info_.responseCodeDetails.empty() || chain_.responseStarted()) {
    info_.responseCodeDetails = std::string(details);
  }
  config_.stats.rqTxReset.inc();
  if (http::ResponseEncoder* encoder = std::exchange(encoder_, nullptr)) {
    encoder->resetStream(reason);
  }
  finish();
}

void Stream::answeredByCodec(uint32_t status, std::string_view details) {
  if (!finished_ && !chain_.responseStarted()) {
    info_.responseCode = status;
    info_.responseCodeDetails = std::string(details);
    countStatus(config_.stats, status);
  }
}

void Stream::onResetStream(http::ResetReason reason, std::string_view /*details*/) {
  encoder_ = nullptr;
  if (finished_) {
    return;
  }
  config_.stats.rqRxReset.inc();
  info_.setFlag(reason == http::ResetReason::ProtocolError
                    ? ResponseFlag::DownstreamProtocolError
                    : ResponseFlag::DownstreamConnectionTermination);
  if (!chain_.responseStarted() && info_.responseCode == 0) {
    info_.responseCodeDetails = "downstream_remote_disconnect";
  }
  finish();
}

void Stream::finish() {
  if (std::exchange(finished_, true)) {
    return;
  }
  idleTimer_ = nullptr;
  requestTimer_ = nullptr;
  durationTimer_ = nullptr;
  info_.responseCompleteNanos = base::monotonicNanos();
  HcmStats& stats = config_.stats;
  stats.rqActive.dec();
  stats.rqCompleted.inc();
  stats.rqTime.record(
      static_cast<uint64_t>((info_.responseCompleteNanos - info_.startNanos) / 1'000'000));
  chain_.streamComplete();
  if (!config_.accessLogs.empty()) {
    const http::FormatContext context{info_, request_.get(), chain_.responseHeaders(),
                                      chain_.responseTrailers()};
    for (const AccessLogPtr& log : config_.accessLogs) {
      log->log(context, worker().index);
    }
  }
  chain_.log();
  chain_.destroy();
  router_ = nullptr;
  manager_.streamFinished(*this);
}

} // namespace moe::proxy
