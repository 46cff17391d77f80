#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/codec.h"
#include "net/connection.h"

namespace moe::http {

// How the names of headers are written: in lower case, unless it says else.
struct Http1NameCase {
  bool proper = false;     // "Content-Type"; in messages whose names came in no case that is kept
  bool keep = false;       // what is received here goes on as it came
  bool properElse = false; // and what is added to it: "Content-Type"
};

// Limits and options of HTTP/1 on the downstream side (Envoy's Http1ProtocolOptions and the
// connection manager's limits).
struct Http1ServerSettings {
  uint32_t maxHeadersBytes = 60 * 1024; // request line and headers
  uint32_t maxHeadersCount = 100;
  bool allowAbsoluteUrl = true;
  bool acceptHttp10 = false;
  std::string defaultHostForHttp10;
  bool enableTrailers = false; // else they are read and dropped
  Http1NameCase nameCase;
};

struct Http1ClientSettings {
  uint32_t maxHeadersBytes = 60 * 1024;
  uint32_t maxHeadersCount = 100;
  bool enableTrailers = false;
  Http1NameCase nameCase;
};

// HTTP/1.0 and 1.1 (RFC 9112). The connection and the callbacks outlive the codec.
std::unique_ptr<Codec> createHttp1Server(const CodecContext& context, net::Connection& connection,
                                         ServerCodecCallbacks& callbacks,
                                         const Http1ServerSettings& settings);
std::unique_ptr<ClientCodec> createHttp1Client(const CodecContext& context,
                                               net::Connection& connection,
                                               ClientCodecCallbacks& callbacks,
                                               const Http1ClientSettings& settings);

} // namespace moe::http
