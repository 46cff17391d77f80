#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "golang/config.h"
#include "golang/flow.h"
#include "golang/request.h"
#include "http/filter.h"

namespace moe::golang {

// An answer made by Go.
struct GoReply {
  uint32_t status = 500;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<int> grpcStatus;
  std::string details;
  bool panic = false;
};

inline constexpr std::string_view kPanicBody = "error happened in the Go filter\r\n";

// The Go filter on one stream. The worker's thread only; Go reaches it through Request.
class Filter final : public http::StreamFilter {
public:
  // `config` is kept alive by the stream.
  Filter(const FilterConfig& config, event::Worker& worker);
  ~Filter() override;

  // http::StreamFilter
  void setDecoderCallbacks(http::DecoderFilterCallbacks& callbacks) override {
    decoder_ = &callbacks;
  }
  void setEncoderCallbacks(http::EncoderFilterCallbacks& callbacks) override {
    encoder_ = &callbacks;
  }
  http::HeadersStatus decodeHeaders(http::HeaderMap& headers, bool endStream) override;
  http::DataStatus decodeData(base::Buffer& data, bool endStream) override;
  http::TrailersStatus decodeTrailers(http::HeaderMap& trailers) override;
  http::HeadersStatus encodeHeaders(http::HeaderMap& headers, bool endStream) override;
  http::DataStatus encodeData(base::Buffer& data, bool endStream) override;
  http::TrailersStatus encodeTrailers(http::HeaderMap& trailers) override;
  void onLocalReply() override {
    decode_.abandon();
    encode_.abandon();
  }
  void onStreamComplete() override;
  void log() override;
  void onDestroy() override;

  // --- for the ABI functions
  // Is Go called for this direction at this moment (on this thread)?
  bool calling(const Direction& direction) const { return calling_ == &direction; }
  // During such a call: the reply is sent when the call has returned.
  void setReply(GoReply reply) { reply_ = std::move(reply); }
  // Later: unless Go has been called again since `entry`.
  void replyLater(Direction& direction, uint32_t entry, GoReply reply);
  Flow& flow(const Direction& direction) { return direction.isEncoding != 0 ? encode_ : decode_; }
  http::DecoderFilterCallbacks& decoder() { return *decoder_; }
  http::EncoderFilterCallbacks& encoder() { return *encoder_; }
  http::StreamInfo& streamInfo() { return decoder_->streamInfo(); }
  event::Worker& worker() { return worker_; }
  const FilterConfig& config() const { return config_; }
  const HttpFunctions& go() const { return config_.library->http(); }
  // An answer or argument of Go that makes no sense; logged and counted.
  void complain(std::string_view what);

  // --- for Flow
  Request& request() { return *request_; }
  bool destroyed() const { return destroyed_; }
  int callHeaders(Direction& direction, abi::Phase phase, http::HeaderMap& map, bool endStream);
  // Go gets a buffer of its own, with the bytes of `body`.
  int callData(Direction& direction, base::Buffer& body, bool endStream);
  // Has Go replied in the call that was made last?
  bool hasReply() const { return reply_.has_value(); }
  // Answers the stream with that reply, which may be the end of it.
  void sendReply();
  // Answers with 500.
  void fail(std::string_view details);

private:
  template <class Prepare, class Call>
  int enter(Direction& direction, abi::Phase phase, Prepare prepare, Call call);
  template <class Prepare, class Call> void callGo(Prepare prepare, Call call);
  template <class Call> void timed(Call call);
  bool prepare();
  void prepareLog();
  void replyToPanic();
  void send(GoReply& reply);

  const FilterConfig& config_;
  event::Worker& worker_;
  http::DecoderFilterCallbacks* decoder_ = nullptr;
  http::EncoderFilterCallbacks* encoder_ = nullptr;
  Request* request_ = nullptr; // a reference of its own; null until the filter is entered
  const Direction* calling_ = nullptr;
  std::optional<GoReply> reply_;
  Flow decode_{*this, false};
  Flow encode_{*this, true};
  uint64_t nanosInGo_ = 0;
  bool off_ = false; // by the route
  bool entered_ = false;
  bool destroyed_ = false;
};

} // namespace moe::golang
