#include "base/strings.h"
#include "http/codec/http1.h"
#include "http/codec/http1_encoder.h"
#include "http/codec/http1_parser.h"
#include "http/upgrade.h"

namespace moe::http {
namespace {

// One upstream connection: one request at a time.
class Http1Client final : public ClientCodec, public RequestEncoder, private Http1ParserHandler {
public:
  Http1Client(const CodecContext& context, net::Connection& connection,
              ClientCodecCallbacks& callbacks, const Http1ClientSettings& settings)
      : context_(context), connection_(connection), callbacks_(callbacks), settings_(settings),
        parser_(Http1Parser::Role::Response, *this, context.worker.slab,
                {settings.maxHeadersBytes, settings.maxHeadersCount, settings.nameCase.keep,
                 settings.nameCase.properElse}) {}

  // --- ClientCodec
  RequestEncoder& newStream(ResponseDecoder& decoder) override {
    decoder_ = &decoder;
    streamCallbacks_ = nullptr;
    requestDone_ = false;
    framing_ = Http1Framing::None;
    bytesSent_ = 0;
    early_.clear();
    earlyEnd_ = earlyHigh_ = streamHigh_ = false;
    readDisables_ = 0;
    parser_.reset();
    return *this;
  }
  absl::Status dispatch(base::Buffer& data, bool endStream) override;
  Protocol protocol() const override { return Protocol::Http11; }
  uint32_t maxConcurrentStreams() const override { return 1; }
  bool takesRequests() const override { return true; }
  void shutdownNotice() override {}
  void goAway() override {}
  bool receivingHead() const override { return false; }
  void headTimedOut() override {}
  void onConnectionAboveHighWatermark() override {
    if (streamCallbacks_ != nullptr && !std::exchange(streamHigh_, true)) {
      streamCallbacks_->onAboveWriteBufferHighWatermark();
    }
  }
  void onConnectionBelowLowWatermark() override {
    if (streamCallbacks_ != nullptr && std::exchange(streamHigh_, false)) {
      streamCallbacks_->onBelowWriteBufferLowWatermark();
    }
  }
  void onConnectionClosed(ResetReason reason, std::string_view details) override {
    decoder_ = nullptr;
    if (StreamCallbacks* callbacks = std::exchange(streamCallbacks_, nullptr)) {
      callbacks->onResetStream(reason, details);
    }
  }

