#pragma once

#include "base/buffer.h"
#include "http/header_map.h"
#include "http/protocol.h"

namespace moe::http {

// How the body behind a head is delimited.
enum class Http1Framing { None, Length, Chunked, UntilClose, Tunnel };

// What the codec adds to the headers it was given.
struct Http1HeadOptions {
  Http1Framing framing = Http1Framing::None;
  std::string_view connection;    // "": as the headers say
  bool contentLengthZero = false; // add content-length: 0
  bool dropContentLength = false;
  bool properCase = false; // names as "Content-Type", unless the headers keep their own case
};

// "HTTP/1.1 200 OK" and headers, CRLF CRLF. One allocation from the slab, one pass.
void writeResponseHead(const HeaderMap& headers, uint32_t status, const Http1HeadOptions& options,
                       base::Slab& slab, base::Buffer& out);
// "GET /path HTTP/1.1", host from :authority.
void writeRequestHead(const HeaderMap& headers, const Http1HeadOptions& options, base::Slab& slab,
                      base::Buffer& out);
// One chunk of a chunked body; data becomes empty.
void writeChunk(base::Buffer& data, base::Slab& slab, base::Buffer& out);
// The last chunk; trailers may be null.
void writeLastChunk(const HeaderMap* trailers, bool properCase, base::Slab& slab,
                    base::Buffer& out);

} // namespace moe::http
