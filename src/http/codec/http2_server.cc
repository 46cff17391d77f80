#include "base/strings.h"
#include "http/codec/http1_tokens.h"
#include "http/codec/http2_headers.h"
#include "http/codec/http2_stream.h"
#include "http/websocket.h"

namespace moe::http {
namespace {

class Http2ServerStream final : public Http2Stream, public ResponseEncoder {
public:
  Http2ServerStream(Http2Session& session, ServerCodecCallbacks& connection, int32_t id)
      : Http2Stream(session), connection_(connection) {
    setId(id);
  }

  // --- ResponseEncoder
  void setCallbacks(StreamCallbacks* callbacks) override { callbacks_ = callbacks; }
  void resetStream(ResetReason reason) override {
    decoder_ = nullptr;
    detach();
    if (reason == ResetReason::ProtocolError) {
      session_.provoked(*this);
    }
    sendReset(reason == ResetReason::LocalRefused    ? NGHTTP2_REFUSED_STREAM
              : reason == ResetReason::ProtocolError ? NGHTTP2_PROTOCOL_ERROR
                                                     : NGHTTP2_INTERNAL_ERROR);
  }
  void readDisable(bool disable) override { disableReading(disable); }
  uint32_t bufferLimit() const override { return session_.connection().bufferLimit(); }
  uint64_t bytesReceived() const override { return bytesReceived_; }
  uint64_t bytesSent() const override { return bytesSent_; }
  void encode1xxHeaders(const HeaderMap& headers) override {
    NgHeaders fields;
    toNgResponse(headers, false, fields);
    (void)nghttp2_submit_headers(session_.nghttp2(), NGHTTP2_FLAG_NONE, id(), nullptr,
                                 fields.data(), fields.size(), nullptr);
    session_.sendLater();
  }
  void encodeHeaders(const HeaderMap& headers, bool endStream) override {
    const uint32_t status = headers.status();
    noBody_ = headRequest_ || status == 204 || status == 304;
    NgHeaders fields;
    toNgResponse(headers, upgrade_, fields);
    submit(fields, endStream);
  }
  void encodeData(base::Buffer& data, bool endStream) override {
    if (noBody_) {
      data.clear();
    }
    queueBody(data, endStream);
    if (endStream) {
      finish();
    }
  }
  void encodeTrailers(const HeaderMap& trailers) override {
    queueTrailers(trailers);
    finish();
  }
  // A connection ends by GOAWAY, not by an answer.
  void closeAfterResponse() override {}

private:
  // --- Http2Stream
  absl::Status onHead(HeaderMapPtr headers, bool end) override {
    if (const absl::Status status =
            fromRequest(*headers, session_.settings().allowConnect, upgrade_);
        !status.ok()) {
      return status;
    }
    if (upgrade_ && equalsIgnoreCase(headers->value(HeaderId::Upgrade), "websocket") &&
        !headers->get(kWebSocketKey)) {
      headers->add(kWebSocketKey, webSocketKey(session_.context().worker.random));
    }
    received_ = end ? Received::End : Received::Head;
    headRequest_ = headers->method() == "HEAD";
    tunnel_ = upgrade_ || headers->method() == "CONNECT";
    if (!tunnel_) {
      expectBody(*headers);
      if (end && headers->contentLength().value_or(0) != 0) {
        return absl::InvalidArgumentError("http2.body_shorter_than_content_length");
      }
    }
    decoder_ = &connection_.newStream(*this);
    decoder_->decodeHeaders(std::move(headers), end);
    return absl::OkStatus();
  }
  void onBody(base::Buffer& data, bool end) override {
    if (decoder_ != nullptr) {
      decoder_->decodeData(data, end);
    }
  }
  void onTrailers(HeaderMapPtr trailers) override {
    if (decoder_ != nullptr) {
      decoder_->decodeTrailers(std::move(trailers));
    }
  }
  bool onHeadersTooLarge() override {
    if (received_ != Received::Nothing) {
      return false;
    }
    HeaderMapPtr headers = session_.context().headers.make();
    headers->setStatus(431);
    NgHeaders fields;
    toNgResponse(*headers, false, fields);
    submit(fields, true);
    connection_.onProtocolError(431, "request_headers_too_large");
    return true;
  }
  void onReset(StreamCallbacks* callbacks, ResetReason reason, std::string_view details) override {
    decoder_ = nullptr;
    if (callbacks != nullptr) {
      callbacks->onResetStream(reason, details);
    }
  }

