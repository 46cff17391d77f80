#pragma once

#include "absl/container/inlined_vector.h"
#include "base/intrusive_list.h"
#include "http/body_length.h"
#include "proxy/hcm_config.h"
#include "proxy/router.h"

namespace moe::proxy {

class ConnectionManager;
struct StreamTag {};

// One request of one downstream connection, from its first header to its access log.
class Stream final : public base::ListLink<StreamTag>,
                     public event::DeferredDeletable,
                     public FilterChainHost,
                     public http::RequestDecoder,
                     public http::StreamCallbacks {
public:
  Stream(ConnectionManager& manager, http::ResponseEncoder& encoder);
  ~Stream() override;

  // http::RequestDecoder
  void decodeHeaders(http::HeaderMapPtr headers, bool endStream) override;
  void decodeData(base::Buffer& data, bool endStream) override;
  void decodeTrailers(http::HeaderMapPtr trailers) override;
  // http::StreamCallbacks
  void onResetStream(http::ResetReason reason, std::string_view details) override;
  void onAboveWriteBufferHighWatermark() override { readDisableUpstream(true); }
  void onBelowWriteBufferLowWatermark() override { readDisableUpstream(false); }
  // FilterChainHost
  event::Worker& worker() override;
  http::StreamInfo& streamInfo() override { return info_; }
  const http::RouteView* route() override;
  void clearRouteCache() override { routed_ = false; }
  http::HeaderMapPtr newHeaders() override;
  const LocalReplyConfig* localReplies() override { return config_.localReplies.get(); }
  void send1xxHeaders(const http::HeaderMap& headers) override;
  void sendHeaders(http::HeaderMap& headers, bool endStream) override;
  void sendData(base::Buffer& data, bool endStream) override;
  void sendTrailers(http::HeaderMap& trailers) override;
  void readDisableDownstream(bool disable) override;
  void readDisableUpstream(bool disable) override;
  bool recreateStream(http::HeaderMapPtr& request, base::Buffer& body) override;
  void resetStream(std::string_view details) override {
    resetFor(details, http::ResetReason::LocalReset);
  }
  // Takes the place of one that a redirect has ended, before the request comes.
  void follow(const http::StreamInfo& before) {
    info_.internalRedirects = before.internalRedirects + 1;
  }
  // The client has closed its sending side (HTTP/1): perhaps it has gone. The answer must then
  // come, and go on, without long pauses.
  void onClientHalfClosed();
  // The codec has answered a request that broke the protocol, and is about to reset the stream.
  void answeredByCodec(uint32_t status, std::string_view details);

private:
  // --- stream_rules.cc
  // Applies the connection manager's rules to the request; false: answered.
  bool admit(http::HeaderMap& request);
  bool applyPathRules(http::HeaderMap& request);
  void refuseUnderscores();
  // The route says how long the stream may last.
  void limitDuration();
  // --- stream.cc
  bool prepareUpgrade(http::HeaderMap& headers);
  void buildChain();
  void add(std::string_view name, const http::FilterFactory& factory);
  // A filter whose configuration comes by name.
  void addNamed(const ConfiguredFilter& filter);
  bool lengthHolds(uint64_t bytes, bool endStream);
  void resetFor(std::string_view details, http::ResetReason reason);
  void touch();
  void idleTimedOut();
  void responseDone();
  void finish();

  ConnectionManager& manager_;
  const HcmConfig& config_;
  http::ResponseEncoder* encoder_; // null once the codec is done with the stream
  http::StreamInfo info_;
  http::HeaderMapPtr request_;
  route::RouteTablePtr routes_;
  const route::Route* route_ = nullptr;
  uint64_t random_;
  // What filters were made by, if it may be replaced.
  absl::InlinedVector<http::FilterFactoryPtr, 2> replaceable_;
  FilterChain chain_;
  Router* router_ = nullptr; // owned by the chain
  std::unique_ptr<event::Timer> idleTimer_;
  std::unique_ptr<event::Timer> requestTimer_;
  std::unique_ptr<event::Timer> durationTimer_; // max_stream_duration
  base::Milliseconds idleTimeout_;
  http::BodyLength responseLength_;
  int downstreamHolds_ = 0;
  bool routed_ = false;
  bool upgrade_ = false;
  bool requestEnded_ = false;
  bool clientHalfClosed_ = false;
  bool finished_ = false;
};

} // namespace moe::proxy
