#pragma once

#include <nghttp2/nghttp2.h>

#include <string>

#include "base/intrusive_list.h"
#include "http/codec/http2.h"
#include "http/codec/http2_frames.h"

namespace moe::http {

class Http2Session;
class Http2Stream;
struct Http2StreamTag {};

// The side of the codec that differs between client and server.
class Http2Role {
public:
  // A stream that the peer opens. Server only.
  virtual std::unique_ptr<Http2Stream> acceptStream(Http2Session& session, int32_t id) = 0;
  virtual void onGoAway() = 0;
  // The peer's settings came, or streams that were over have gone: what a client may open.
  virtual void onSettings() = 0;
  // The connection is about to end because of what the peer did.
  virtual void onSessionError(std::string_view details) = 0;

protected:
  ~Http2Role() = default;
};

// One HTTP/2 connection of either role: nghttp2's session, its streams, and the frames on their way
// to the net::Connection. DATA is not copied in either direction: received bytes stay slices of the
// blocks they were read into, sent ones move from the stream's buffer to the connection's.
//
// Frames are made at the end of a loop turn, and no more than the connection takes: above its high
// watermark nghttp2 keeps them, streams fill up, and their senders are held.
class Http2Session final : private event::Flushable {
public:
  Http2Session(const CodecContext& context, net::Connection& connection, Http2Role& role,
               bool server, const Http2Settings& settings, Http2Stats& stats);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  absl::Status dispatch(base::Buffer& data, bool endStream);
  void closed(ResetReason reason, std::string_view details);
  // GOAWAY that refuses nothing yet, so that requests under way are not lost; then the real one.
  void shutdownNotice();
  void goAway();
  void sendLater() { context_.worker.loop.flushLater(*this); }
  // Bytes that a stream may queue before its sender is held: less when all of them queue much.
  size_t streamLimit() const;
  uint32_t peerMaxConcurrentStreams() const;
  // A client may open another stream. Those that were given up and cannot be ended yet count.
  bool mayOpen() const {
    return streamCount_ < peerMaxConcurrentStreams() &&
           nghttp2_session_check_request_allowed(session_) != 0;
  }
  // It ends because the peer is slow, which is no error of the protocol.
  bool slow() const { return slow_; }
  void noteSlow() { slow_ = true; }
  // A HEADERS frame waits for its CONTINUATION.
  bool receivingHead() const { return headStream_ != 0; }

  // --- for streams
  nghttp2_session* nghttp2() { return session_; }
  const CodecContext& context() const { return context_; }
  net::Connection& connection() { return connection_; }
  const Http2Settings& settings() const { return settings_; }
  Http2Stats& stats() { return stats_; }
  Http2Role& role() { return role_; }
  bool isServer() const { return server_; }
  void add(std::unique_ptr<Http2Stream> stream);
  // Unlinks it; it is deleted at the end of the turn.
  void remove(Http2Stream& stream);
  void queued(int64_t bytes);
  void countUnsentEnd(int change) { unsentEnds_ += change; }
  // The proxy resets a stream for what the peer has sent.
  void provoked(const Http2Stream& stream) {
    if (countProvoked(stream) != 0) {
      terminate(NGHTTP2_ENHANCE_YOUR_CALM, error_);
    }
  }
  // A stream wants to send a DATA frame; `round` is where it notes that it did. False: others come
  // first, and it is woken by takeTurn(). nghttp2 sees to it itself, but for servers only.
  bool mayTakeTurn(const Http2Stream& stream, uint32_t& round);
  // Ends the connection with an error code of RFC 9113 section 7.
  void terminate(uint32_t errorCode, std::string_view details);

private:
  struct Callbacks;
  static void installCallbacks(nghttp2_session_callbacks& out);
  void flush() override;
  void sendInTurn();
  void submitSettings();
  void armKeepalive();
  bool room() const;
  // Both end the connection; for nghttp2's callbacks to return.
  int fail(uint32_t errorCode, std::string_view details);
  int flood(stats::Counter& counter, std::string_view details);
  // `taken`: fewer than all when enough streams were begun for this turn.
  nghttp2_ssize feed(std::string_view bytes, size_t& taken);
  enum class Verdict { Take, Drop, Fail };
  Verdict frameBegun();
  int frameReceived(const nghttp2_frame& frame);
  void malformed(int32_t id, std::string_view details);
  int resetForError(int32_t id, uint32_t errorCode);
  int countProvoked(const Http2Stream& stream);
  int tooManyResets();
  void watchEnd();
  int headerReceived(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int dataReceived(uint8_t flags, int32_t id, const uint8_t* data, size_t size);
  int frameSent(const nghttp2_frame& frame);
  Http2Stream* find(int32_t id);

  CodecContext context_;
  net::Connection& connection_;
  Http2Role& role_;
  const bool server_;
  const Http2Settings settings_;
  Http2Stats& stats_;
  nghttp2_session* session_ = nullptr;
  base::IntrusiveList<Http2Stream, Http2StreamTag> streams_;
  const base::Slice* reading_ = nullptr; // what dispatch() is giving to nghttp2
  Http2Stream* partial_ = nullptr;       // has got a part of a DATA frame
  base::Buffer out_;                     // frames of this flush
  std::string error_;                    // why the connection ends
  uint32_t errorCode_ = NGHTTP2_PROTOCOL_ERROR;
  Http2FrameHeads frames_;
  Http2ClosedStreams closedStreams_;
  event::NextTurn nextTurn_{context_.worker.loop, [this] { connection_.readDisable(false); }};
  uint64_t turn_ = 0;              // in which a stream was begun last
  uint32_t begun_ = 0;             // in that turn
  uint32_t round_ = 0;             // in which each stream may send a DATA frame
  std::vector<int32_t> yielded_;   // streams that wait for the next one
  std::vector<int32_t> woken_;     // scratch of sendInTurn()
  int32_t lastStream_ = 0;         // that the peer has opened
  int32_t goAwayLast_ = INT32_MAX; // the last one that it may open
  int64_t queuedBytes_ = 0;        // bodies in all streams
  uint32_t emptyFrames_ = 0;       // in a row
  uint64_t streamsSeen_ = 0;
  uint64_t prematureResets_ = 0;
  uint64_t priorityFrames_ = 0;
  uint64_t windowUpdates_ = 0;
  uint64_t dataFramesSent_ = 0;
  std::unique_ptr<event::Timer> keepalive_;
  bool pingPending_ = false;
  bool settingsSeen_ = false; // of the peer
  bool slow_ = false;
  uint32_t streamCount_ = 0;
  int32_t headStream_ = 0; // whose HEADERS wait for CONTINUATION
  std::unique_ptr<event::Timer> endTimer_;
  int unsentEnds_ = 0;  // streams that the proxy is done with and whose end is not framed
  bool ending_ = false; // a GOAWAY was said
  bool closed_ = false;
};

} // namespace moe::http