  void submit(NgHeaders& fields, bool endStream) {
    if (headSent_ || resetSent()) {
      return;
    }
    headSent_ = true;
    localEnd_ = endStream;
    const nghttp2_data_provider2 provider = bodyProvider();
    // Fails where the peer has reset the stream: on_stream_close tells.
    (void)nghttp2_submit_response2(session_.nghttp2(), id(), fields.data(), fields.size(),
                                   endStream ? nullptr : &provider);
    session_.sendLater();
    if (endStream) {
      finish();
    }
  }
  // The proxy is done with the stream.
  void finish() {
    decoder_ = nullptr;
    detach();
  }

  ServerCodecCallbacks& connection_;
  RequestDecoder* decoder_ = nullptr;
  bool upgrade_ = false;
  bool headRequest_ = false;
  bool noBody_ = false;
};

class Http2Server final : public Codec, private Http2Role {
public:
  Http2Server(const CodecContext& context, net::Connection& connection,
              ServerCodecCallbacks& callbacks, const Http2Settings& settings, Http2Stats& stats)
      : callbacks_(callbacks), session_(context, connection, *this, true, settings, stats) {}

  absl::Status dispatch(base::Buffer& data, bool endStream) override {
    return session_.dispatch(data, endStream);
  }
  Protocol protocol() const override { return Protocol::Http2; }
  bool receivingHead() const override { return session_.receivingHead(); }
  void headTimedOut() override {
    session_.noteSlow();
    session_.terminate(NGHTTP2_ENHANCE_YOUR_CALM, "http2.request_header_timeout");
  }
  void shutdownNotice() override { session_.shutdownNotice(); }
  void goAway() override { session_.goAway(); }
  // Streams hold their senders themselves.
  void onConnectionAboveHighWatermark() override {}
  void onConnectionBelowLowWatermark() override { session_.sendLater(); }
  void onConnectionClosed(ResetReason reason, std::string_view details) override {
    session_.closed(reason, details);
  }

private:
  std::unique_ptr<Http2Stream> acceptStream(Http2Session& session, int32_t id) override {
    return std::make_unique<Http2ServerStream>(session, callbacks_, id);
  }
  void onGoAway() override {}
  void onSettings() override {}
  void onSessionError(std::string_view details) override {
    if (!session_.slow()) {
      callbacks_.onProtocolError(0, details);
    }
  }

  ServerCodecCallbacks& callbacks_;
  Http2Session session_;
};

} // namespace

std::unique_ptr<Codec> createHttp2Server(const CodecContext& context, net::Connection& connection,
                                         ServerCodecCallbacks& callbacks,
                                         const Http2Settings& settings, Http2Stats& stats) {
  return std::make_unique<Http2Server>(context, connection, callbacks, settings, stats);
}

Http2Stats::Http2Stats(const stats::Scope& scope)
    : goawaySent(scope.counter("goaway_sent")), headerOverflow(scope.counter("header_overflow")),
      inboundEmptyFramesFlood(scope.counter("inbound_empty_frames_flood")),
      inboundPriorityFramesFlood(scope.counter("inbound_priority_frames_flood")),
      inboundWindowUpdateFramesFlood(scope.counter("inbound_window_update_frames_flood")),
      inboundContinuationFlood(scope.counter("inbound_continuation_flood")),
      outboundControlFlood(scope.counter("outbound_control_flood")),
      tooManyPrematureResets(scope.counter("too_many_premature_resets")),
      keepaliveTimeout(scope.counter("keepalive_timeout")),
      rxMessagingError(scope.counter("rx_messaging_error")), rxReset(scope.counter("rx_reset")),
      txReset(scope.counter("tx_reset")), txFlushTimeout(scope.counter("tx_flush_timeout")),
      trailers(scope.counter("trailers")),
      streamRefusedErrors(scope.counter("stream_refused_errors")),
      streamsActive(scope.gauge("streams_active")),
      pendingSendBytes(scope.gauge("pending_send_bytes")) {}

Http2Preface detectHttp2(const base::Buffer& data) {
  constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  size_t seen = 0;
  for (const base::Slice& slice : data.slices()) {
    const size_t size = std::min(slice.size, preface.size() - seen);
    if (slice.view().substr(0, size) != preface.substr(seen, size)) {
      return Http2Preface::No;
    }
    seen += size;
    if (seen == preface.size()) {
      return Http2Preface::Yes;
    }
  }
  return Http2Preface::Maybe;
}

} // namespace moe::http
