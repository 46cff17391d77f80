#include "base/strings.h"
#include "http/codec/http2_headers.h"
#include "http/codec/http2_stream.h"
#include "http/websocket.h"

namespace moe::http {
namespace {

class Http2ClientStream final : public Http2Stream, public RequestEncoder {
public:
  Http2ClientStream(Http2Session& session, ClientCodecCallbacks& connection,
                    ResponseDecoder& decoder)
      : Http2Stream(session), connection_(connection), decoder_(&decoder) {}

  // --- RequestEncoder
  void setCallbacks(StreamCallbacks* callbacks) override { callbacks_ = callbacks; }
  void resetStream(ResetReason /*reason*/) override {
    decoder_ = nullptr;
    detach();
    sendReset(NGHTTP2_CANCEL);
    if (id() == 0) { // nothing was sent: nghttp2 does not know it
      session_.remove(*this);
    }
    connection_.onStreamComplete(true);
  }
  void readDisable(bool disable) override { disableReading(disable); }
  uint32_t bufferLimit() const override { return session_.connection().bufferLimit(); }
  uint64_t bytesReceived() const override { return bytesReceived_; }
  uint64_t bytesSent() const override { return bytesSent_; }
  absl::Status encodeHeaders(const HeaderMap& headers, bool endStream) override {
    NgHeaders fields;
    bool upgrade = false;
    if (const absl::Status status = toNgRequest(headers, fields, upgrade); !status.ok()) {
      return status;
    }
    if (upgrade) {
      upgradeType_ = std::string(headers.value(HeaderId::Upgrade));
      webSocketKey_ = std::string(headers.get(kWebSocketKey).value_or(""));
    }
    noBody_ = headers.method() == "HEAD" || headers.method() == "CONNECT";
    localEnd_ = endStream;
    const nghttp2_data_provider2 provider = bodyProvider();
    const int32_t id =
        nghttp2_submit_request2(session_.nghttp2(), nullptr, fields.data(), fields.size(),
                                endStream ? nullptr : &provider, static_cast<Http2Stream*>(this));
    if (id < 0) {
      return absl::UnavailableError(base::cat("http2.", nghttp2_strerror(id)));
    }
    setId(id);
    headSent_ = true;
    session_.sendLater();
    return absl::OkStatus();
  }
  void encodeData(base::Buffer& data, bool endStream) override { queueBody(data, endStream); }
  void encodeTrailers(const HeaderMap& trailers) override { queueTrailers(trailers); }

private:
  // --- Http2Stream
  absl::Status onHead(HeaderMapPtr headers, bool end) override {
    if (decoder_ == nullptr) {
      return absl::OkStatus();
    }
    if (const absl::Status wrong = fromResponse(*headers, upgradeType_); !wrong.ok()) {
      return wrong;
    }
    const uint32_t status = headers->status();
    if (status < 200 && status != 101) {
      if (end) {
        return absl::InvalidArgumentError("http2.interim_response_ends");
      }
      if (headers->contentLength().value_or(0) != 0) { // as in HTTP/1
        return absl::InvalidArgumentError("http2.body_in_interim_response");
      }
      headers->remove(HeaderId::ContentLength);
      if (++interims_ > kMostInterimResponses) {
        return absl::InvalidArgumentError("http2.too_many_interim_responses");
      }
      decoder_->decode1xxHeaders(std::move(headers));
      return absl::OkStatus();
    }
    if (status == 101 && !webSocketKey_.empty() && !headers->get(kWebSocketAccept)) {
      headers->add(kWebSocketAccept, webSocketAccept(webSocketKey_)); // an HTTP/1 client checks it
    }
    if (!noBody_ && status != 101 && status != 204 && status != 304) {
      expectBody(*headers);
      if (end && headers->contentLength().value_or(0) != 0) {
        return absl::InvalidArgumentError("http2.body_shorter_than_content_length");
      }
    }
    received_ = end ? Received::End : Received::Head;
    ResponseDecoder* decoder = decoder_;
    if (end) {
      finish();
    }
    decoder->decodeHeaders(std::move(headers), end);
    return absl::OkStatus();
  }
  void onBody(base::Buffer& data, bool end) override {
    if (ResponseDecoder* decoder = decoder_) {
      if (end) {
        finish();
      }
      decoder->decodeData(data, end);
    }
  }
  void onTrailers(HeaderMapPtr trailers) override {
    if (ResponseDecoder* decoder = decoder_) {
      finish();
      decoder->decodeTrailers(std::move(trailers));
    }
  }
  bool onHeadersTooLarge() override { return false; }
  void onReset(StreamCallbacks* callbacks, ResetReason reason, std::string_view details) override {
    decoder_ = nullptr;
    connection_.onStreamComplete(false);
    if (callbacks != nullptr) {
      callbacks->onResetStream(reason, details);
    }
  }

  // The response is complete. An upstream that answers early does not want the rest.
  void finish() {
    decoder_ = nullptr;
    detach();
    if (!localEnd_ || unsent()) {
      sendReset(NGHTTP2_CANCEL);
    }
    connection_.onStreamComplete(true);
  }

  ClientCodecCallbacks& connection_;
  ResponseDecoder* decoder_;
  int interims_ = 0;    // 1xx
  bool noBody_ = false; // whatever content-length the response has
  std::string webSocketKey_;
  std::string upgradeType_; // what the extended CONNECT asked for
};

class Http2Client final : public ClientCodec, private Http2Role {
public:
  Http2Client(const CodecContext& context, net::Connection& connection,
              ClientCodecCallbacks& callbacks, const Http2Settings& settings, Http2Stats& stats)
      : callbacks_(callbacks), session_(context, connection, *this, false, settings, stats) {}

  RequestEncoder& newStream(ResponseDecoder& decoder) override {
    auto stream = std::make_unique<Http2ClientStream>(session_, callbacks_, decoder);
    Http2ClientStream& made = *stream;
    session_.add(std::move(stream));
    return made;
  }
  uint32_t maxConcurrentStreams() const override { return session_.peerMaxConcurrentStreams(); }
  bool takesRequests() const override { return session_.mayOpen(); }
  absl::Status dispatch(base::Buffer& data, bool endStream) override {
    return session_.dispatch(data, endStream);
  }
  Protocol protocol() const override { return Protocol::Http2; }
  bool receivingHead() const override { return false; }
  void headTimedOut() override {}
  void shutdownNotice() override {}
  void goAway() override { session_.goAway(); }
  void onConnectionAboveHighWatermark() override {}
  void onConnectionBelowLowWatermark() override { session_.sendLater(); }
  void onConnectionClosed(ResetReason reason, std::string_view details) override {
    session_.closed(reason, details);
  }

private:
  std::unique_ptr<Http2Stream> acceptStream(Http2Session&, int32_t) override { return nullptr; }
  void onGoAway() override { callbacks_.onGoAway(); }
  void onSettings() override { callbacks_.onCapacityChanged(); }
  // It is about to close: it takes no more requests.
  void onSessionError(std::string_view /*details*/) override { callbacks_.onGoAway(); }

  ClientCodecCallbacks& callbacks_;
  Http2Session session_;
};

} // namespace

std::unique_ptr<ClientCodec> createHttp2Client(const CodecContext& context,
                                               net::Connection& connection,
                                               ClientCodecCallbacks& callbacks,
                                               const Http2Settings& settings, Http2Stats& stats) {
  return std::make_unique<Http2Client>(context, connection, callbacks, settings, stats);
}

} // namespace moe::http
