#pragma once

#include "http/codec/http2_session.h"

namespace moe::http {

// One HTTP/2 stream of either role. Owned by its session's list until nghttp2 closes it.
//
// The proxy's side may be done with the stream (finished, reset) before the last frame has been
// written: then it is detached, and nothing that comes is told to anybody.
class Http2Stream : public base::ListLink<Http2StreamTag>, public event::DeferredDeletable {
public:
  explicit Http2Stream(Http2Session& session) : session_(session) {}
  int32_t id() const { return id_; }
  void setId(int32_t id) { id_ = id; }

  // --- what comes, told by the session
  void beginHeaders();
  // False: the stream cannot go on (it has been answered or will be reset).
  bool addHeader(std::string_view name, std::string_view value);
  // Fields behind those that were too many or malformed.
  uint32_t dropped() const { return dropped_; }
  // Not OK: the message is malformed (details); the stream is to be reset.
  absl::Status headersDone(bool end);
  void bodyPart(base::Slice slice);
  // Not OK: as headersDone().
  absl::Status bodyDone(bool end);
  void peerReset() { peerReset_ = true; }
  void noteResetSent() { resetSent_ = true; }
  bool responseBegun() const { return headSent_; }
  bool resetSent() const { return resetSent_; }
  bool resetByUs() const { return resetSent_ && !peerReset_; }
  // nghttp2 has let go of the stream.
  void streamClosed(uint32_t errorCode);
  // Taken from its session, which may not live until the stream is deleted.
  void retire();
  // The connection is gone.
  void connectionClosed(ResetReason reason, std::string_view details);

  // --- what goes, asked by the session
  // As nghttp2_data_source_read_callback2.
  nghttp2_ssize readBody(size_t length, uint32_t* flags);
  void takeBody(size_t size, base::Buffer& out);
  // After it had to wait for others.
  void takeTurn();
  bool has(size_t size) const { return !resetSent_ && out_.size() >= size; }
  void endSent();
  // After a flush: if the end could not be framed, it does not wait for ever.
  void watchFlush();

protected:
  enum class Received { Nothing, Head, End };

  // The message's head is complete. May end the stream.
  virtual absl::Status onHead(HeaderMapPtr headers, bool end) = 0;
  virtual void onBody(base::Buffer& data, bool end) = 0;
  virtual void onTrailers(HeaderMapPtr trailers) = 0;
  // Headers above the limit. True: the rest may come and is dropped.
  virtual bool onHeadersTooLarge() = 0;
  // The stream ended early, by the peer or with the connection. `callbacks` may be null.
  virtual void onReset(StreamCallbacks* callbacks, ResetReason reason,
                       std::string_view details) = 0;

  // Makes nghttp2 ask for the body; null where headers end the message.
  nghttp2_data_provider2 bodyProvider();
  void queueBody(base::Buffer& data, bool end);
  void queueTrailers(const HeaderMap& trailers);
  void sendReset(uint32_t errorCode);
  void disableReading(bool disable);
  void detach();
  // What content-length announces; nothing where no body can come (HEAD, 204, 304) or for tunnels.
  void expectBody(const HeaderMap& headers) { bodyLeft_ = headers.contentLength(); }
  bool detached() const { return detached_; }
  bool unsent() const { return !out_.empty() || trailers_ != nullptr; }

  Http2Session& session_;
  StreamCallbacks* callbacks_ = nullptr;
  bool headSent_ = false;
  bool localEnd_ = false; // queued
  bool tunnel_ = false;   // no trailers (RFC 9113 section 8.5)
  bool remoteEnd_ = false;
  Received received_ = Received::Nothing;
  uint64_t bytesReceived_ = 0;
  uint64_t bytesSent_ = 0;

private:
  void updateWatermarks();
  void consume(size_t bytes);
  void armFlushTimer();
  void uncountEnd();
  void resumeSending();

  int32_t id_ = 0;
  HeaderMapPtr headers_; // being received
  base::Buffer in_;      // of the DATA frame being received
  base::Buffer out_;     // not yet framed
  HeaderMapPtr trailers_;
  size_t unconsumed_ = 0;
  uint32_t dropped_ = 0;
  uint32_t round_ = 0; // of the session's flush, in which it sent last
  uint32_t headerBytes_ = 0;
  uint32_t headerCount_ = 0;      // without pseudo-headers and crumbs of cookies
  const char* problem_ = nullptr; // why the headers are malformed
  std::optional<uint64_t> bodyLeft_;
  int readDisables_ = 0;
  bool headersTooLarge_ = false;
  bool deferred_ = false; // nghttp2 waits for resumeSending
  bool aboveHigh_ = false;
  bool detached_ = false;
  bool resetSent_ = false;
  bool peerReset_ = false;
  bool endSent_ = false;
  bool endCounted_ = false; // in Http2Session::countUnsentEnd
  std::unique_ptr<event::Timer> flushTimer_;
};

} // namespace moe::http
