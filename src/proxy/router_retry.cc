// One try of a request after the other.
#include "proxy/router.h"

namespace moe::proxy {

using http::HeaderId;
using http::ResponseFlag;

void Router::attempt(upstream::WorkerCluster& cluster) {
  http::StreamInfo& info = callbacks_->streamInfo();
  ++info.attemptCount;
  if (route_->countsAttempts()) {
    request_->setNumber(HeaderId::EnvoyAttemptCount, info.attemptCount);
  }
  if (retry_ != nullptr) {
    retry_->noteTried(host_);
  }
  upstream::Cancellable* pending =
      cluster.httpPool(host_, info.protocol).newStream(upstream_, upstream_);
  if (pending != nullptr) { // else it was answered within the call
    pending_ = pending;
  }
}

// As the route's timeout, per_try_timeout runs from when the whole request has come.
void Router::watchTry() {
  if (retry_ != nullptr && retry_->perTryTimeout().count() > 0 && !responseBegun_) {
    tryTimer_ = context_.worker.loop.createTimer([this] { tryTimedOut(); });
    tryTimer_->enable(retry_->perTryTimeout());
  }
}

void Router::tryTimedOut() {
  cluster_->stats().rqPerTryTimeout.inc();
  host_->counts().rqTimeout.fetch_add(1, std::memory_order_relaxed);
  if (mayRetry() && retries(retry_->afterTryTimeout())) {
    return;
  }
  release(http::ResetReason::LocalReset);
  responseDone_ = true;
  timer_ = nullptr;
  durationTimer_ = nullptr;
  failUpstream(504, ResponseFlag::UpstreamRequestTimeout, "upstream request timeout",
               "upstream_per_try_timeout");
}

bool Router::retries(RetryState::Verdict verdict) {
  http::StreamInfo& info = callbacks_->streamInfo();
  switch (verdict) {
  case RetryState::Verdict::No:
    return false;
  case RetryState::Verdict::Exceeded:
    info.setFlag(ResponseFlag::UpstreamRetryLimitExceeded);
    return false;
  case RetryState::Verdict::Overflow:
    info.setFlag(ResponseFlag::UpstreamOverflow);
    return false;
  case RetryState::Verdict::Retry:
    break;
  }
  durationTimer_ = nullptr;
  release(http::ResetReason::LocalReset);
  retryTimer_ = context_.worker.loop.createTimer([this] { tryAgain(); });
  retryTimer_->enable(retry_->backOff(context_.worker.random));
  return true;
}

void Router::tryAgain() {
  // Found anew: it may have changed, or gone.
  upstream::WorkerCluster* cluster = context_.clusters->find(cluster_->name());
  if (cluster != nullptr) {
    upstream::HostPtr host = chooseHost(*cluster);
    for (uint32_t i = 1; i < retry_->hostAttempts() && host != nullptr && retry_->avoids(*host);
         ++i) {
      host = chooseHost(*cluster);
    }
    host_ = host == nullptr ? host_ : host; // counts need one
    if (host == nullptr) {
      cluster = nullptr;
    }
  }
  if (cluster == nullptr) {
    responseDone_ = true;
    timer_ = nullptr;
    failUpstream(503, ResponseFlag::NoHealthyUpstream, "no healthy upstream",
                 "no_healthy_upstream");
    return;
  }
  route_->rewriteHostFor(*request_, host_->hostname());
  waiting_ = keptBody_->share();
  attempt(*cluster);
}

} // namespace moe::proxy
