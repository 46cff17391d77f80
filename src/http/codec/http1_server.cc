#include "http/codec/http1.h"

#include "base/strings.h"
#include "http/codec/http1_encoder.h"
#include "http/codec/http1_parser.h"
#include "http/codec/http1_tokens.h"
#include "http/status.h"

namespace moe::http {
namespace {

// What a request leaves is deleted at the end of the turn: pipelined ones that are answered at once
// must not pile up.
constexpr uint32_t kRequestsPerTurn = 16;

// One downstream connection: one request at a time; pipelined ones wait, unread, in the connection.
class Http1Server final : public Codec, public ResponseEncoder, private Http1ParserHandler {
public:
  Http1Server(const CodecContext& context, net::Connection& connection,
              ServerCodecCallbacks& callbacks, const Http1ServerSettings& settings)
      : context_(context), connection_(connection), callbacks_(callbacks), settings_(settings),
        parser_(Http1Parser::Role::Request, *this, context.worker.slab,
                {settings.maxHeadersBytes, settings.maxHeadersCount, settings.nameCase.keep,
                 settings.nameCase.properElse}) {}

  // --- Codec
  absl::Status dispatch(base::Buffer& data, bool endStream) override;
  Protocol protocol() const override { return parser_.version(); }
  void shutdownNotice() override { goAway(); }
  void goAway() override {
    closeAfterResponse_ = true;
    if (!active_ && parser_.idle() && !heldForTurn_) { // else a request is coming
      connection_.close(net::CloseType::FlushWriteAndDelay);
    }
  }
  bool receivingHead() const override { return !active_ && !parser_.idle(); }
  void headTimedOut() override {
    (void)parser_.fail(408, "request_header_timeout");
    protocolError();
    connection_.close(net::CloseType::FlushWriteAndDelay);
  }
  void onConnectionAboveHighWatermark() override {
    if (streamCallbacks_ != nullptr && !std::exchange(streamHigh_, true)) {
      streamCallbacks_->onAboveWriteBufferHighWatermark();
    }
  }
  void onConnectionBelowLowWatermark() override {
    if (std::exchange(heldForOutput_, false)) {
      parser_.pause(heldForTurn_);
      connection_.readDisable(false);
    }
    if (streamCallbacks_ != nullptr && std::exchange(streamHigh_, false)) {
      streamCallbacks_->onBelowWriteBufferLowWatermark();
    }
  }
  void onConnectionClosed(ResetReason reason, std::string_view details) override {
    decoder_ = nullptr;
    nextTurn_.unlink();
    if (StreamCallbacks* callbacks = std::exchange(streamCallbacks_, nullptr)) {
      callbacks->onResetStream(reason, details);
    }
  }

  // --- ResponseEncoder
  void setCallbacks(StreamCallbacks* callbacks) override { streamCallbacks_ = callbacks; }
  void resetStream(ResetReason /*reason*/) override {
    streamCallbacks_ = nullptr;
    decoder_ = nullptr;
    // A response cut short must not look complete.
    connection_.close(responseBegun_ ? net::CloseType::Abort : net::CloseType::FlushWrite);
  }
  void readDisable(bool disable) override {
    if (!disable && readDisables_ == 0) {
      return; // of an earlier stream
    }
    disable ? ++readDisables_ : --readDisables_;
    connection_.readDisable(disable);
  }
  uint32_t bufferLimit() const override { return connection_.bufferLimit(); }
  uint64_t bytesReceived() const override { return parser_.bytes(); }
  uint64_t bytesSent() const override { return bytesSent_; }
  void encode1xxHeaders(const HeaderMap& headers) override;
  void encodeHeaders(const HeaderMap& headers, bool endStream) override;
  void encodeData(base::Buffer& data, bool endStream) override;
  void encodeTrailers(const HeaderMap& trailers) override;
  void closeAfterResponse() override { closeAfterResponse_ = true; }

private:
  // --- Http1ParserHandler
  HeaderMapPtr newHeaders() override { return context_.headers.make(); }
  bool onHead(HeaderMapPtr headers, bool end) override;
  void onBody(base::Buffer& data, bool end) override {
    if (decoder_ != nullptr) {
      decoder_->decodeData(data, end);
    }
  }
  void onTrailers(HeaderMapPtr trailers) override {
    if (decoder_ == nullptr) {
      return;
    }
    if (settings_.enableTrailers) {
      decoder_->decodeTrailers(std::move(trailers));
    } else {
      base::Buffer none;
      decoder_->decodeData(none, true);
    }
  }

  void write(base::Buffer& out) {
    bytesSent_ += out.size();
    connection_.write(out, false);
  }
  void responseComplete();
  void resume();
  void protocolError();

