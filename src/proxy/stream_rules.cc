// What a connection manager's options say of a request before it is routed, and how long it lasts.
#include "base/strings.h"
#include "http/upgrade.h"
#include "proxy/connection_manager.h"
#include "proxy/request_headers.h"
#include "proxy/stream.h"
#include "proxy/stream_duration.h"

namespace moe::proxy {

bool Stream::admit(http::HeaderMap& request) {
  const bool fromClient = info_.internalRedirects == 0; // else these were applied before
  if (fromClient && config_.underscores != nullptr &&
      !config_.underscores->apply(request, info_.protocol == http::Protocol::Http2)) {
    refuseUnderscores();
    return false;
  }
  if (fromClient) {
    const absl::Status status =
        prepareRequestHeaders(request, config_, info_, worker().random, http::isUpgrade(request));
    if (!status.ok()) {
      chain_.sendLocalReply({.status = 400, .details = base::message(status)});
      return false;
    }
  }
  if (config_.paths.any() && !applyPathRules(request)) {
    return false;
  }
  if (config_.hosts.any()) {
    const auto port = config_.hosts.apply(request, info_.downstreamLocal->port());
    if (port.has_value() && request.method() == "CONNECT") {
      info_.connectPort = *port;
    }
  }
  return true;
}

// As Envoy's codecs do: 400 and the end of the connection, or the end of the stream.
void Stream::refuseUnderscores() {
  if (info_.protocol == http::Protocol::Http2) {
    resetFor("http2.unexpected_underscore", http::ResetReason::ProtocolError);
    return;
  }
  if (encoder_ != nullptr) {
    encoder_->closeAfterResponse();
  }
  chain_.sendLocalReply(
      {.status = 400, .body = "Bad Request", .details = "http1.unexpected_underscore"});
}

bool Stream::applyPathRules(http::HeaderMap& request) {
  constexpr std::string_view details = "path_normalization_failed";
  const PathRules::Outcome outcome = config_.paths.apply(request);
  if (outcome == PathRules::Outcome::Forward) {
    return true;
  }
  // gRPC clients follow no redirects.
  if (outcome == PathRules::Outcome::Reject || isGrpc(request)) {
    config_.stats.rqFailedPathNormalization.inc();
    chain_.sendLocalReply({.status = 400, .details = details});
    return false;
  }
  config_.stats.rqRedirectedWithNormalizedPath.inc();
  chain_.sendLocalReply({.status = 307,
                         .modifyHeaders =
                             [location = locationOfPath(request)](http::HeaderMap& response) {
                               response.set(http::HeaderId::Location, location);
                             },
                         .details = details});
  return false;
}

bool Stream::recreateStream(http::HeaderMapPtr& request, base::Buffer& body) {
  // Not to where nothing is.
  if (finished_ || encoder_ == nullptr || !requestEnded_ || upgrade_ || routes_ == nullptr ||
      routes_->match(*request, info_, random_) == nullptr) {
    return false;
  }
  http::HeaderMapPtr trailers;
  if (const http::HeaderMap* sent = chain_.requestTrailers()) {
    trailers = newHeaders();
    trailers->copyFrom(*sent);
  }
  for (; downstreamHolds_ > 0; --downstreamHolds_) {
    encoder_->readDisable(false);
  }
  info_.responseCode = chain_.responseHeaders()->status();
  info_.responseCodeDetails = "internal_redirect";
  http::ResponseEncoder& encoder = *std::exchange(encoder_, nullptr);
  finish();
  Stream& next = manager_.replaceStream(encoder);
  next.follow(info_);
  next.info_.downstreamRemote = info_.downstreamRemote;
  if (clientHalfClosed_) {
    next.onClientHalfClosed();
  }
  next.decodeHeaders(std::move(request), body.empty() && trailers == nullptr);
  if (!body.empty()) {
    next.decodeData(body, trailers == nullptr);
  }
  if (trailers != nullptr) {
    next.decodeTrailers(std::move(trailers));
  }
  return true;
}

void Stream::limitDuration() {
  const route::StreamLimits* limits = route_ == nullptr ? nullptr : route_->streamLimits();
  if (request_ == nullptr || finished_) {
    return;
  }
  const auto duration = streamDuration(limits, config_.maxStreamDuration, *request_);
  if (!duration.has_value()) {
    durationTimer_ = nullptr;
    return;
  }
  if (durationTimer_ == nullptr) {
    durationTimer_ = worker().loop.createTimer([this] {
      config_.stats.rqMaxDurationReached.inc();
      chain_.sendLocalReply({.status = requestEnded_ ? 504u : 408u,
                             .body = "downstream duration timeout",
                             .grpcStatus = 4, // DEADLINE_EXCEEDED
                             .details = "max_duration_timeout"});
    });
  }
  const base::Milliseconds used((base::monotonicNanos() - info_.startNanos) / 1'000'000);
  durationTimer_->enable(std::max(*duration - used, base::Milliseconds(0)));
}

} // namespace moe::proxy
