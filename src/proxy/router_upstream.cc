// What the upstream of a request does, and what is made of it.
#include "base/strings.h"
#include "http/grpc.h"
#include "http/upgrade.h"
#include "proxy/router.h"
#include "proxy/stream_duration.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;

constexpr int kDeadlineExceeded = 4; // gRPC's status

// What Envoy says of a reset in bodies and details.
std::string_view reasonText(ResetReason reason) {
  switch (reason) {
  case ResetReason::RemoteConnectionFailure:
    return "remote connection failure";
  case ResetReason::LocalConnectionFailure:
    return "local connection failure";
  case ResetReason::ConnectionTimeout:
    return "connection timeout";
  case ResetReason::ConnectionTermination:
    return "connection termination";
  case ResetReason::Overflow:
    return "overflow";
  case ResetReason::ProtocolError:
    return "protocol error";
  case ResetReason::RemoteReset:
    return "remote reset";
  case ResetReason::RemoteRefused:
    return "remote refused stream reset";
  default:
    return "local reset";
  }
}

ResponseFlag flagOf(ResetReason reason) {
  switch (reason) {
  case ResetReason::RemoteConnectionFailure:
  case ResetReason::LocalConnectionFailure:
  case ResetReason::ConnectionTimeout:
    return ResponseFlag::UpstreamConnectionFailure;
  case ResetReason::ConnectionTermination:
    return ResponseFlag::UpstreamConnectionTermination;
  case ResetReason::Overflow:
    return ResponseFlag::UpstreamOverflow;
  case ResetReason::ProtocolError:
    return ResponseFlag::UpstreamProtocolError;
  case ResetReason::RemoteReset:
  case ResetReason::RemoteRefused:
    return ResponseFlag::UpstreamRemoteReset;
  default:
    return ResponseFlag::LocalReset;
  }
}

} // namespace

// What a host's answer says of the host.
void Router::countOutcome(uint32_t status) {
  upstream::HostState::Counts& counts = host_->counts();
  (status >= 500 ? counts.rqError : counts.rqSuccess).fetch_add(1, std::memory_order_relaxed);
}

void Router::responseEnded() {
  responseDone_ = true;
  encoder_ = nullptr;
  timer_ = nullptr;
  durationTimer_ = nullptr;
  cluster_->stats().rqTime.record(
      static_cast<uint64_t>((base::monotonicNanos() - sentNanos_) / 1'000'000));
}

void Router::upstreamFailed(ResetReason reason, std::string_view details) {
  if (responseDone_) {
    return;
  }
  if (!responseBegun_) {
    host_->counts().rqError.fetch_add(1, std::memory_order_relaxed);
  }
  if (mayRetry() && retries(retry_->afterReset(reason))) {
    return;
  }
  responseDone_ = true;
  timer_ = nullptr;
  tryTimer_ = nullptr;
  durationTimer_ = nullptr;
  http::StreamInfo& info = callbacks_->streamInfo();
  info.upstreamFailureReason = std::string(details);
  const std::string note = base::cat("upstream_reset_", responseBegun_ ? "after" : "before",
                                     "_response_started{", http::resetReasonName(reason), "}");
  if (responseBegun_) {
    info.setFlag(flagOf(reason));
    callbacks_->resetStream(note);
    return;
  }
  const bool transport =
      flagOf(reason) == ResponseFlag::UpstreamConnectionFailure && !details.empty();
  const std::string body =
      base::cat("upstream connect error or disconnect/reset before headers. reset reason: ",
                reasonText(reason), transport ? ", transport failure reason: " : "",
                transport ? details : "");
  if (reason == ResetReason::Overflow) {
    cluster_->stats().countResponse(503);
    info.setFlag(ResponseFlag::UpstreamOverflow);
    answer({.status = 503,
            .body = body,
            .modifyHeaders =
                [](http::HeaderMap& response) {
                  response.addStatic(HeaderId::EnvoyOverloaded, "true");
                },
            .details = note});
    return;
  }
  if (const auto deadline = http::isGrpc(*request_) ? grpcDeadline(*request_) : std::nullopt;
      deadline.has_value() && reason == ResetReason::RemoteReset &&
      (base::monotonicNanos() - info.startNanos) / 1000 >= deadline->count()) {
    // The server gave up at the client's deadline, and was faster than the client: that is no
    // failure of the server.
    cluster_->stats().countResponse(504);
    info.setFlag(flagOf(reason));
    answer({.status = 504, .body = body, .grpcStatus = kDeadlineExceeded, .details = note});
    return;
  }
  failUpstream(reason == ResetReason::ProtocolError ? 502 : 503, flagOf(reason), body, note);
}

// --- the upstream's side

