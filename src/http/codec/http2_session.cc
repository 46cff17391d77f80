#include "http/codec/http2_session.h"

#include "http/codec/http2_headers.h"
#include "http/codec/http2_stream.h"

namespace moe::http {
namespace {

// All streams together may queue this much before each is held at a small amount.
constexpr int64_t kManyQueuedBytes = int64_t{2} * 1024 * 1024;
constexpr size_t kStreamLimit = size_t{256} * 1024;
constexpr size_t kTightStreamLimit = size_t{16} * 1024;
// What is to end ends after this, whether its last frames could be written or not.
constexpr base::Milliseconds kEndPatience{5000};
// What a peer that asks for a header table gets at most; more helps nobody.
constexpr size_t kMaxEncoderTable = 4096;

} // namespace

Http2Session::Http2Session(const CodecContext& context, net::Connection& connection,
                           Http2Role& role, bool server, const Http2Settings& settings,
                           Http2Stats& stats)
    : context_(context), connection_(connection), role_(role), server_(server), settings_(settings),
      stats_(stats), frames_(server ? NGHTTP2_CLIENT_MAGIC_LEN : 0) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&options);
  installCallbacks(*callbacks);
  nghttp2_option_set_no_auto_window_update(options, 1);
  // Messages are checked here: nghttp2 ends the connection where one stream's message is malformed.
  nghttp2_option_set_no_http_messaging(options, 1);
  nghttp2_option_set_max_outbound_ack(options, settings_.maxOutboundControlFrames);
  nghttp2_option_set_max_deflate_dynamic_table_size(options, kMaxEncoderTable);
  nghttp2_option_set_max_send_header_block_length(options, size_t{1024} * 1024);
  // What comes for streams that were reset is no misbehaviour, and an upstream's connection is
  // shared.
  nghttp2_option_set_glitch_rate_limit(options, 100'000, 10'000);
  // nghttp2 counts resets of any stream; ours counts those before an answer, see frameReceived().
  nghttp2_option_set_stream_reset_rate_limit(options, UINT64_MAX / 2, UINT64_MAX / 2);
  if (server_) {
    nghttp2_session_server_new2(&session_, callbacks, this, options);
  } else {
    nghttp2_option_set_peer_max_concurrent_streams(options, settings_.maxConcurrentStreams);
    nghttp2_session_client_new2(&session_, callbacks, this, options);
  }
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  submitSettings();
  if (settings_.keepaliveInterval.count() > 0) {
    keepalive_ = context_.worker.loop.createTimer([this] {
      if (pingPending_) {
        stats_.keepaliveTimeout.inc();
        slow_ = true;
        role_.onSessionError("http2.keepalive_timeout");
        connection_.close(net::CloseType::NoFlush);
        return;
      }
      pingPending_ = true;
      (void)nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
      sendLater();
      keepalive_->enable(settings_.keepaliveTimeout);
    });
    if (server_) {
      armKeepalive(); // a client's begins with what the server says first
    }
  }
}

Http2Session::~Http2Session() {
  closed_ = true;
  unlink();
  while (!streams_.empty()) {
    streams_.front().connectionClosed(ResetReason::ConnectionTermination, "");
  }
  nghttp2_session_del(session_);
}

void Http2Session::armKeepalive() {
  if (keepalive_ != nullptr && !pingPending_) {
    keepalive_->enable(settings_.keepaliveInterval);
  }
}

