#pragma once

#include "http/body_length.h"
#include "http/codec.h"
#include "proxy/internal_redirect.h"
#include "proxy/kept_body.h"
#include "proxy/retry_state.h"
#include "proxy/worker_context.h"
#include "route/route.h"
#include "upstream/pool.h"

namespace moe::proxy {

// The terminal filter: sends the request to a host of the route's cluster, and its response back.
class Router final : public http::StreamFilter {
public:
  explicit Router(WorkerContext& context) : context_(context), upstream_(*this) {}

  void setDecoderCallbacks(http::DecoderFilterCallbacks& callbacks) override {
    callbacks_ = &callbacks;
  }
  void setEncoderCallbacks(http::EncoderFilterCallbacks& /*callbacks*/) override {}
  http::HeadersStatus decodeHeaders(http::HeaderMap& headers, bool endStream) override;
  http::DataStatus decodeData(base::Buffer& data, bool endStream) override;
  http::TrailersStatus decodeTrailers(http::HeaderMap& trailers) override;
  void onDestroy() override;

  // Holds or frees the upstream's sending; counted.
  void readDisableUpstream(bool disable);

private:
  // The upstream's side: what its pool and its codec tell.
  class Upstream final : public upstream::HttpPoolCallbacks,
                         public http::ResponseDecoder,
                         public http::StreamCallbacks {
  public:
    explicit Upstream(Router& router) : router_(router) {}
    void onPoolReady(http::RequestEncoder& encoder, const upstream::HostPtr& host,
                     net::Connection& connection, http::Protocol protocol) override;
    void onPoolFailure(http::ResetReason reason, std::string_view details,
                       const upstream::HostPtr& host) override;
    void decode1xxHeaders(http::HeaderMapPtr headers) override;
    void decodeHeaders(http::HeaderMapPtr headers, bool endStream) override;
    void decodeData(base::Buffer& data, bool endStream) override;
    void decodeTrailers(http::HeaderMapPtr trailers) override;
    void onResetStream(http::ResetReason reason, std::string_view details) override;
    void onAboveWriteBufferHighWatermark() override;
    void onBelowWriteBufferLowWatermark() override;

  private:
    Router& router_;
  };

  bool answerLocally(const http::HeaderMap& headers);
  void answer(http::LocalReply reply);
  void fail(uint32_t status, http::ResponseFlag flag, std::string_view body,
            std::string_view details);
  void failUpstream(uint32_t status, http::ResponseFlag flag, std::string_view body,
                    std::string_view details);
  upstream::HostPtr chooseHost(upstream::WorkerCluster& cluster);
  void takeTimeout(http::HeaderMap& headers);
  bool lengthHolds(uint64_t bytes, bool endStream);
  void requestComplete();
  void timedOut();
  // --- router_retry.cc
  void attempt(upstream::WorkerCluster& cluster);
  void watchTry();
  void tryTimedOut();
  // A try is over without a response for the client. True: there will be another.
  bool retries(RetryState::Verdict verdict);
  bool mayRetry() const { return retry_ != nullptr && requestEnd_ && !responseBegun_; }
  void tryAgain();
  // --- router.cc
  void durationReached();
  bool redirected(http::HeaderMapPtr& response);
  void responseEnded();
  void countOutcome(uint32_t status);
  void upstreamFailed(http::ResetReason reason, std::string_view details);
  void release(http::ResetReason reason);

  WorkerContext& context_;
  http::DecoderFilterCallbacks* callbacks_ = nullptr;
  Upstream upstream_;
  const route::Route* route_ = nullptr;
  http::HeaderMap* request_ = nullptr;
  http::HeaderMap* requestTrailers_ = nullptr;
  upstream::ClusterInfoPtr cluster_;
  upstream::Cancellable* pending_ = nullptr;
  http::RequestEncoder* encoder_ = nullptr;
  std::unique_ptr<event::Timer> timer_;
  std::unique_ptr<event::Timer> durationTimer_; // max_stream_duration of the cluster
  std::unique_ptr<KeptBody> keptBody_;          // for redirects and retries
  std::unique_ptr<RetryState> retry_;
  std::unique_ptr<event::Timer> tryTimer_;   // per_try_timeout
  std::unique_ptr<event::Timer> retryTimer_; // back-off
  base::Milliseconds timeout_{0};
  upstream::HostPtr host_;
  http::BodyLength requestLength_;
  base::Buffer waiting_; // body that came before the pool was ready
  int64_t sentNanos_ = 0;
  int readDisables_ = 0;    // holds on the upstream's sending
  bool requestEnd_ = false; // the whole request has come
  bool headersEnd_ = false; // with its headers
  bool responseBegun_ = false;
  bool grpc_ = false; // the response is gRPC's
  bool responseDone_ = false;
  bool holdingDownstream_ = false; // for waiting_
};

} // namespace moe::proxy
