// What an HTTP/2 session does with what comes.
#include <array>

#include "base/strings.h"
#include "http/codec/http2_stream.h"

namespace moe::http {
namespace {

// A head may exceed its limits by so many fields; then it is no mistake.
constexpr uint32_t kMostDroppedFields = 1000;
// As Envoy: so many streams must have been seen (or half as many reset) before resets count.
constexpr uint64_t kStreamsBeforeResetsCount = 500;
// What a stream leaves is deleted at the end of the turn: those that are answered at once, and
// reset to make place for more, must not pile up.
constexpr uint32_t kStreamsPerTurn = 128;

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

absl::Status Http2Session::dispatch(base::Buffer& data, bool endStream) {
  nghttp2_ssize result = 0;
  pingPending_ = false; // the peer lives
  armKeepalive();
  if (!server_ && nghttp2_session_get_outbound_queue_size(session_) > 0) {
    sendInTurn(); // Requests of this turn: nghttp2 sends none once it has read a GOAWAY.
  }
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
    // Each costs the peer a byte, if it likes, and us much more.
    return stream->dropped() <= kMostDroppedFields
               ? 0
               : fail(NGHTTP2_ENHANCE_YOUR_CALM, "http2.header_flood");
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
