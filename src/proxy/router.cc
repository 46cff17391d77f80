#include "proxy/router.h"

#include <charconv>

#include "base/strings.h"
#include "http/grpc.h"
#include "http/upgrade.h"
#include "proxy/host_rules.h"
#include "proxy/stream_duration.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::ResetReason;
using http::ResponseFlag;

} // namespace

// A reply of this proxy's own: it has the route's response headers like any other answer.
void Router::answer(http::LocalReply reply) {
  if (route_ != nullptr) {
    reply.modifyHeaders = [this, more = std::move(reply.modifyHeaders)](http::HeaderMap& response) {
      if (more) {
        more(response);
      }
      http::StreamInfo& info = callbacks_->streamInfo();
      info.responseCode = response.status();
      route_->finalizeResponseHeaders(response, *request_, info);
    };
  }
  callbacks_->sendLocalReply(reply);
}

void Router::fail(uint32_t status, ResponseFlag flag, std::string_view body,
                  std::string_view details) {
  callbacks_->streamInfo().setFlag(flag);
  answer({.status = status, .body = body, .details = details});
}

// As fail; to those who read the cluster's counters it is the upstream that has answered so.
void Router::failUpstream(uint32_t status, ResponseFlag flag, std::string_view body,
                          std::string_view details) {
  cluster_->stats().countResponse(status);
  fail(status, flag, body, details);
}

bool Router::answerLocally(const http::HeaderMap& headers) {
  if (route_ == nullptr) {
    fail(404, ResponseFlag::NoRouteFound, "", "route_not_found");
    return true;
  }
  if (const auto redirect = route_->redirect(headers)) {
    answer({.status = redirect->status,
            .modifyHeaders =
                [location = redirect->location](http::HeaderMap& response) {
                  response.set(HeaderId::Location, location);
                },
            .details = "direct_response"});
    return true;
  }
  if (const auto direct = route_->directResponse()) {
    answer({.status = direct->status, .body = direct->body, .details = "direct_response"});
    return true;
  }
  return false;
}

upstream::HostPtr Router::chooseHost(upstream::WorkerCluster& cluster) {
  upstream::LoadBalancerContext context;
  context.metadataMatch = route_->metadataMatch();
  context.destination = callbacks_->streamInfo().restoredDestination();
  context.headers = request_;
  context.mayDrop = callbacks_->streamInfo().attemptCount == 0;
  // Dynamic metadata of the same name, set by filters, wins over the route's.
  upstream::MetadataMatch merged;
  if (const http::Metadata* metadata = callbacks_->streamInfo().dynamicMetadataOrNull()) {
    if (const auto found = metadata->find("envoy.lb"); found != metadata->end()) {
      merged = context.metadataMatch == nullptr ? upstream::MetadataMatch(found->second)
                                                : context.metadataMatch->merged(found->second);
      context.metadataMatch = &merged;
    }
  }
  return cluster.chooseHost(context);
}

