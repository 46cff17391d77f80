#pragma once

#include <memory>
#include <vector>

#include "http/protocol.h"
#include "route/retry_policy.h"
#include "upstream/cluster_info.h"
#include "upstream/host.h"

namespace moe::proxy {

// Whether one request is tried again, how often and when (Envoy's router, "Retry semantics"). The
// policy outlives it.
class RetryState {
public:
  // Null: nothing is worth another try. Takes the headers that steer retries off the request.
  static std::unique_ptr<RetryState> make(const route::RetryPolicy* policy,
                                          http::HeaderMap& request,
                                          upstream::ClusterInfoPtr cluster);
  ~RetryState() { giveBack(); }
  RetryState(const RetryState&) = delete;
  RetryState& operator=(const RetryState&) = delete;

  enum class Verdict {
    No,       // it is not of the kind
    Exceeded, // there were as many tries as there may be
    Overflow, // the cluster has as many retries under way as it may have
    Retry,    // now one more is under way
  };
  Verdict afterHeaders(const http::HeaderMap& response);
  Verdict afterReset(http::ResetReason reason);
  Verdict afterTryTimeout();
  // The response is the one that the client gets: whether it came by a retry counts.
  void accepted();

  // How long to wait before the retry that was just granted.
  base::Milliseconds backOff(base::Random& random);
  base::Milliseconds perTryTimeout() const { return perTryTimeout_; }
  void noteTried(const upstream::HostPtr& host);
  // A host that shall not be tried, if there is another.
  bool avoids(const upstream::Host& host) const;
  uint32_t hostAttempts() const { return policy_ == nullptr ? 1 : policy_->hostAttempts; }

private:
  RetryState(const route::RetryPolicy* policy, upstream::ClusterInfoPtr cluster)
      : policy_(policy), cluster_(std::move(cluster)) {}
  bool on(route::RetryOn what) const { return (on_ & static_cast<uint32_t>(what)) != 0; }
  bool wants(const http::HeaderMap& response) const;
  bool wantsGrpc(std::string_view status) const;
  Verdict take(bool wanted);
  void giveBack();

  const route::RetryPolicy* policy_; // null: only the request's headers ask for retries
  upstream::ClusterInfoPtr cluster_;
  uint32_t on_ = 0;
  uint32_t left_ = 1;
  uint32_t done_ = 0;
  base::Milliseconds perTryTimeout_{0};
  std::vector<uint32_t> statusCodes_;
  std::vector<std::string> headerNames_; // of responses, in lower case
  std::vector<upstream::HostPtr> tried_;
  bool taken_ = false; // of the cluster's max_retries
};

} // namespace moe::proxy
