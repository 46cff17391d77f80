#include "http/codec/http2_session.h"

#include <array>

#include "base/strings.h"
#include "http/codec/http2_headers.h"
#include "http/codec/http2_stream.h"

namespace moe::http {
namespace {

// All streams together may queue this much before each is held at a small amount.
constexpr int64_t kManyQueuedBytes = int64_t{2} * 1024 * 1024;
constexpr size_t kStreamLimit = size_t{256} * 1024;
constexpr size_t kTightStreamLimit = size_t{16} * 1024;
// As Envoy: so many streams must have been seen (or half as many reset) before resets count.
constexpr uint64_t kStreamsBeforeResetsCount = 500;
// What is to end ends after this, whether its last frames could be written or not.
constexpr base::Milliseconds kEndPatience{5000};
// What a stream leaves is deleted at the end of the turn: those that are answered at once, and
// reset to make place for more, must not pile up.
constexpr uint32_t kStreamsPerTurn = 128;
// What a peer that asks for a header table gets at most; more helps nobody.
constexpr size_t kMaxEncoderTable = 4096;

std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A GOAWAY made by hand, for when nghttp2 has given up (RFC 9113 section 6.8).
std::array<char, 17> goAwayFrame(uint32_t lastStream, uint32_t errorCode) {
  std::array<char, 17> frame{0, 0, 8, NGHTTP2_GOAWAY};
  for (size_t i = 0; i < 4; ++i) {
    frame[9 + i] = static_cast<char>(lastStream >> (24 - 8 * i));
    frame[13 + i] = static_cast<char>(errorCode >> (24 - 8 * i));
  }
  return frame;
}

} // namespace

// nghttp2's callbacks; user data is the session, a stream's user data is the Http2Stream.
struct Http2Session::Callbacks {
  static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

  static nghttp2_ssize send(nghttp2_session*, const uint8_t* data, size_t size, int, void* user) {
    Http2Session& self = of(user);
    if (!self.room()) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    self.out_.append(self.context_.worker.slab, text(data, size));
    return static_cast<nghttp2_ssize>(size);
  }
  static int sendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                      nghttp2_data_source* source, void* user) {
    Http2Session& self = of(user);
    if (!self.room()) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    if (!stream.has(size)) {
      // The stream was reset while this frame waited for room: nghttp2 drops it.
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    self.out_.append(self.context_.worker.slab, text(head, 9));
    stream.takeBody(size, self.out_);
    return 0;
  }
  static int beginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2Session& self = of(user);
    Http2Stream* stream = self.find(frame->hd.stream_id);
    if (stream == nullptr) {
      if (!self.server_ || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
      }
      self.lastStream_ = frame->hd.stream_id;
      if (frame->hd.stream_id > self.goAwayLast_) {
        // The GOAWAY that waits to be sent says that this was not looked at.
        (void)nghttp2_submit_rst_stream(self.session_, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                        NGHTTP2_REFUSED_STREAM);
        self.closedStreams_.add(frame->hd.stream_id, true);
        return 0;
      }
      auto made = self.role_.acceptStream(self, frame->hd.stream_id);
      stream = made.get();
      nghttp2_session_set_stream_user_data(self.session_, frame->hd.stream_id, stream);
      // In turn, a frame each, not one response after the other.
      const nghttp2_extpri inTurn{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
      (void)nghttp2_session_change_extpri_stream_priority(self.session_, frame->hd.stream_id,
                                                          &inTurn, 0);
      self.add(std::move(made));
    }
    stream->beginHeaders();
    self.headStream_ = frame->hd.stream_id;
    return 0;
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t, void* user) {
    const nghttp2_vec n = nghttp2_rcbuf_get_buf(name);
    const nghttp2_vec v = nghttp2_rcbuf_get_buf(value);
    return of(user).headerReceived(*frame, text(n.base, n.len), text(v.base, v.len));
  }
  static int data(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data, size_t size,
                  void* user) {
    return of(user).dataReceived(flags, id, data, size);
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).frameReceived(*frame);
  }
  static int invalidFrame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Http2Session& self = of(user);
    self.stats_.rxMessagingError.inc();
    if (!self.settings_.streamErrorOnInvalidMessage && frame->hd.stream_id != 0) {
      self.terminate(NGHTTP2_PROTOCOL_ERROR, "http2.invalid_message");
    }
    return 0;
  }
  static int frameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).frameSent(*frame);
  }
  // Headers of a response or trailers that are too large: nothing else would end their stream.
  static int frameNotSent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Http2Session& self = of(user);
    if (frame->hd.type == NGHTTP2_HEADERS &&
        (self.server_ || frame->headers.cat == NGHTTP2_HCAT_HEADERS)) {
      (void)nghttp2_submit_rst_stream(self.session_, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                      NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
  }
  static int streamClosed(nghttp2_session*, int32_t id, uint32_t errorCode, void* user) {
    Http2Session& self = of(user);
    Http2Stream* stream = self.find(id);
    if (self.headStream_ == id) {
      self.headStream_ = 0;
    }
    if (self.server_ && stream != nullptr) { // else it was refused, and is known already
      self.closedStreams_.add(id, stream->resetByUs());
    }
    if (stream != nullptr) {
      nghttp2_session_set_stream_user_data(self.session_, id, nullptr);
      if (errorCode == NGHTTP2_REFUSED_STREAM) {
        self.stats_.streamRefusedErrors.inc();
      }
      stream->streamClosed(errorCode);
    }
    return 0;
  }
};