  CodecContext context_;
  net::Connection& connection_;
  ServerCodecCallbacks& callbacks_;
  const Http1ServerSettings& settings_;
  Http1Parser parser_;
  RequestDecoder* decoder_ = nullptr; // of the request at hand
  StreamCallbacks* streamCallbacks_ = nullptr;
  Http1Framing framing_ = Http1Framing::None;
  uint64_t bytesSent_ = 0;
  int readDisables_ = 0;
  bool active_ = false; // a request was given out and its response is not complete
  bool responseBegun_ = false;
  bool responseDone_ = false;
  bool headRequest_ = false;
  bool connectRequest_ = false;
  bool closeAfterResponse_ = false;
  bool heldPipelined_ = false; // reading is off because the next request waits
  bool heldForOutput_ = false; // and because the answers are not read
  bool heldForTurn_ = false;   // and because this turn has begun enough requests
  bool streamHigh_ = false;    // the stream was told to stop its sender
  uint64_t turn_ = 0;          // in which a request was begun last
  uint32_t begun_ = 0;         // in that turn
  event::NextTurn nextTurn_{context_.worker.loop, [this] { resume(); }};
};

absl::Status Http1Server::dispatch(base::Buffer& data, bool endStream) {
  if (!parser_.execute(data)) {
    protocolError();
    return absl::InvalidArgumentError(base::cat(parser_.error().details));
  }
  if (connection_.closing()) {
    return absl::OkStatus();
  }
  if (parser_.complete() && active_ && !data.empty() && !heldPipelined_) {
    heldPipelined_ = true;
    connection_.readDisable(true);
  }
  if (closeAfterResponse_ && !active_ && !heldForTurn_) { // goAway() left it to a next request
    connection_.close(net::CloseType::FlushWriteAndDelay);
    return absl::OkStatus();
  }
  if (!endStream || heldPipelined_ || (parser_.paused() && !data.empty())) {
    return absl::OkStatus();
  }
  if (!active_ && !parser_.idle() && !parser_.complete()) {
    (void)parser_.fail(400, "http1.premature_end");
    connection_.close(net::CloseType::FlushWrite);
    return absl::OkStatus();
  }
  if (!active_) {
    connection_.close(net::CloseType::FlushWrite);
    return absl::OkStatus();
  }
  // The peer will send no more; it may still read the answer to a whole request.
  closeAfterResponse_ = true;
  if (!parser_.finish()) {
    return absl::InvalidArgumentError("http1.premature_end");
  }
  return absl::OkStatus();
}

void Http1Server::protocolError() {
  const Http1Parser::Error error = parser_.error();
  if (!responseBegun_) {
    const std::string_view reason = reasonPhrase(error.status);
    base::Buffer out;
    out.append(context_.worker.slab,
               base::cat("HTTP/1.1 ", error.status, " ", reason,
                         "\r\ncontent-length: ", reason.size(),
                         "\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n", reason));
    write(out);
    responseBegun_ = true;
  }
  callbacks_.onProtocolError(error.status, error.details);
}

bool Http1Server::onHead(HeaderMapPtr headers, bool end) {
  if (parser_.version() == Protocol::Http10) {
    if (!settings_.acceptHttp10) {
      return parser_.fail(426, "low_version");
    }
    if (!headers->has(HeaderId::Authority)) {
      if (settings_.defaultHostForHttp10.empty()) {
        return parser_.fail(400, "missing_host_header");
      }
      headers->add(HeaderId::Authority, settings_.defaultHostForHttp10);
    }
  }
  if (parser_.absoluteForm() && !settings_.allowAbsoluteUrl) {
    return parser_.fail(400, "absolute_url_not_allowed");
  }
  const std::string_view method = headers->method();
  headRequest_ = method == "HEAD";
  connectRequest_ = method == "CONNECT";
  active_ = true;
  const uint64_t turn = context_.worker.loop.turn();
  begun_ = turn == std::exchange(turn_, turn) ? begun_ + 1 : 1;
  responseBegun_ = responseDone_ = false;
  framing_ = Http1Framing::None;
  bytesSent_ = 0;
  if (!parser_.keepAlive()) {
    closeAfterResponse_ = true;
  }
  // What follows an upgrade request is not HTTP until the answer says that it stays HTTP.
  if (parser_.upgradeRequested() && end) {
    end = false;
    parser_.becomeTunnel();
  }
  decoder_ = &callbacks_.newStream(*this);
  decoder_->decodeHeaders(std::move(headers), end);
  return true;
}

void Http1Server::encode1xxHeaders(const HeaderMap& headers) {
  if (parser_.version() == Protocol::Http10 || responseBegun_) {
    return; // RFC 9110 section 15.2: not to 1.0 clients
  }
  base::Buffer out;
  writeResponseHead(headers, headers.status(), {}, context_.worker.slab, out);
  write(out);
}

void Http1Server::encodeHeaders(const HeaderMap& headers, bool endStream) {
  const uint32_t status = headers.status();
  Http1HeadOptions options;
  options.properCase = settings_.nameCase.proper;
  responseBegun_ = true;
  if (status == 101 || (connectRequest_ && status >= 200 && status < 300)) {
    options.framing = Http1Framing::Tunnel;
    options.dropContentLength = true;
    closeAfterResponse_ = true;
  } else {
    if (parser_.tunnel()) {
      closeAfterResponse_ = true; // refused upgrade: what follows cannot be told apart
    }
    if (!parser_.complete()) {
      closeAfterResponse_ = true; // answered early: the rest of the request is not waited for
    }
    const bool noBody = headRequest_ || status == 204 || status == 304;
    if (status == 204) {
      options.dropContentLength = true;
    }
    // Announced trailers need chunks, whatever the other protocol knew of the length.
    const bool trailers = settings_.enableTrailers && !endStream &&
                          headers.has(HeaderId::Trailer) && parser_.version() == Protocol::Http11;
    if (noBody) {
      options.framing = Http1Framing::None;
    } else if (headers.has(HeaderId::ContentLength) && !trailers) {
      options.framing = Http1Framing::Length;
    } else if (endStream) {
      options.contentLengthZero = true;
    } else if (parser_.version() == Protocol::Http11) {
      options.framing = Http1Framing::Chunked;
    } else {
      options.framing = Http1Framing::UntilClose;
      closeAfterResponse_ = true;
    }
    if (closeAfterResponse_) {
      options.connection = "close";
    } else if (parser_.version() == Protocol::Http10) {
      options.connection = "keep-alive";
    }
  }
  framing_ = options.framing;
  base::Buffer out;
  writeResponseHead(headers, status, options, context_.worker.slab, out);
  write(out);
  if (endStream) {
    responseComplete();
  }
}

void Http1Server::encodeData(base::Buffer& data, bool endStream) {
  base::Buffer out;
  if (framing_ == Http1Framing::None) {
    data.clear(); // HEAD, 204, 304
  } else if (framing_ == Http1Framing::Chunked) {
    if (!data.empty()) {
      writeChunk(data, context_.worker.slab, out);
    }
    if (endStream) {
      writeLastChunk(nullptr, false, context_.worker.slab, out);
    }
  } else {
    out.moveFrom(data);
  }
  if (!out.empty()) {
    write(out);
  }
  if (endStream) {
    responseComplete();
  }
}

void Http1Server::encodeTrailers(const HeaderMap& trailers) {
  if (framing_ == Http1Framing::Chunked) {
    base::Buffer out;
    writeLastChunk(settings_.enableTrailers ? &trailers : nullptr, settings_.nameCase.proper,
                   context_.worker.slab, out);
    write(out);
  }
  responseComplete();
}

void Http1Server::responseComplete() {
  responseDone_ = true;
  active_ = streamHigh_ = false;
  streamCallbacks_ = nullptr;
  decoder_ = nullptr;
  while (readDisables_ > 0) {
    --readDisables_;
    connection_.readDisable(false);
  }
  const bool requestComplete = parser_.complete();
  if (framing_ == Http1Framing::Tunnel) {
    // Our direction of the tunnel has ended; the peer's may go on.
    connection_.close(net::CloseType::FlushWriteAndDelay);
    return;
  }
  if (closeAfterResponse_ || !requestComplete) {
    connection_.close(net::CloseType::FlushWriteAndDelay);
    return;
  }
  parser_.reset();
  responseBegun_ = false;
  // A client that does not read its answers gets no more of them.
  if (connection_.aboveHighWatermark() && !std::exchange(heldForOutput_, true)) {
    parser_.pause(true);
    connection_.readDisable(true);
  }
  if (begun_ >= kRequestsPerTurn && turn_ == context_.worker.loop.turn() &&
      !std::exchange(heldForTurn_, true)) {
    parser_.pause(true);
    connection_.readDisable(true);
    nextTurn_.schedule();
  }
  if (std::exchange(heldPipelined_, false)) {
    connection_.readDisable(false);
  }
}

void Http1Server::resume() {
  heldForTurn_ = false;
  parser_.pause(heldForOutput_);
  connection_.readDisable(false);
  if (closeAfterResponse_) {
    connection_.continueReading(); // to close even if nothing waits
  }
}

} // namespace

std::unique_ptr<Codec> createHttp1Server(const CodecContext& context, net::Connection& connection,
                                         ServerCodecCallbacks& callbacks,
                                         const Http1ServerSettings& settings) {
  return std::make_unique<Http1Server>(context, connection, callbacks, settings);
}

} // namespace moe::http
