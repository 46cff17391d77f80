#include "http/codec/http2_stream.h"

namespace moe::http {
namespace {

std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
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

void Http2Session::installCallbacks(nghttp2_session_callbacks& out) {
  nghttp2_session_callbacks* callbacks = &out;
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
}

} // namespace moe::http