http::HeadersStatus Router::decodeHeaders(http::HeaderMap& headers, bool endStream) {
  request_ = &headers;
  requestEnd_ = headersEnd_ = endStream;
  // Every route of this proxy is a route::Route.
  route_ = static_cast<const route::Route*>(callbacks_->route());
  http::StreamInfo& info = callbacks_->streamInfo();
  if (answerLocally(headers)) {
    return http::HeadersStatus::StopIteration;
  }
  const std::string_view name = route_->clusterFor(headers);
  upstream::WorkerCluster* cluster = context_.clusters->find(name);
  if (cluster == nullptr) {
    fail(route_->clusterNotFoundStatus(), ResponseFlag::NoClusterFound, "", "cluster_not_found");
    return http::HeadersStatus::StopIteration;
  }
  cluster_ = cluster->infoPtr();
  info.upstreamCluster = cluster_->name();
  host_ = chooseHost(*cluster);
  if (host_ == nullptr && cluster->dropped()) {
    failUpstream(503, ResponseFlag::DropOverload, "drop overload", "drop_overload");
    return http::HeadersStatus::StopIteration;
  }
  if (host_ == nullptr) {
    failUpstream(503, ResponseFlag::NoHealthyUpstream, "no healthy upstream",
                 "no_healthy_upstream");
    return http::HeadersStatus::StopIteration;
  }
  route_->finalizeRequestHeaders(headers, info);
  route_->rewriteHostFor(headers, host_->hostname());
  if (info.connectPort != 0) {
    restorePort(headers, info.connectPort);
  }
  if (headers.method().empty() || headers.authority().empty() ||
      (headers.path().empty() && headers.method() != "CONNECT")) {
    fail(400, ResponseFlag::LocalReset, "missing :method, :path or :authority",
         "invalid_upstream_request"); // by a filter; not worth a connection
    return http::HeadersStatus::StopIteration;
  }
  if (headers.method() != "CONNECT" && !http::isUpgrade(headers)) {
    requestLength_.expect(headers);
    if (!lengthHolds(0, endStream)) {
      return http::HeadersStatus::StopIteration;
    }
  }
  timeout_ = route_->timeout();
  if (const route::StreamLimits* limits = route_->streamLimits()) {
    timeout_ = responseTimeout(*limits, timeout_, headers);
  }
  takeTimeout(headers);
  retry_ = RetryState::make(route_->retryPolicy(), headers, cluster_);
  if (route_->redirectPolicy() != nullptr || retry_ != nullptr) {
    keptBody_ = std::make_unique<KeptBody>();
  }
  const base::Milliseconds expected =
      retry_ != nullptr && retry_->perTryTimeout().count() > 0 ? retry_->perTryTimeout() : timeout_;
  if (expected.count() > 0) {
    headers.setNumber(HeaderId::EnvoyExpectedTimeout, static_cast<uint64_t>(expected.count()));
  }
  attempt(*cluster);
  if (endStream && !responseDone_) {
    requestComplete();
  }
  return http::HeadersStatus::StopIteration;
}

// x-envoy-upstream-rq-timeout-ms, which only internal clients may send.
void Router::takeTimeout(http::HeaderMap& headers) {
  constexpr HeaderId id = HeaderId::EnvoyUpstreamRequestTimeout;
  if (!headers.has(id)) {
    return;
  }
  const std::string_view text = headers.value(id);
  uint32_t wanted = 0; // 0 is none, as in a route
  if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted);
      error == std::errc() && end == text.data() + text.size()) {
    timeout_ = base::Milliseconds(wanted);
  }
  headers.remove(id);
}

http::DataStatus Router::decodeData(base::Buffer& data, bool endStream) {
  requestEnd_ = requestEnd_ || endStream;
  if (responseDone_) {
    data.clear();
    return http::DataStatus::StopIterationNoBuffer;
  }
  if (!lengthHolds(data.size(), endStream)) {
    return http::DataStatus::StopIterationNoBuffer;
  }
  if (keptBody_ != nullptr) {
    keptBody_->keep(data, callbacks_->decoderBufferLimit(), context_.worker.slab);
    if (retry_ != nullptr && keptBody_->overflowed()) {
      retry_ = nullptr;
      cluster_->stats().retryAbandoned.inc();
    }
  }
  if (encoder_ != nullptr) {
    encoder_->encodeData(data, endStream);
  } else {
    waiting_.moveFrom(data);
    if (!holdingDownstream_ && waiting_.size() > callbacks_->decoderBufferLimit()) {
      holdingDownstream_ = true;
      callbacks_->onDecoderFilterAboveHighWatermark();
    }
  }
  if (endStream) {
    requestComplete();
  }
  return http::DataStatus::StopIterationNoBuffer;
}

http::TrailersStatus Router::decodeTrailers(http::HeaderMap& trailers) {
  requestEnd_ = true;
  requestTrailers_ = &trailers;
  if (responseDone_ || !lengthHolds(0, true)) {
    return http::TrailersStatus::StopIteration;
  }
  if (encoder_ != nullptr) {
    encoder_->encodeTrailers(trailers);
  }
  requestComplete();
  return http::TrailersStatus::StopIteration;
}

