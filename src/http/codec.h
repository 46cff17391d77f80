#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "base/buffer.h"
#include "http/header_map.h"
#include "http/protocol.h"

namespace moe::http {

// What a codec is given by the worker it works on; outlives it.
struct CodecContext {
  event::Worker& worker;
  HeaderMapPool& headers;
};

// Told of what happens to one stream besides its content. A callback may reset the stream.
class StreamCallbacks {
public:
  // The stream is over and was not complete; the codec's objects for it end after this call.
  virtual void onResetStream(ResetReason reason, std::string_view details) = 0;
  virtual void onAboveWriteBufferHighWatermark() = 0;
  virtual void onBelowWriteBufferLowWatermark() = 0;

protected:
  ~StreamCallbacks() = default;
};

// One stream as the codec knows it; owned by the codec. A stream object may be used until it was
// reset, onResetStream was called, or both directions have ended; an upstream's stream until the
// response has ended, whatever is left of the request.
class Stream {
public:
  // One listener; set before anything is encoded.
  virtual void setCallbacks(StreamCallbacks* callbacks) = 0;
  // Ends the stream now, without onResetStream.
  virtual void resetStream(ResetReason reason) = 0;
  // Back-pressure towards the sender of what is decoded; counted.
  virtual void readDisable(bool disable) = 0;
  virtual uint32_t bufferLimit() const = 0;
  // Bytes on the wire so far, for access logs.
  virtual uint64_t bytesReceived() const = 0;
  virtual uint64_t bytesSent() const = 0;

protected:
  ~Stream() = default;
};

// The proxy's side of a downstream stream: receives the request. Headers come first, once; data and
// trailers may come from within any call to the codec's dispatch().
class RequestDecoder {
public:
  virtual void decodeHeaders(HeaderMapPtr headers, bool endStream) = 0;
  // Takes what it wants of data; the rest is dropped.
  virtual void decodeData(base::Buffer& data, bool endStream) = 0;
  virtual void decodeTrailers(HeaderMapPtr trailers) = 0;

protected:
  ~RequestDecoder() = default;
};

// Sends the response of one downstream stream. encodeHeaders with a 1xx status other than 101 sends
// an interim response and may be repeated.
class ResponseEncoder : public Stream {
public:
  virtual void encode1xxHeaders(const HeaderMap& headers) = 0;
  virtual void encodeHeaders(const HeaderMap& headers, bool endStream) = 0;
  // Takes all of data.
  virtual void encodeData(base::Buffer& data, bool endStream) = 0;
  virtual void encodeTrailers(const HeaderMap& trailers) = 0;
  // HTTP/1: the connection closes when this response is written (Connection: close is sent).
  virtual void closeAfterResponse() = 0;

protected:
  ~ResponseEncoder() = default;
};

// The proxy's side of an upstream stream: receives the response.
class ResponseDecoder {
public:
  virtual void decode1xxHeaders(HeaderMapPtr headers) = 0;
  virtual void decodeHeaders(HeaderMapPtr headers, bool endStream) = 0;
  virtual void decodeData(base::Buffer& data, bool endStream) = 0;
  virtual void decodeTrailers(HeaderMapPtr trailers) = 0;

protected:
  ~ResponseDecoder() = default;
};

// Sends the request of one upstream stream.
class RequestEncoder : public Stream {
public:
  // Error: what is missing or cannot be said in this protocol; nothing was sent.
  virtual absl::Status encodeHeaders(const HeaderMap& headers, bool endStream) = 0;
  virtual void encodeData(base::Buffer& data, bool endStream) = 0;
  virtual void encodeTrailers(const HeaderMap& trailers) = 0;

protected:
  ~RequestEncoder() = default;
};

// What an HTTP connection tells its owner.
class ServerCodecCallbacks {
public:
  // A request begins. The decoder must stay valid until the stream has ended both ways or was
  // reset.
  virtual RequestDecoder& newStream(ResponseEncoder& encoder) = 0;
  // The peer broke the protocol: dispatch() is about to return an error. `status` has been sent, if
  // no response had begun; `details` is the response_code_details text. HTTP/2: the connection ends
  // with a GOAWAY, and `status` is 0; or only one stream was answered with `status`.
  virtual void onProtocolError(uint32_t status, std::string_view details) = 0;

protected:
  ~ServerCodecCallbacks() = default;
};

class ClientCodecCallbacks {
public:
  // HTTP/1: the response of a stream is complete and the connection can take another request, or
  // may not be used again. HTTP/2: a stream has ended, in whatever way.
  virtual void onStreamComplete(bool reusable) = 0;
  virtual void onGoAway() = 0;
  // The peer has said how many requests it takes at a time: maxConcurrentStreams() may have
  // changed.
  virtual void onCapacityChanged() = 0;

protected:
  ~ClientCodecCallbacks() = default;
};

// One HTTP connection, over a net::Connection that its owner holds.
class Codec {
public:
  virtual ~Codec() = default;
  // Reads as much of data as it can use now and leaves the rest. An error means that the connection
  // cannot go on: the owner closes it (after what was written is flushed). kUnavailable: the peer
  // has gone in the middle of a message; else it broke the protocol.
  virtual absl::Status dispatch(base::Buffer& data, bool endStream) = 0;
  virtual Protocol protocol() const = 0;
  // The connection will end soon. HTTP/2: a GOAWAY that refuses nothing yet. HTTP/1: as goAway().
  virtual void shutdownNotice() = 0;
  // No more requests; the codec closes the connection when those under way have ended. HTTP/2:
  // GOAWAY. HTTP/1: the next response says Connection: close.
  virtual void goAway() = 0;
  // A request has begun to come, and its head is not complete: a slow client, or an attack.
  virtual bool receivingHead() const = 0;
  // That took too long: answers it if that can be, and closes.
  virtual void headTimedOut() = 0;
  // The connection's watermarks, to be told to the streams.
  virtual void onConnectionAboveHighWatermark() = 0;
  virtual void onConnectionBelowLowWatermark() = 0;
  // The connection is gone: resets every stream (onResetStream).
  virtual void onConnectionClosed(ResetReason reason, std::string_view details) = 0;
};

// Interim responses (1xx) that one response may have; more are an attack on who waits for it.
inline constexpr int kMostInterimResponses = 100;

class ClientCodec : public Codec {
public:
  // The decoder must stay valid until the stream has ended both ways or was reset.
  virtual RequestEncoder& newStream(ResponseDecoder& decoder) = 0;
  // Requests that the peer takes at a time.
  virtual uint32_t maxConcurrentStreams() const = 0;
  // One more can be sent now.
  virtual bool takesRequests() const = 0;
};

} // namespace moe::http
