#include "http/codec/http2_stream.h"

#include <algorithm>

#include "http/codec/http1_tokens.h"
#include "http/codec/http2_headers.h"

namespace moe::http {
namespace {

// RFC 9113 section 6.5.2: what a field costs beyond its bytes.
constexpr uint32_t kFieldOverhead = 32;

ResetReason reasonOf(uint32_t errorCode, bool byPeer) {
  if (errorCode == NGHTTP2_REFUSED_STREAM) {
    return ResetReason::RemoteRefused;
  }
  // Not by the peer: we have refused what it sent.
  return byPeer ? ResetReason::RemoteReset : ResetReason::ProtocolError;
}

} // namespace

void Http2Stream::retire() {
  session_.queued(-static_cast<int64_t>(out_.size()));
  out_.clear();
  in_.clear();
  flushTimer_ = nullptr;
  resetSent_ = true; // nothing more is sent
  uncountEnd();
}

// --- receiving

void Http2Stream::beginHeaders() {
  headers_ = session_.context().headers.make();
  headerBytes_ = headerCount_ = 0;
}

bool Http2Stream::addHeader(std::string_view name, std::string_view value) {
  if (headersTooLarge_ || problem_ != nullptr || headers_ == nullptr) {
    ++dropped_;
    return true;
  }
  headerBytes_ += static_cast<uint32_t>(name.size() + value.size()) + kFieldOverhead;
  bytesReceived_ += name.size() + value.size();
  const bool pseudo = name.starts_with(':');
  // Cookies come as crumbs (RFC 9113 section 8.2.3) that will be one header.
  const bool crumb = name == "cookie" && headers_->has(HeaderId::Cookie);
  headerCount_ += pseudo || crumb ? 0 : 1;
  if (headerBytes_ > session_.settings().maxHeadersBytes ||
      headerCount_ > session_.settings().maxHeadersCount) {
    headersTooLarge_ = true;
    session_.stats().headerOverflow.inc();
    return onHeadersTooLarge();
  }
  problem_ = fieldProblem(name, value, *headers_,
                          pseudo && headerCount_ == 0 && received_ == Received::Nothing);
  if (problem_ == nullptr) {
    headers_->add(name, value);
    headers_->gather();
  }
  return true;
}

absl::Status Http2Stream::headersDone(bool end) {
  HeaderMapPtr headers = std::move(headers_);
  remoteEnd_ = remoteEnd_ || end;
  if (headersTooLarge_ || headers == nullptr) {
    return absl::OkStatus();
  }
  if (problem_ != nullptr) {
    return absl::InvalidArgumentError(problem_);
  }
  if (received_ == Received::Nothing) {
    // An interim response leaves the state as it is; see Http2ClientStream.
    return onHead(std::move(headers), end);
  }
  if (!end || tunnel_) {
    return absl::InvalidArgumentError("http2.trailers_out_of_place"); // RFC 9113 section 8.1
  }
  received_ = Received::End;
  if (detached_) {
    return absl::OkStatus();
  }
  if (bodyLeft_.value_or(0) != 0) {
    return absl::InvalidArgumentError("http2.body_shorter_than_content_length");
  }
  session_.stats().trailers.inc();
  headers->removeIf([](const HeaderMap::Entry& e) { return forbiddenTrailer(e.id, e.name()); });
  if (headers->empty()) {
    base::Buffer none;
    onBody(none, true);
  } else {
    onTrailers(std::move(headers));
  }
  return absl::OkStatus();
}

void Http2Stream::bodyPart(base::Slice slice) {
  bytesReceived_ += slice.size;
  if (detached_) {
    (void)nghttp2_session_consume(session_.nghttp2(), id_, slice.size);
    session_.sendLater();
    return;
  }
  if (!session_.isServer()) {
    // Whoever reads its response slowly must not hold up the others on a shared connection: only
    // the stream's window waits for it.
    (void)nghttp2_session_consume_connection(session_.nghttp2(), slice.size);
  }
  unconsumed_ += slice.size;
  in_.append(std::move(slice));
}

absl::Status Http2Stream::bodyDone(bool end) {
  remoteEnd_ = remoteEnd_ || end;
  if (detached_) {
    in_.clear();
    return absl::OkStatus();
  }
  if (received_ != Received::Head) {
    return absl::InvalidArgumentError("http2.body_out_of_place");
  }
  if (bodyLeft_.has_value()) { // RFC 9113 section 8.1.1
    if (in_.size() > *bodyLeft_ || (end && in_.size() != *bodyLeft_)) {
      in_.clear();
      return absl::InvalidArgumentError("http2.body_differs_from_content_length");
    }
    *bodyLeft_ -= in_.size();
  }
  if (end) {
    received_ = Received::End;
  }
  if (readDisables_ == 0) {
    consume(std::exchange(unconsumed_, 0));
  }
  if (!in_.empty() || end) {
    base::Buffer data = std::move(in_);
    onBody(data, end);
  }
  return absl::OkStatus();
}

void Http2Stream::consume(size_t bytes) {
  if (bytes > 0 && id_ > 0) {
    (void)(session_.isServer() ? nghttp2_session_consume(session_.nghttp2(), id_, bytes)
                               : nghttp2_session_consume_stream(session_.nghttp2(), id_, bytes));
    session_.sendLater();
  }
}

void Http2Stream::disableReading(bool disable) {
  if (disable) {
    ++readDisables_;
    return;
  }
  if (readDisables_ == 0) {
    return;
  }
  --readDisables_;
  if (readDisables_ == 0) {
    consume(std::exchange(unconsumed_, 0));
  }
}

void Http2Stream::streamClosed(uint32_t errorCode) {
  // Bytes that nobody will read still count against the connection's window.
  if (const size_t bytes = std::exchange(unconsumed_, 0); bytes > 0 && session_.isServer()) {
    (void)nghttp2_session_consume_connection(session_.nghttp2(), bytes);
    session_.sendLater();
  }
  if (!detached_) {
    StreamCallbacks* callbacks = callbacks_;
    detach();
    onReset(callbacks, reasonOf(errorCode, peerReset_), nghttp2_http2_strerror(errorCode));
  }
  session_.remove(*this);
}

void Http2Stream::connectionClosed(ResetReason reason, std::string_view details) {
  if (!detached_) {
    StreamCallbacks* callbacks = callbacks_;
    detach();
    onReset(callbacks, reason, details);
  }
  session_.remove(*this);
}

// --- sending

nghttp2_data_provider2 Http2Stream::bodyProvider() {
  nghttp2_data_provider2 provider{};
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                              nghttp2_data_source* source, void*) -> nghttp2_ssize {
    return static_cast<Http2Stream*>(source->ptr)->readBody(length, flags);
  };
  return provider;
}