  // --- RequestEncoder
  void setCallbacks(StreamCallbacks* callbacks) override { streamCallbacks_ = callbacks; }
  void resetStream(ResetReason /*reason*/) override {
    streamCallbacks_ = nullptr;
    decoder_ = nullptr;
    connection_.close(net::CloseType::NoFlush);
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
  absl::Status encodeHeaders(const HeaderMap& headers, bool endStream) override;
  void encodeData(base::Buffer& data, bool endStream) override;
  void encodeTrailers(const HeaderMap& trailers) override;

private:
  HeaderMapPtr newHeaders() override { return context_.headers.make(); }
  bool onHead(HeaderMapPtr headers, bool end) override;
  void onBody(base::Buffer& data, bool end) override;
  void onTrailers(HeaderMapPtr trailers) override;

  void write(base::Buffer& out, bool endStream = false) {
    bytesSent_ += out.size();
    connection_.write(out, endStream);
  }
  void finishResponse();
  void holdEarly(base::Buffer& data, bool endStream);
  void sendEarly();

  CodecContext context_;
  net::Connection& connection_;
  ClientCodecCallbacks& callbacks_;
  const Http1ClientSettings settings_;
  Http1Parser parser_;
  int interims_ = 0;                   // 1xx of the response at hand
  ResponseDecoder* decoder_ = nullptr; // null between responses
  StreamCallbacks* streamCallbacks_ = nullptr;
  Http1Framing framing_ = Http1Framing::None;
  uint64_t bytesSent_ = 0;
  int readDisables_ = 0;
  bool requestDone_ = false;
  bool tunnelRequested_ = false;
  base::Buffer early_; // tunnel bytes that wait for the upstream's agreement
  bool earlyEnd_ = false;
  bool earlyHigh_ = false;
  bool streamHigh_ = false; // the stream was told to stop its sender
};

absl::Status Http1Client::encodeHeaders(const HeaderMap& headers, bool endStream) {
  const std::string_view method = headers.method();
  const bool connect = method == "CONNECT";
  if (method.empty() || headers.authority().empty() || (!connect && headers.path().empty())) {
    return absl::InvalidArgumentError("missing required header: :method, :path or :authority");
  }
  tunnelRequested_ = connect || isUpgrade(headers);
  parser_.setResponseContext(method == "HEAD", connect);
  Http1HeadOptions options;
  options.properCase = settings_.nameCase.proper;
  if (tunnelRequested_) {
    options.framing = Http1Framing::Tunnel;
    options.dropContentLength = connect;
  } else if (headers.has(HeaderId::ContentLength) &&
             !(settings_.enableTrailers && !endStream && headers.has(HeaderId::Trailer))) {
    options.framing = Http1Framing::Length;
  } else if (!endStream) {
    options.framing = Http1Framing::Chunked;
  } else if (method == "POST" || method == "PUT" || method == "PATCH") {
    options.contentLengthZero = true; // RFC 9110 section 8.6
  }
  framing_ = options.framing;
  base::Buffer out;
  writeRequestHead(headers, options, context_.worker.slab, out);
  write(out);
  requestDone_ = endStream;
  return absl::OkStatus();
}

// Before the upstream has agreed to a tunnel it would take these bytes for requests.
void Http1Client::holdEarly(base::Buffer& data, bool endStream) {
  early_.moveFrom(data);
  earlyEnd_ = earlyEnd_ || endStream;
  if (!earlyHigh_ && bufferLimit() != 0 && early_.size() > bufferLimit() &&
      streamCallbacks_ != nullptr) {
    earlyHigh_ = true;
    streamCallbacks_->onAboveWriteBufferHighWatermark();
  }
}

void Http1Client::sendEarly() {
  requestDone_ = requestDone_ || earlyEnd_;
  if (!early_.empty() || earlyEnd_) {
    write(early_, earlyEnd_);
  }
  if (std::exchange(earlyHigh_, false) && streamCallbacks_ != nullptr) {
    streamCallbacks_->onBelowWriteBufferLowWatermark();
  }
}

void Http1Client::encodeData(base::Buffer& data, bool endStream) {
  if (framing_ == Http1Framing::Tunnel && !parser_.tunnel()) {
    holdEarly(data, endStream);
    return;
  }
  base::Buffer out;
  if (framing_ == Http1Framing::Chunked) {
    if (!data.empty()) {
      writeChunk(data, context_.worker.slab, out);
    }
    if (endStream) {
      writeLastChunk(nullptr, false, context_.worker.slab, out);
    }
  } else {
    out.moveFrom(data);
  }
  requestDone_ = requestDone_ || endStream;
  // The end of a tunnel's direction is the end of the connection's.
  write(out, endStream && framing_ == Http1Framing::Tunnel);
}

void Http1Client::encodeTrailers(const HeaderMap& trailers) {
  base::Buffer out;
  if (framing_ == Http1Framing::Chunked) {
    writeLastChunk(settings_.enableTrailers ? &trailers : nullptr, settings_.nameCase.proper,
                   context_.worker.slab, out);
  }
  requestDone_ = true;
  write(out);
}

bool Http1Client::onHead(HeaderMapPtr headers, bool end) {
  if (decoder_ == nullptr) {
    return parser_.fail(502, "http1.unexpected_response");
  }
  const uint32_t status = headers->status();
  if (status < 200 && status != 101) {
    if (++interims_ > kMostInterimResponses) {
      return parser_.fail(502, "http1.too_many_interim_responses");
    }
    ResponseDecoder* decoder = decoder_;
    parser_.reset(); // the final response follows
    decoder->decode1xxHeaders(std::move(headers));
    return true;
  }
  if (status == 101 && !tunnelRequested_) {
    return parser_.fail(502, "http1.unexpected_upgrade");
  }
  if (parser_.tunnel()) {
    sendEarly();
    if (decoder_ == nullptr) {
      return true; // reset meanwhile
    }
  }
  decoder_->decodeHeaders(std::move(headers), end);
  if (end) {
    finishResponse();
  }
  return true;
}

void Http1Client::onBody(base::Buffer& data, bool end) {
  if (decoder_ == nullptr) {
    return;
  }
  decoder_->decodeData(data, end);
  if (end) {
    finishResponse();
  }
}

void Http1Client::onTrailers(HeaderMapPtr trailers) {
  if (decoder_ == nullptr) {
    return;
  }
  if (settings_.enableTrailers) {
    decoder_->decodeTrailers(std::move(trailers));
  } else {
    base::Buffer none;
    decoder_->decodeData(none, true);
  }
  finishResponse();
}

void Http1Client::finishResponse() {
  interims_ = 0;
  decoder_ = nullptr;
  streamCallbacks_ = nullptr;
}

absl::Status Http1Client::dispatch(base::Buffer& data, bool endStream) {
  if (decoder_ == nullptr && !data.empty()) {
    data.clear();
    return absl::InvalidArgumentError("http1.unexpected_data"); // nobody asked
  }
  // An interim response resets the parser: go on with what follows it.
  const bool waiting = decoder_ != nullptr;
  while (decoder_ != nullptr && !data.empty()) {
    const size_t before = data.size();
    if (!parser_.execute(data)) {
      return absl::InvalidArgumentError(base::cat(parser_.error().details));
    }
    if (connection_.closed() || data.size() == before) {
      break;
    }
  }
  const bool inBody = parser_.inBody();
  if (endStream && decoder_ != nullptr && !connection_.closed() && !parser_.finish()) {
    // Gone in the middle of a body; half a head is no answer.
    return absl::Status(inBody ? absl::StatusCode::kUnavailable
                               : absl::StatusCode::kInvalidArgument,
                        "http1.premature_end");
  }
  if (waiting && decoder_ == nullptr && !connection_.closed()) {
    while (readDisables_ > 0) {
      --readDisables_;
      connection_.readDisable(false);
    }
    // A request that is still being written would be followed by the next one too late.
    const bool reusable = parser_.keepAlive() && requestDone_ && data.empty() && !endStream &&
                          framing_ != Http1Framing::Tunnel && connection_.readEnabled() &&
                          !connection_.aboveHighWatermark();
    callbacks_.onStreamComplete(reusable);
  }
  return absl::OkStatus();
}

} // namespace

std::unique_ptr<ClientCodec> createHttp1Client(const CodecContext& context,
                                               net::Connection& connection,
                                               ClientCodecCallbacks& callbacks,
                                               const Http1ClientSettings& settings) {
  return std::make_unique<Http1Client>(context, connection, callbacks, settings);
}

} // namespace moe::http