// A filter has made the body another length than its headers say: nothing a client can mend.
bool Router::lengthHolds(uint64_t bytes, bool endStream) {
  if (requestLength_.take(bytes, endStream)) {
    return true;
  }
  release(ResetReason::LocalReset);
  responseDone_ = true;
  constexpr std::string_view details = "request_content_length_mismatch";
  if (responseBegun_) {
    callbacks_->resetStream(details);
  } else {
    fail(500, ResponseFlag::LocalReset, "", details);
  }
  return false;
}

// The route's timeout runs from here: the whole request has come (Envoy's RouteAction.timeout).
void Router::requestComplete() {
  if (timeout_.count() > 0 && !responseDone_) {
    timer_ = context_.worker.loop.createTimer([this] { timedOut(); });
    timer_->enable(timeout_);
  }
  if (encoder_ != nullptr) {
    watchTry();
  }
}

void Router::timedOut() {
  cluster_->stats().rqTimeout.inc();
  host_->counts().rqTimeout.fetch_add(1, std::memory_order_relaxed);
  release(ResetReason::LocalReset);
  responseDone_ = true;
  durationTimer_ = nullptr;
  constexpr std::string_view details = "response_timeout";
  if (responseBegun_) {
    callbacks_->streamInfo().setFlag(ResponseFlag::UpstreamRequestTimeout);
    callbacks_->resetStream(details);
    return;
  }
  failUpstream(504, ResponseFlag::UpstreamRequestTimeout, "upstream request timeout", details);
}

void Router::durationReached() {
  cluster_->stats().rqMaxDuration.inc();
  release(ResetReason::LocalReset);
  responseDone_ = true;
  timer_ = nullptr;
  callbacks_->streamInfo().setFlag(ResponseFlag::UpstreamMaxStreamDurationReached);
  constexpr std::string_view details = "upstream_max_stream_duration_reached";
  if (responseBegun_) {
    callbacks_->resetStream(details);
    return;
  }
  answer({.status = requestEnd_ ? 504u : 408u,
          .body = "upstream max stream duration reached",
          .details = details});
}

void Router::release(ResetReason reason) {
  tryTimer_ = nullptr;
  retryTimer_ = nullptr;
  if (pending_ != nullptr) {
    std::exchange(pending_, nullptr)->cancel();
  }
  if (encoder_ != nullptr) {
    std::exchange(encoder_, nullptr)->resetStream(reason);
    cluster_->stats().rqTxReset.inc();
  }
}

void Router::onDestroy() {
  timer_ = nullptr;
  durationTimer_ = nullptr;
  responseDone_ = true;
  retry_ = nullptr;
  release(ResetReason::LocalReset);
}

void Router::readDisableUpstream(bool disable) {
  readDisables_ = std::max(0, readDisables_ + (disable ? 1 : -1));
  if (encoder_ != nullptr) {
    encoder_->readDisable(disable);
  }
}

// Whether the proxy follows the upstream's redirect itself; then this stream is over.
bool Router::redirected(http::HeaderMapPtr& response) {
  const route::RedirectPolicy& policy = *route_->redirectPolicy();
  if (!policy.follows(response->status())) {
    return false;
  }
  upstream::ClusterStats& stats = cluster_->stats();
  if (requestEnd_ && !keptBody_->overflowed()) {
    http::HeaderMapPtr next = context_.headers.make();
    if (followRedirect(policy, *request_, *response, callbacks_->streamInfo().internalRedirects,
                       *next)) {
      base::Buffer body = keptBody_->take();
      if (next->method() != request_->method()) {
        body.clear();
      }
      if (callbacks_->recreateStream(next, body, response)) {
        stats.redirectSucceeded.inc();
        return true;
      }
    }
  }
  stats.redirectFailed.inc();
  return false;
}

} // namespace moe::proxy
