// What a connection manager's options say of a request before it is routed, and how long it lasts.
#include "base/strings.h"
#include "http/upgrade.h"
#include "proxy/connection_manager.h"
#include "proxy/request_headers.h"
#include "proxy/stream.h"
#include "proxy/stream_duration.h"

namespace moe::proxy {

bool Stream::admit(http::HeaderMap& request) {
  if (config_.underscores != nullptr &&
      !config_.underscores->apply(request, info_.protocol == http::Protocol::Http2)) {
    refuseUnderscores();
    return false;
  }
  const absl::Status status =
      prepareRequestHeaders(request, config_, info_, worker().random, http::isUpgrade(request));
  if (!status.ok()) {
    chain_.sendLocalReply({.status = 400, .details = base::message(status)});
    return false;
  }
  if (!applyPathRules(request)) {
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
    resetStream("http2.unexpected_underscore");
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

void Stream::limitDuration() {
  const auto* route = static_cast<const route::Route*>(route_);
  const route::StreamLimits* limits = route == nullptr ? nullptr : route->streamLimits();
  if (limits == nullptr && config_.maxStreamDuration.count() == 0 && durationTimer_ == nullptr) {
    return;
  }
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