Http2Session::Http2Session(const CodecContext& context, net::Connection& connection,
                           Http2Role& role, bool server, const Http2Settings& settings,
                           Http2Stats& stats)
    : context_(context), connection_(connection), role_(role), server_(server), settings_(settings),
      stats_(stats), frames_(server ? NGHTTP2_CLIENT_MAGIC_LEN : 0) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&options);
  nghttp2_session_callbacks_set_send_callback2(callbacks, Callbacks::send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::sendData);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::beginHeaders);
  nghttp2_session_callbacks_set_on_header_callback2(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::invalidFrame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frameSent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, Callbacks::frameNotSent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::streamClosed);
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

absl::Status Http2Session::dispatch(base::Buffer& data, bool endStream) {
  nghttp2_ssize result = 0;
  pingPending_ = false; // the peer lives
  armKeepalive();
  // Not in the connection's own buffer: what is read here may close it.
  base::Buffer input = std::move(data);
  size_t taken = 0;
  for (const base::Slice& slice : input.slices()) {
    reading_ = &slice;
    size_t part = 0;
    result = feed({slice.data, slice.size}, part);
    taken += part;
    if (result < 0 || closed_ || part < slice.size) {
      break;
    }
  }
  reading_ = nullptr;
  if (closed_) {
    return absl::OkStatus();
  }
  // What nghttp2 answers by itself (streams that it refuses) to a peer that does not read.
  if (result >= 0 &&
      nghttp2_session_get_outbound_queue_size(session_) >
          settings_.maxOutboundControlFrames + size_t{4} * settings_.maxConcurrentStreams) {
    result = NGHTTP2_ERR_FLOODED;
  }
  if (result < 0) {
    if (result == NGHTTP2_ERR_FLOODED) {
      stats_.outboundControlFlood.inc();
      error_ = "http2.outbound_control_flood";
    } else if (result == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
      stats_.inboundContinuationFlood.inc();
      error_ = "http2.too_many_continuations";
    } else if (error_.empty()) {
      error_ = base::cat("http2.", nghttp2_strerror(static_cast<int>(result)));
    }
    if (result == NGHTTP2_ERR_FLOODED || result == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
      errorCode_ = NGHTTP2_ENHANCE_YOUR_CALM;
    }
    const auto frame = goAwayFrame(
        static_cast<uint32_t>(std::max(0, nghttp2_session_get_last_proc_stream_id(session_))),
        errorCode_);
    stats_.goawaySent.inc();
    out_.append(context_.worker.slab, {frame.data(), frame.size()});
    connection_.write(out_, false);
    role_.onSessionError(error_);
    return absl::InvalidArgumentError(error_);
  }
  if (Http2Stream* stream = std::exchange(partial_, nullptr)) {
    // A slow sender's frame need not be whole.
    if (const absl::Status status = stream->bodyDone(false); !status.ok()) {
      malformed(stream->id(), base::message(status));
    }
  }
  sendLater(); // answers to SETTINGS and PING, window updates, errors
  if (taken < input.size() && !connection_.closing()) {
    input.drain(taken);
    data = std::move(input);
    if (!nextTurn_.linked()) {
      connection_.readDisable(true);
      nextTurn_.schedule();
    }
  } else if (endStream && !connection_.closed()) {
    connection_.close(net::CloseType::FlushWrite);
  }
  return absl::OkStatus();
}

