#include "proxy/retry_state.h"

#include <algorithm>
#include <charconv>

#include "http/codec/http1_tokens.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::ResetReason;
using route::RetryOn;

std::optional<uint32_t> numberOf(std::string_view text) {
  uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(number)
                                                                   : std::nullopt;
}

// retriable_request_headers: without them the policy is for no request in particular.
bool meant(const route::RetryPolicy& policy, const http::HeaderMap& request) {
  const auto& wanted = policy.requestHeaders;
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                       [&](const auto& fits) { return fits(request, 0); });
}

bool connectFailed(ResetReason reason) {
  return reason == ResetReason::RemoteConnectionFailure ||
         reason == ResetReason::LocalConnectionFailure || reason == ResetReason::ConnectionTimeout;
}

} // namespace

std::unique_ptr<RetryState> RetryState::make(const route::RetryPolicy* policy,
                                             http::HeaderMap& request,
                                             upstream::ClusterInfoPtr cluster) {
  uint32_t on = policy != nullptr && meant(*policy, request) ? policy->on : 0;
  for (const HeaderId id : {HeaderId::EnvoyRetryOn, HeaderId::EnvoyRetryGrpcOn}) {
    if (request.has(id)) {
      on |= route::parseRetryOn(request.value(id));
      request.remove(id);
    }
  }
  std::unique_ptr<RetryState> state;
  if (on != 0) {
    state.reset(new RetryState(policy, std::move(cluster))); // NOLINT: private constructor
    state->on_ = on;
    if (policy != nullptr) {
      state->left_ = policy->retries;
      state->perTryTimeout_ = policy->perTryTimeout;
      state->statusCodes_ = policy->statusCodes;
    }
  }
  auto take = [&](HeaderId id, auto&& use) {
    if (request.has(id)) {
      if (state != nullptr) {
        use(request.value(id));
      }
      request.remove(id);
    }
  };
  take(HeaderId::EnvoyMaxRetries,
       [&](std::string_view text) { state->left_ = numberOf(text).value_or(state->left_); });
  take(HeaderId::EnvoyUpstreamPerTryTimeout, [&](std::string_view text) {
    if (const auto timeout = numberOf(text)) {
      state->perTryTimeout_ = base::Milliseconds(*timeout);
    }
  });
  take(HeaderId::EnvoyRetriableStatusCodes, [&](std::string_view text) {
    http::forEachListItem(text, [&](std::string_view item) {
      if (const auto code = numberOf(item)) {
        state->statusCodes_.push_back(*code);
      }
    });
  });
  take(HeaderId::EnvoyRetriableHeaderNames, [&](std::string_view text) {
    http::forEachListItem(text, [&](std::string_view item) {
      std::string name(item);
      for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      }
      state->headerNames_.push_back(std::move(name));
    });
  });
  return state;
}

bool RetryState::wantsGrpc(std::string_view status) const {
  constexpr std::pair<std::string_view, RetryOn> kinds[] = {
      {"1", RetryOn::GrpcCancelled},         {"4", RetryOn::GrpcDeadlineExceeded},
      {"8", RetryOn::GrpcResourceExhausted}, {"13", RetryOn::GrpcInternal},
      {"14", RetryOn::GrpcUnavailable},
  };
  return std::any_of(std::begin(kinds), std::end(kinds),
                     [&](const auto& kind) { return kind.first == status && on(kind.second); });
}

bool RetryState::wants(const http::HeaderMap& response) const {
  // It was told to send less.
  if (response.has(HeaderId::EnvoyRateLimited)) {
    return on(RetryOn::RateLimited);
  }
  const uint32_t status = response.status();
  if ((on(RetryOn::ServerError) && status >= 500) ||
      (on(RetryOn::GatewayError) && status >= 502 && status <= 504) ||
      (on(RetryOn::Retriable4xx) && status == 409)) {
    return true;
  }
  if (on(RetryOn::StatusCodes) &&
      std::find(statusCodes_.begin(), statusCodes_.end(), status) != statusCodes_.end()) {
    return true;
  }
  if (on(RetryOn::Headers)) {
    for (const std::string& name : headerNames_) {
      if (response.get(name).has_value()) {
        return true;
      }
    }
    if (policy_ != nullptr &&
        std::any_of(policy_->responseHeaders.begin(), policy_->responseHeaders.end(),
                    [&](const auto& fits) { return fits(response, 0); })) {
      return true;
    }
  }
  // As Envoy: only where the status comes with the headers, so that nothing has been passed on.
  return response.has(HeaderId::GrpcStatus) && wantsGrpc(response.value(HeaderId::GrpcStatus));
}

RetryState::Verdict RetryState::take(bool wanted) {
  giveBack();
  if (!wanted) {
    return Verdict::No;
  }
  upstream::ClusterStats& stats = cluster_->stats();
  if (left_ == 0) {
    stats.retryLimitExceeded.inc();
    return Verdict::Exceeded;
  }
  --left_;
  if (!cluster_->breakers().retries.tryTake()) {
    stats.retryOverflow.inc();
    return Verdict::Overflow;
  }
  taken_ = true;
  ++done_;
  stats.retry.inc();
  stats.retryBackOff.inc();
  return Verdict::Retry;
}

RetryState::Verdict RetryState::afterHeaders(const http::HeaderMap& response) {
  return take(wants(response));
}

RetryState::Verdict RetryState::afterReset(ResetReason reason) {
  if (reason == ResetReason::Overflow) {
    return take(false); // more would not help
  }
  const bool any = on(RetryOn::ServerError) || on(RetryOn::GatewayError) || on(RetryOn::Reset);
  return take(any || (on(RetryOn::ConnectFailure) && connectFailed(reason)) ||
              (on(RetryOn::ResetBeforeRequest) && connectFailed(reason)) ||
              (on(RetryOn::RefusedStream) && reason == ResetReason::RemoteRefused));
}

RetryState::Verdict RetryState::afterTryTimeout() {
  return take(on(RetryOn::ServerError) || on(RetryOn::GatewayError) || on(RetryOn::Reset));
}

void RetryState::accepted() {
  giveBack();
  if (done_ > 0) {
    cluster_->stats().retrySuccess.inc();
  }
}

void RetryState::giveBack() {
  if (std::exchange(taken_, false)) {
    cluster_->breakers().retries.release();
  }
}

base::Milliseconds RetryState::backOff(base::Random& random) {
  const int64_t base = policy_ == nullptr ? 25 : policy_->baseInterval.count();
  const int64_t most = policy_ == nullptr ? 250 : policy_->maxInterval.count();
  // Full jitter: anything below an interval that doubles.
  const int64_t interval = std::min(most, base << std::min(done_ - 1, 20u));
  return base::Milliseconds(random.below(static_cast<uint64_t>(std::max<int64_t>(interval, 1))));
}

void RetryState::noteTried(const upstream::HostPtr& host) {
  if (policy_ != nullptr && policy_->otherHosts) {
    tried_.push_back(host);
  }
}

bool RetryState::avoids(const upstream::Host& host) const {
  return std::any_of(tried_.begin(), tried_.end(), [&](const upstream::HostPtr& tried) {
    return tried->state() == host.state();
  });
}

} // namespace moe::proxy
