#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "http/header_map.h"
#include "http/protocol.h"

namespace moe::http {

// What the parser tells of a message. Calls come in the order head, body*, trailers.
class Http1ParserHandler {
public:
  virtual HeaderMapPtr newHeaders() = 0;
  // The head is complete; pseudo headers are in place. False stops the parser (an error was set or
  // the handler has closed). `end`: no body follows.
  virtual bool onHead(HeaderMapPtr headers, bool end) = 0;
  virtual void onBody(base::Buffer& data, bool end) = 0;
  virtual void onTrailers(HeaderMapPtr trailers) = 0;

protected:
  ~Http1ParserHandler() = default;
};

// Reads HTTP/1 messages (RFC 9112), one after the other. Strict: what two implementations could
// read in two ways is an error. Header entries are views of the bytes as read, names lowered in
// place. A line is scanned once, however it arrives.
class Http1Parser {
public:
  enum class Role { Request, Response };
  struct Limits {
    uint32_t headersBytes = 60 * 1024;
    uint32_t headersCount = 100;
    bool keepCase = false; // of names, beside the lowered ones
    bool properElse = false;
  };
  struct Error {
    uint32_t status = 0; // for the answer to a bad request
    std::string_view details;
  };

  Http1Parser(Role role, Http1ParserHandler& handler, base::Slab& slab, const Limits& limits)
      : role_(role), handler_(handler), slab_(slab), limits_(limits) {}

  // Takes from data until a message is complete, more is needed, or an error. False: error().
  bool execute(base::Buffer& data);
  // The peer will send no more. False: it ended inside a message.
  bool finish();
  // Ready for the next message.
  void reset();

  // For responses, before their head comes.
  void setResponseContext(bool headRequest, bool connectRequest) {
    headRequest_ = headRequest;
    connectRequest_ = connectRequest;
  }
  // From now on every byte is body, until the connection ends (Upgrade, CONNECT).
  void becomeTunnel() { state_ = State::Tunnel; }
  // While paused, no message is begun.
  void pause(bool on) { paused_ = on; }
  bool paused() const { return paused_; }

  const Error& error() const { return error_; }
  bool fail(uint32_t status, std::string_view details) {
    error_ = {status, details};
    state_ = State::Failed;
    return false;
  }
  bool complete() const { return state_ == State::Complete; }
  bool tunnel() const { return state_ == State::Tunnel; }
  // Nothing of a message has been read.
  bool idle() const { return state_ == State::Start && !lineBegun_; }
  Protocol version() const { return version_; }
  bool keepAlive() const { return keepAlive_; }
  bool upgradeRequested() const { return upgrade_; }
  // The request target was a whole URL, as clients send it to a forward proxy.
  bool absoluteForm() const { return absoluteForm_ && !connectMethod_; }
  // The head was read, and what it announced was not.
  bool inBody() const { return state_ >= State::Length && state_ <= State::Trailers; }
  bool hasBody() const { return state_ != State::Complete; }
  uint64_t bytes() const { return bytes_; } // of this message, as read

private:
  enum class State {
    Start,
    Headers,
    Length, // body of known length
    Close,  // body until the connection ends
    ChunkSize,
    ChunkData,
    ChunkEnd, // CRLF behind a chunk
    Trailers,
    Tunnel,
    Complete,
    Failed,
  };

  // A whole line, without CRLF, drained from data; its block is retained by `keeper`.
  std::optional<std::string_view> takeLine(base::Buffer& data, size_t limit, uint32_t status,
                                           std::string_view details, HeaderMap* keeper);
  bool startLine(std::string_view line);
  bool requestLine(std::string_view line);
  bool statusLine(std::string_view line);
  bool parseVersion(std::string_view text);
  bool target(std::string_view text);
  bool headerLine(std::string_view line, HeaderMap& headers);
  bool headComplete();
  bool connectionOptions();
  bool requestFraming();
  bool responseFraming();
  // Transfer-Encoding and Content-Length, checked. length: nothing if absent.
  bool framingHeaders(bool& chunked, std::optional<uint64_t>& length);
  bool chunkSize(std::string_view line);
  bool bodyData(base::Buffer& data, bool& more);

  Role role_;
  Http1ParserHandler& handler_;
  base::Slab& slab_;
  Limits limits_;
  State state_ = State::Start;
  Error error_;
  HeaderMapPtr headers_;
  base::Slice line_; // keeps the present line's bytes
  uint64_t remaining_ = 0;
  uint64_t bytes_ = 0;
  uint32_t headBytes_ = 0;
  uint32_t headLines_ = 0; // header lines of the head or the trailers
  size_t lineBytes_ = 0;   // of the present line, scanned
  bool lineBegun_ = false;
  bool paused_ = false;
  bool absoluteForm_ = false;
  bool keepAlive_ = true;
  bool upgrade_ = false;
  bool connectMethod_ = false;
  bool headRequest_ = false;
  bool connectRequest_ = false;
  uint32_t status_ = 0;
  Protocol version_ = Protocol::Http11;
};

} // namespace moe::http