void Router::Upstream::onPoolReady(http::RequestEncoder& encoder, const upstream::HostPtr& host,
                                   net::Connection& connection, http::Protocol /*protocol*/) {
  Router& r = router_;
  r.pending_ = nullptr;
  http::StreamInfo& info = r.callbacks_->streamInfo();
  info.upstreamRemote = host->address();
  info.upstreamLocal = connection.localAddress();
  info.upstreamTls = connection.tlsPeer();
  r.sentNanos_ = base::monotonicNanos();
  encoder.setCallbacks(this);
  // An end that came behind the headers goes behind them: grpc-go's server waits for ever for the
  // end of a stream whose headers end it.
  const bool headersOnly = r.headersEnd_;
  if (const absl::Status status = encoder.encodeHeaders(*r.request_, headersOnly); !status.ok()) {
    encoder.resetStream(ResetReason::LocalReset);
    r.responseDone_ = true;
    r.failUpstream(503, ResponseFlag::LocalReset, base::message(status),
                   "invalid_upstream_request");
    return;
  }
  r.encoder_ = &encoder;
  if (const auto most = r.cluster_->settings().maxStreamDuration; most.count() > 0) {
    r.durationTimer_ = r.context_.worker.loop.createTimer([&r] { r.durationReached(); });
    r.durationTimer_->enable(most);
  }
  for (int i = 0; i < r.readDisables_; ++i) {
    encoder.readDisable(true);
  }
  if (r.requestEnd_) {
    r.watchTry();
  }
  if (headersOnly) {
    return;
  }
  const bool end = r.requestEnd_ && r.requestTrailers_ == nullptr;
  if (!r.waiting_.empty() || end) {
    base::Buffer body = std::move(r.waiting_);
    encoder.encodeData(body, end);
  }
  if (r.requestTrailers_ != nullptr) {
    encoder.encodeTrailers(*r.requestTrailers_);
  }
  if (std::exchange(r.holdingDownstream_, false)) {
    r.callbacks_->onDecoderFilterBelowLowWatermark();
  }
}

void Router::Upstream::onPoolFailure(ResetReason reason, std::string_view details,
                                     const upstream::HostPtr& host) {
  router_.pending_ = nullptr;
  router_.callbacks_->streamInfo().upstreamRemote = host->address();
  router_.upstreamFailed(reason, details);
}

void Router::Upstream::decode1xxHeaders(http::HeaderMapPtr headers) {
  router_.callbacks_->encode1xxHeaders(std::move(headers));
}

void Router::Upstream::decodeHeaders(http::HeaderMapPtr headers, bool endStream) {
  Router& r = router_;
  http::StreamInfo& info = r.callbacks_->streamInfo();
  info.upstreamFirstByteNanos = base::monotonicNanos();
  r.tryTimer_ = nullptr;
  r.cluster_->stats().countResponse(headers->status());
  // Of gRPC, what counts is in the trailers, which may have come as headers.
  r.grpc_ = headers->status() == 200 && http::isGrpc(*r.request_);
  if (!r.grpc_ || headers->has(HeaderId::GrpcStatus)) {
    r.countOutcome(r.grpc_ ? http::httpStatusOf(headers->value(HeaderId::GrpcStatus))
                           : headers->status());
  }
  if (endStream) {
    r.encoder_ = nullptr; // the codec has done with it
  }
  if (headers->status() / 100 == 2 && info.protocol == http::Protocol::Http2 &&
      http::isUpgrade(*r.request_)) {
    // An HTTP/1 upstream that does not switch says 200, which in HTTP/2 would mean that it does
    // (RFC 8441 section 5).
    r.release(ResetReason::LocalReset);
    r.responseDone_ = true;
    r.timer_ = nullptr;
    r.durationTimer_ = nullptr;
    r.fail(502, ResponseFlag::UpstreamProtocolError, "", "upgrade_not_accepted");
    return;
  }
  if (r.mayRetry() && r.retries(r.retry_->afterHeaders(*headers))) {
    return;
  }
  r.responseBegun_ = true;
  if (r.retry_ != nullptr) {
    r.retry_->accepted();
  }
  if (r.route_->showsAttempts()) {
    headers->setNumber(HeaderId::EnvoyAttemptCount, info.attemptCount);
  }
  headers->setNumber(
      HeaderId::EnvoyUpstreamServiceTime,
      static_cast<uint64_t>((info.upstreamFirstByteNanos - r.sentNanos_) / 1'000'000));
  if (endStream) {
    r.responseEnded();
  }
  if (r.route_->redirectPolicy() != nullptr && r.redirected(headers)) {
    return;
  }
  info.responseCode = headers->status();
  r.route_->finalizeResponseHeaders(*headers, *r.request_, info);
  r.callbacks_->encodeHeaders(std::move(headers), endStream, "via_upstream");
}

void Router::Upstream::decodeData(base::Buffer& data, bool endStream) {
  if (endStream) {
    router_.responseEnded();
  }
  router_.callbacks_->encodeData(data, endStream);
}

void Router::Upstream::decodeTrailers(http::HeaderMapPtr trailers) {
  if (router_.grpc_ && trailers->has(HeaderId::GrpcStatus)) {
    router_.countOutcome(http::httpStatusOf(trailers->value(HeaderId::GrpcStatus)));
  }
  router_.responseEnded();
  router_.callbacks_->encodeTrailers(std::move(trailers));
}

void Router::Upstream::onResetStream(ResetReason reason, std::string_view details) {
  router_.encoder_ = nullptr;
  if (router_.cluster_ != nullptr) {
    router_.cluster_->stats().rqRxReset.inc();
  }
  router_.upstreamFailed(reason, details);
}

void Router::Upstream::onAboveWriteBufferHighWatermark() {
  router_.callbacks_->onDecoderFilterAboveHighWatermark();
}
void Router::Upstream::onBelowWriteBufferLowWatermark() {
  router_.callbacks_->onDecoderFilterBelowLowWatermark();
}

} // namespace moe::proxy