void Http2Session::submitSettings() {
  absl::InlinedVector<nghttp2_settings_entry, 8> entries;
  auto set = [&](int32_t id, uint32_t value) { entries.push_back({id, value}); };
  if (settings_.hpackTableSize != NGHTTP2_DEFAULT_HEADER_TABLE_SIZE) {
    set(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, settings_.hpackTableSize);
  }
  if (server_) {
    set(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.maxConcurrentStreams);
    if (settings_.allowConnect) {
      set(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    }
  } else {
    set(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  set(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.initialStreamWindow);
  set(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings_.maxHeadersBytes);
  (void)nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  (void)nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(settings_.initialConnectionWindow));
  sendLater();
}

size_t Http2Session::streamLimit() const {
  const size_t limit = queuedBytes_ > kManyQueuedBytes ? kTightStreamLimit : kStreamLimit;
  const size_t most = connection_.bufferLimit();
  return most == 0 ? limit : std::min(limit, most);
}

uint32_t Http2Session::peerMaxConcurrentStreams() const {
  // Until the peer has said how many: what RFC 9113 section 6.5.2 asks of it at least.
  const uint32_t peers =
      settingsSeen_
          ? nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
          : 100;
  return std::min(settings_.maxConcurrentStreams, peers);
}

void Http2Session::add(std::unique_ptr<Http2Stream> stream) {
  ++streamsSeen_;
  ++streamCount_;
  stats_.streamsActive.inc();
  streams_.pushBack(*stream.release()); // owned by the list until remove()
}

void Http2Session::remove(Http2Stream& stream) {
  if (!stream.linked()) {
    return; // the end of a stream may have ended the connection, and with it the stream
  }
  stats_.streamsActive.dec();
  --streamCount_;
  stream.unlink();
  stream.retire();
  if (partial_ == &stream) {
    partial_ = nullptr;
  }
  if (stream.id() > 0) {
    nghttp2_session_set_stream_user_data(session_, stream.id(), nullptr);
  }
  context_.worker.loop.deferredDelete(std::unique_ptr<Http2Stream>(&stream));
  if (!closed_ && streamCount_ + 1 == peerMaxConcurrentStreams()) {
    role_.onSettings(); // there is room again
  }
  sendLater(); // after a GOAWAY, the last stream ends the connection
}

void Http2Session::queued(int64_t bytes) {
  queuedBytes_ += bytes;
  stats_.pendingSendBytes.add(bytes);
}

Http2Stream* Http2Session::find(int32_t id) {
  return id == 0 ? nullptr
                 : static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

bool Http2Session::room() const {
  const size_t limit = connection_.bufferLimit();
  return limit == 0 || connection_.pendingOutput().size() + out_.size() <= limit;
}

bool Http2Session::mayTakeTurn(const Http2Stream& stream, uint32_t& round) {
  if (server_ || &streams_.front() == &streams_.back()) {
    return true;
  }
  if (round == round_) {
    yielded_.push_back(stream.id());
    return false;
  }
  round = round_;
  return true;
}

void Http2Session::sendInTurn() {
  do {
    ++round_;
    woken_.swap(yielded_);
    for (const int32_t id : woken_) {
      if (Http2Stream* stream = find(id)) {
        stream->takeTurn();
      }
    }
    woken_.clear();
    (void)nghttp2_session_send(session_);
  } while (!yielded_.empty() && !closed_ && !connection_.closed());
}

void Http2Session::flush() {
  if (closed_ || connection_.closed() || connection_.closing()) {
    return;
  }
  sendInTurn();
  if (closed_ || connection_.closed()) {
    return;
  }
  if (!out_.empty()) {
    connection_.write(out_, false);
  }
  if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
    connection_.close(server_ ? net::CloseType::FlushWriteAndDelay : net::CloseType::FlushWrite);
    return;
  }
  watchEnd();
}

// A peer that reads nothing must not keep what is to end.
void Http2Session::watchEnd() {
  if (unsentEnds_ > 0) {
    streams_.forEach([](Http2Stream& stream) { stream.watchFlush(); });
  }
  if (!ending_ || endTimer_ != nullptr) {
    return;
  }
  bool live = false; // some stream has more to say than its end
  streams_.forEach([&](const Http2Stream& stream) { live = live || !stream.resetSent(); });
  if (live) {
    return;
  }
  endTimer_ =
      context_.worker.loop.createTimer([this] { connection_.close(net::CloseType::NoFlush); });
  endTimer_->enable(kEndPatience);
}

void Http2Session::closed(ResetReason reason, std::string_view details) {
  closed_ = true;
  keepalive_ = nullptr;
  endTimer_ = nullptr;
  nextTurn_.unlink();
  unlink();
  while (!streams_.empty()) {
    streams_.front().connectionClosed(reason, details);
  }
}

void Http2Session::shutdownNotice() {
  (void)nghttp2_submit_shutdown_notice(session_);
  sendLater();
}

void Http2Session::goAway() {
  ending_ = true;
  goAwayLast_ = std::min(goAwayLast_, nghttp2_session_get_last_proc_stream_id(session_));
  (void)nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, goAwayLast_, NGHTTP2_NO_ERROR, nullptr,
                              0);
  sendLater();
}

void Http2Session::terminate(uint32_t errorCode, std::string_view details) {
  if (error_.empty()) {
    error_ = std::string(details);
  }
  (void)nghttp2_session_terminate_session(session_, errorCode);
  ending_ = true;
  if (endTimer_ == nullptr) {
    endTimer_ =
        context_.worker.loop.createTimer([this] { connection_.close(net::CloseType::NoFlush); });
    endTimer_->enable(kEndPatience);
  }
  sendLater();
}

} // namespace moe::http