// Gives bytes to nghttp2, looking at the head of each frame when nghttp2 has seen the one before.
nghttp2_ssize Http2Session::feed(std::string_view bytes, size_t& taken) {
  taken = bytes.size();
  auto give = [this](std::string_view part) -> nghttp2_ssize {
    return part.empty() ? 0
                        : nghttp2_session_mem_recv2(
                              session_, reinterpret_cast<const uint8_t*>(part.data()), part.size());
  };
  size_t given = 0;
  size_t at = 0;
  while (at < bytes.size()) {
    if (frames_.skip(bytes.size(), at)) {
      continue;
    }
    const size_t head = at;
    const size_t held = frames_.held();
    if (held == 0 && begun_ >= kStreamsPerTurn && turn_ == context_.worker.loop.turn()) {
      taken = at;
      return give(bytes.substr(given, at - given));
    }
    const bool whole = frames_.takeHead(bytes, at);
    if (held == 0 && whole && !frames_.matters(server_)) {
      frames_.headDone();
      continue;
    }
    // What lies before this head; the head itself when it is whole and was looked at.
    if (const nghttp2_ssize result = give(bytes.substr(given, head - given));
        result < 0 || closed_) {
      return result;
    }
    given = at;
    if (!whole) {
      return 0; // goes on in the next bytes
    }
    const Verdict verdict = frames_.matters(server_) ? frameBegun() : Verdict::Take;
    const std::string_view text = frames_.head();
    frames_.headDone();
    if (verdict == Verdict::Fail) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (verdict == Verdict::Take) {
      if (const nghttp2_ssize result = give(text); result < 0 || closed_) {
        return result;
      }
    }
  }
  return give(bytes.substr(given));
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

int Http2Session::fail(uint32_t errorCode, std::string_view details) {
  errorCode_ = errorCode;
  error_ = std::string(details);
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Session::flood(stats::Counter& counter, std::string_view details) {
  counter.inc();
  return fail(NGHTTP2_ENHANCE_YOUR_CALM, details);
}

// What nghttp2 leaves to us, or takes more seriously than it is.
Http2Session::Verdict Http2Session::frameBegun() {
  auto failed = [&](uint32_t code, std::string_view details) {
    (void)fail(code, details);
    return Verdict::Fail;
  };
  const int32_t id = frames_.streamId();
  if (frames_.type() == NGHTTP2_HEADERS) {
    const uint64_t turn = context_.worker.loop.turn();
    begun_ = turn == std::exchange(turn_, turn) ? begun_ + 1 : 1;
  }
  if (frames_.type() == NGHTTP2_PRIORITY) {
    if (id == 0) {
      return failed(NGHTTP2_PROTOCOL_ERROR,
                    "http2.priority_on_stream_zero"); // RFC 9113 section 6.3
    }
    if (++priorityFrames_ > settings_.maxPriorityFramesPerStream * (1 + streamsSeen_)) {
      (void)flood(stats_.inboundPriorityFramesFlood, "http2.inbound_priority_frames_flood");
      return Verdict::Fail;
    }
    return Verdict::Take;
  }
  if (frames_.type() == NGHTTP2_GOAWAY) {
    // A client's says which of our streams it has seen: we open none. To nghttp2 other numbers are
    // an error, which would end requests under way; grpc-go and Go's clients send such.
    frames_.clearLastStream();
    return Verdict::Take;
  }
  if (frames_.type() == NGHTTP2_WINDOW_UPDATE) {
    // RFC 9113 section 6.9.1: an overflow on a stream is that stream's error.
    const int32_t window = nghttp2_session_get_stream_remote_window_size(session_, id);
    if (id == 0 || window < 0 || !frames_.hasIncrement() ||
        frames_.increment() <= NGHTTP2_MAX_WINDOW_SIZE - window) {
      return Verdict::Take;
    }
    if (resetForError(id, NGHTTP2_FLOW_CONTROL_ERROR) != 0) {
      return Verdict::Fail;
    }
    return Verdict::Drop;
  }
  if (id == 0 || id % 2 == 0 || id > lastStream_ ||
      nghttp2_session_find_stream(session_, id) != nullptr) {
    return Verdict::Take;
  }
  switch (closedStreams_.find(id)) {
  case Http2ClosedStreams::State::Ended: // RFC 9113 section 5.1
    return failed(NGHTTP2_STREAM_CLOSED, "http2.frame_on_closed_stream");
  case Http2ClosedStreams::State::Never: // RFC 9113 section 5.1.1
    return failed(NGHTTP2_PROTOCOL_ERROR, "http2.stream_out_of_order");
  default: // under way when we reset it, or long ago
    return Verdict::Take;
  }
}

// RFC 9113 section 8.1.1.
void Http2Session::malformed(int32_t id, std::string_view details) {
  stats_.rxMessagingError.inc();
  if (!settings_.streamErrorOnInvalidMessage) {
    terminate(NGHTTP2_PROTOCOL_ERROR, details);
  }
  if (resetForError(id, NGHTTP2_PROTOCOL_ERROR) != 0) {
    terminate(NGHTTP2_ENHANCE_YOUR_CALM, error_);
  }
}

// Resets that a peer provokes are as good as its own: work that nobody wants (CVE-2025-8671).
int Http2Session::resetForError(int32_t id, uint32_t errorCode) {
  (void)nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, errorCode);
  const Http2Stream* stream = find(id);
  return stream == nullptr ? tooManyResets() : countProvoked(*stream);
}

int Http2Session::countProvoked(const Http2Stream& stream) {
  prematureResets_ += server_ && !stream.responseBegun() ? 1 : 0;
  return tooManyResets();
}

// Half of the last streams given up before an answer (CVE-2023-44487).
int Http2Session::tooManyResets() {
  if (prematureResets_ * 2 > std::max<uint64_t>(streamsSeen_, kStreamsBeforeResetsCount)) {
    return flood(stats_.tooManyPrematureResets, "http2.too_many_premature_resets");
  }
  return 0;
}

int Http2Session::headerReceived(const nghttp2_frame& frame, std::string_view name,
                                 std::string_view value) {
  Http2Stream* stream = find(frame.hd.stream_id);
  if (stream == nullptr) {
    return 0;
  }
  if (stream->addHeader(name, value)) {
    return 0;
  }
  headStream_ = 0;
  // nghttp2 resets it, which the peer has provoked.
  return countProvoked(*stream) != 0 ? NGHTTP2_ERR_CALLBACK_FAILURE
                                     : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Session::dataReceived(uint8_t /*flags*/, int32_t id, const uint8_t* data, size_t size) {
  Http2Stream* stream = find(id);
  if (stream == nullptr) { // reset meanwhile
    (void)nghttp2_session_consume_connection(session_, size);
    return 0;
  }
  auto* bytes = const_cast<char*>(reinterpret_cast<const char*>(data));
  stream->bodyPart(base::Slice{reading_->block, bytes, size});
  partial_ = stream;
  return 0;
}

int Http2Session::frameReceived(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
  case NGHTTP2_DATA: {
    partial_ = nullptr;
    const bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame.hd.length == frame.data.padlen && !end) {
      if (++emptyFrames_ > settings_.maxEmptyFrames) {
        return flood(stats_.inboundEmptyFramesFlood, "http2.inbound_empty_frames_flood");
      }
    } else {
      emptyFrames_ = 0;
    }
    if (Http2Stream* stream = find(frame.hd.stream_id)) {
      if (const absl::Status status = stream->bodyDone(end); !status.ok()) {
        malformed(frame.hd.stream_id, base::message(status));
      }
    }
    return 0;
  }
  case NGHTTP2_HEADERS: {
    emptyFrames_ = 0;
    headStream_ = 0;
    Http2Stream* stream = find(frame.hd.stream_id);
    if (stream == nullptr) {
      return 0;
    }
    if (const absl::Status status =
            stream->headersDone((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0);
        !status.ok()) {
      malformed(frame.hd.stream_id, base::message(status));
    }
    return 0;
  }
  case NGHTTP2_WINDOW_UPDATE:
    // As Envoy counts: some for each stream, some for each DATA frame that was sent.
    if (++windowUpdates_ >
        5 + 2 * (streamsSeen_ + settings_.maxWindowUpdatesPerDataFrame * dataFramesSent_)) {
      return flood(stats_.inboundWindowUpdateFramesFlood,
                   "http2.inbound_window_update_frames_flood");
    }
    return 0;
  case NGHTTP2_RST_STREAM:
    stats_.rxReset.inc();
    if (Http2Stream* stream = find(frame.hd.stream_id)) {
      prematureResets_ += server_ && !stream->responseBegun() ? 1 : 0;
      stream->peerReset();
    }
    return tooManyResets();
  case NGHTTP2_GOAWAY:
    role_.onGoAway();
    return 0;
  case NGHTTP2_SETTINGS:
    if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) {
      settingsSeen_ = true;
      role_.onSettings();
    }
    return 0;
  default:
    return 0;
  }
}

int Http2Session::frameSent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
  case NGHTTP2_DATA:
    ++dataFramesSent_;
    [[fallthrough]];
  case NGHTTP2_HEADERS:
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      if (Http2Stream* stream = find(frame.hd.stream_id)) {
        stream->endSent();
      }
    }
    return 0;
  case NGHTTP2_RST_STREAM: // ours, or nghttp2's: what is under way to the stream is no error
    stats_.txReset.inc();
    if (Http2Stream* stream = find(frame.hd.stream_id)) {
      stream->noteResetSent();
    } else if (server_) {
      closedStreams_.add(frame.hd.stream_id, true); // refused, so never opened
    }
    return 0;
  case NGHTTP2_GOAWAY:
    stats_.goawaySent.inc();
    if (frame.goaway.error_code != NGHTTP2_NO_ERROR) {
      role_.onSessionError(error_.empty()
                               ? std::string_view(nghttp2_http2_strerror(frame.goaway.error_code))
                               : std::string_view(error_));
    }
    return 0;
  default:
    return 0;
  }
}

} // namespace moe::http