nghttp2_ssize Http2Stream::readBody(size_t length, uint32_t* flags) {
  const size_t size = std::min(length, out_.size());
  if (size == 0 && !localEnd_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (size > 0 && !session_.mayTakeTurn(*this, round_)) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (localEnd_ && size == out_.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (trailers_ != nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      NgHeaders fields;
      toNgTrailers(*trailers_, fields);
      (void)nghttp2_submit_trailer(session_.nghttp2(), id_, fields.data(), fields.size());
      trailers_ = nullptr;
    }
  }
  return static_cast<nghttp2_ssize>(size);
}

void Http2Stream::takeBody(size_t size, base::Buffer& out) {
  out.moveFrom(out_, size);
  bytesSent_ += size;
  session_.queued(-static_cast<int64_t>(size));
  if (flushTimer_ != nullptr) {
    armFlushTimer(); // slow, but the peer takes it
  }
  updateWatermarks();
}

void Http2Stream::queueBody(base::Buffer& data, bool end) {
  if (localEnd_ || resetSent_) {
    data.clear();
    return;
  }
  session_.queued(static_cast<int64_t>(data.size()));
  out_.moveFrom(data);
  localEnd_ = end;
  resumeSending();
  updateWatermarks();
}

void Http2Stream::queueTrailers(const HeaderMap& trailers) {
  if (localEnd_ || resetSent_) {
    return;
  }
  NgHeaders fields;
  toNgTrailers(trailers, fields);
  if (!fields.empty()) { // else the end of the body is the end
    trailers_ = session_.context().headers.make();
    trailers_->copyFrom(trailers);
  }
  localEnd_ = true;
  resumeSending();
}

void Http2Stream::takeTurn() {
  if (std::exchange(deferred_, false)) {
    (void)nghttp2_session_resume_data(session_.nghttp2(), id_);
  }
}

void Http2Stream::resumeSending() {
  takeTurn();
  session_.sendLater();
}

void Http2Stream::updateWatermarks() {
  if (callbacks_ == nullptr) {
    return;
  }
  const size_t limit = session_.streamLimit();
  if (!aboveHigh_ && out_.size() > limit) {
    aboveHigh_ = true;
    callbacks_->onAboveWriteBufferHighWatermark();
  } else if (aboveHigh_ && out_.size() <= limit / 2) {
    aboveHigh_ = false;
    callbacks_->onBelowWriteBufferLowWatermark();
  }
}

void Http2Stream::uncountEnd() {
  if (std::exchange(endCounted_, false)) {
    session_.countUnsentEnd(-1);
  }
}

void Http2Stream::watchFlush() {
  if (endCounted_ && flushTimer_ == nullptr) {
    armFlushTimer();
  }
}

void Http2Stream::endSent() {
  endSent_ = true;
  flushTimer_ = nullptr;
  uncountEnd();
  if (session_.isServer() && !remoteEnd_) {
    // Answered before the request was whole: the rest is not wanted (RFC 9113 section 8.1).
    sendReset(NGHTTP2_NO_ERROR);
  }
}

void Http2Stream::sendReset(uint32_t errorCode) {
  if (std::exchange(resetSent_, true) || id_ <= 0) {
    return;
  }
  session_.queued(-static_cast<int64_t>(out_.size()));
  out_.clear();
  trailers_ = nullptr;
  (void)nghttp2_submit_rst_stream(session_.nghttp2(), NGHTTP2_FLAG_NONE, id_, errorCode);
  session_.sendLater();
}

void Http2Stream::detach() {
  detached_ = true;
  callbacks_ = nullptr;
  readDisables_ = 0;
  in_.clear();
  if (unconsumed_ > 0) {
    consume(std::exchange(unconsumed_, 0));
  }
  if (session_.isServer() && localEnd_ && !endSent_ && !resetSent_ && !endCounted_) {
    endCounted_ = true;
    session_.countUnsentEnd(1);
  }
}

// The proxy has forgotten the stream; what it queued must not wait for ever.
void Http2Stream::armFlushTimer() {
  const base::Milliseconds timeout = session_.settings().flushTimeout;
  if (timeout.count() == 0) {
    return;
  }
  if (flushTimer_ == nullptr) {
    flushTimer_ = session_.context().worker.loop.createTimer([this] {
      session_.stats().txFlushTimeout.inc();
      sendReset(NGHTTP2_CANCEL);
    });
  }
  flushTimer_->enable(timeout);
}

} // namespace moe::http
