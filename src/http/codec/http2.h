#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "http/codec.h"
#include "net/connection.h"
#include "stats/stats.h"

namespace moe::http {

// Envoy's Http2ProtocolOptions and the limits of the connection manager or the cluster that a
// connection belongs to. docs/http2.md explains the defaults that differ from Envoy's.
struct Http2Settings {
  uint32_t hpackTableSize = 4096; // bytes, of our decoder
  uint32_t maxConcurrentStreams = 1024;
  uint32_t initialStreamWindow = 256 * 1024;          // bytes that a peer may send unread
  uint32_t initialConnectionWindow = 4 * 1024 * 1024; // the same over all streams
  uint32_t maxHeadersBytes = 60 * 1024;
  uint32_t maxHeadersCount = 100;
  bool allowConnect = false;                // extended CONNECT (RFC 8441)
  bool streamErrorOnInvalidMessage = true;  // else a malformed message ends the connection
  uint32_t maxOutboundControlFrames = 1000; // answers to SETTINGS and PING not yet written
  uint32_t maxEmptyFrames = 1;              // in a row: DATA without bytes and without an end
  uint32_t maxPriorityFramesPerStream = 100;
  uint32_t maxWindowUpdatesPerDataFrame = 10;
  // What is queued of a finished response may wait this long for the peer's window; 0: for ever.
  base::Milliseconds flushTimeout{300'000};
  // PING when nothing came for this long, and what is waited for its answer; 0: none.
  base::Milliseconds keepaliveInterval{0};
  base::Milliseconds keepaliveTimeout{0};
};

// Counters with Envoy's names, below "http2." (downstream) or "cluster.<name>.http2.".
struct Http2Stats {
  explicit Http2Stats(const stats::Scope& scope);
  stats::Counter& goawaySent;
  stats::Counter& headerOverflow;
  stats::Counter& inboundEmptyFramesFlood;
  stats::Counter& inboundPriorityFramesFlood;
  stats::Counter& inboundWindowUpdateFramesFlood;
  stats::Counter& inboundContinuationFlood;
  stats::Counter& outboundControlFlood;
  stats::Counter& tooManyPrematureResets;
  stats::Counter& keepaliveTimeout;
  stats::Counter& rxMessagingError;
  stats::Counter& rxReset;
  stats::Counter& txReset;
  stats::Counter& txFlushTimeout;
  stats::Counter& trailers;
  stats::Counter& streamRefusedErrors;
  stats::Gauge& streamsActive;
  stats::Gauge& pendingSendBytes;
};

// HTTP/2 (RFC 9113) over nghttp2. The connection, the callbacks and the stats outlive the codec.
//
// Inside the proxy an upgrade looks as it does in HTTP/1 whatever the protocol: the codec turns an
// extended CONNECT to a GET with Upgrade, its 200 to a 101, and both back.
std::unique_ptr<Codec> createHttp2Server(const CodecContext& context, net::Connection& connection,
                                         ServerCodecCallbacks& callbacks,
                                         const Http2Settings& settings, Http2Stats& stats);
std::unique_ptr<ClientCodec> createHttp2Client(const CodecContext& context,
                                               net::Connection& connection,
                                               ClientCodecCallbacks& callbacks,
                                               const Http2Settings& settings, Http2Stats& stats);

// Whether bytes are the beginning of an HTTP/2 connection (RFC 9113 section 3.4).
enum class Http2Preface { No, Maybe, Yes };
Http2Preface detectHttp2(const base::Buffer& data);

} // namespace moe::http
