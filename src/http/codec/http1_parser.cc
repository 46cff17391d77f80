#include "http/codec/http1_parser.h"

#include <algorithm>
#include <cstring>

#include "http/codec/http1_tokens.h"
#include "http/upgrade.h"
#include "http/validation.h"

namespace moe::http {
namespace {

// A chunk-size line: 16 hex digits and extensions nobody uses.
constexpr size_t kMaxChunkLine = 4096;
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

} // namespace

void Http1Parser::reset() {
  state_ = State::Start;
  headers_ = nullptr;
  remaining_ = bytes_ = 0;
  headBytes_ = 0;
  lineBegun_ = absoluteForm_ = upgrade_ = connectMethod_ = false;
  keepAlive_ = true;
  status_ = 0;
}

std::optional<std::string_view> Http1Parser::takeLine(base::Buffer& data, size_t limit,
                                                      uint32_t status, std::string_view details,
                                                      HeaderMap* keeper) {
  size_t scanned = lineBytes_;
  for (const base::Slice& slice : data.slices()) {
    if (scanned >= slice.size) {
      scanned -= slice.size;
      continue;
    }
    const char* from = slice.data + scanned;
    const size_t left = slice.size - std::exchange(scanned, 0);
    const auto* found = static_cast<const char*>(std::memchr(from, '\n', left));
    const size_t seen = found == nullptr ? left : static_cast<size_t>(found - from) + 1;
    lineBytes_ += seen;
    if (lineBytes_ > limit) {
      fail(status, details);
      return std::nullopt;
    }
    if (found == nullptr) {
      continue;
    }
    const size_t size = std::exchange(lineBytes_, 0);
    bytes_ += size;
    std::string_view line = data.linearize(slab_, size);
    const base::Slice& front = data.slices().front();
    if (keeper != nullptr) {
      if (front.block) {
        keeper->retain(front.block);
      }
    } else {
      line_ = base::Slice{front.block, front.data, size};
    }
    data.drain(size);
    if (size < 2 || line[size - 2] != '\r') {
      fail(400, "http1.bare_lf"); // RFC 9112 section 2.2
      return std::nullopt;
    }
    return line.substr(0, size - 2);
  }
  return std::nullopt;
}

bool Http1Parser::parseVersion(std::string_view text) {
  if (text == "HTTP/1.1") {
    version_ = Protocol::Http11;
    return true;
  }
  if (text == "HTTP/1.0") {
    version_ = Protocol::Http10;
    return true;
  }
  const bool http = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                    text[5] >= '0' && text[5] <= '9' && text[7] >= '0' && text[7] <= '9';
  return http ? fail(505, "http1.unsupported_version") : fail(400, "http1.invalid_version");
}

bool Http1Parser::startLine(std::string_view line) {
  return role_ == Role::Request ? requestLine(line) : statusLine(line);
}

// RFC 9112 section 3: method SP request-target SP HTTP-version, single spaces.
bool Http1Parser::requestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return fail(400, "http1.invalid_request_line");
  }
  const std::string_view method = line.substr(0, first);
  if (!isKnownMethod(method)) {
    return fail(400, "http1.invalid_method");
  }
  const std::string_view uri = line.substr(first + 1, last - first - 1);
  if (!isTargetText(uri)) {
    return fail(400, "http1.invalid_url");
  }
  if (!parseVersion(line.substr(last + 1))) {
    return false;
  }
  connectMethod_ = method == "CONNECT";
  headers_->addView(HeaderId::Method, {}, method);
  return target(uri);
}

// RFC 9112 section 3.2: origin, absolute, authority and asterisk form.
bool Http1Parser::target(std::string_view text) {
  if (connectMethod_) {
    // RFC 9110 section 9.3.6: not without a port.
    if (!isAuthority(text) || portOf(text).empty()) {
      return fail(400, "http1.invalid_connect_target");
    }
    headers_->addView(HeaderId::Authority, {}, text);
    absoluteForm_ = true; // Host says nothing here
    return true;
  }
  if (text.front() == '/') {
    headers_->addView(HeaderId::Path, {}, text);
    return true;
  }
  if (text == "*") {
    if (headers_->method() != "OPTIONS") {
      return fail(400, "http1.invalid_url");
    }
    headers_->addView(HeaderId::Path, {}, text);
    return true;
  }
  const bool https = equalsIgnoreCase(text.substr(0, 8), "https://");
  if (!https && !equalsIgnoreCase(text.substr(0, 7), "http://")) {
    return fail(400, "http1.invalid_url");
  }
  const std::string_view rest = text.substr(https ? 8 : 7);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty() || !isAuthority(authority)) {
    return fail(400, "http1.invalid_url");
  }
  std::string_view path = rest.substr(end);
  headers_->addView(HeaderId::Authority, {}, authority);
  headers_->addStatic(HeaderId::Scheme, https ? "https" : "http");
  if (path.empty()) {
    path = headers_->method() == "OPTIONS" ? "*" : "/";
  }
  if (path.front() != '/' && path != "*") { // "http://host?query": the path is empty
    std::string whole = "/" + std::string(path);
    path = headers_->copy(whole);
  }
  headers_->addView(HeaderId::Path, {}, path);
  absoluteForm_ = true;
  return true;
}

// RFC 9112 section 4: HTTP-version SP 3DIGIT SP [reason].
bool Http1Parser::statusLine(std::string_view line) {
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) {
    return fail(502, "http1.invalid_status_line");
  }
  if (!parseVersion(line.substr(0, 8))) {
    return false;
  }
  const std::string_view code = line.substr(9, 3);
  status_ = 0;
  for (const char c : code) {
    if (c < '0' || c > '9') {
      return fail(502, "http1.invalid_status");
    }
    status_ = status_ * 10 + static_cast<uint32_t>(c - '0');
  }
  if (status_ < 100 || !isFieldValue(line.substr(12))) {
    return fail(502, "http1.invalid_status_line");
  }
  headers_->addView(HeaderId::Status, {}, code);
  return true;
}

bool Http1Parser::headerLine(std::string_view line, HeaderMap& headers) {
  if (line.front() == ' ' || line.front() == '\t') {
    return fail(400, "http1.obs_fold"); // RFC 9112 section 5.2
  }
  if (limits_.keepCase) {
    headers.keepCase(line.substr(0, line.find(':')), limits_.properElse);
  }
  // The bytes are ours: names are lowered where they lie.
  char* name = const_cast<char*>(line.data());
  size_t size = 0;
  for (; size < line.size(); ++size) {
    const uint8_t lower = kTokenLower[static_cast<uint8_t>(name[size])];
    if (lower == 0) {
      break;
    }
    name[size] = static_cast<char>(lower);
  }
  // Also refuses white space before the colon (RFC 9112 section 5.1).
  if (size == 0 || size == line.size() || name[size] != ':') {
    return fail(400, "http1.invalid_header_name");
  }
  const std::string_view value = trim(line.substr(size + 1));
  if (!isFieldValue(value)) {
    return fail(400, "http1.invalid_header_value");
  }
  if (++headLines_ > limits_.headersCount) {
    return fail(431, "http1.too_many_headers");
  }
  const std::string_view key = line.substr(0, size);
  headers.addView(headerIdOf(key), key, value);
  return true;
}

bool Http1Parser::headComplete() {
  if (!connectionOptions()) {
    return false;
  }
  if (!(role_ == Role::Request ? requestFraming() : responseFraming())) {
    return false;
  }
  headers_->remove(HeaderId::TransferEncoding);
  const bool end = state_ == State::Complete;
  return handler_.onHead(std::move(headers_), end);
}

// RFC 9112 section 7.1: 1*HEXDIG *(BWS ";" ...).
bool Http1Parser::chunkSize(std::string_view line) {
  size_t digits = 0;
  uint64_t size = 0;
  for (; digits < line.size(); ++digits) {
    const int value = hexDigit(line[digits]);
    if (value < 0) {
      break;
    }
    if (digits >= 15) {
      return fail(400, "http1.invalid_chunk_size");
    }
    size = size * 16 + static_cast<uint64_t>(value);
  }
  if (digits == 0) {
    return fail(400, "http1.invalid_chunk_size");
  }
  // White space only before a semicolon.
  const std::string_view rest = line.substr(digits);
  const std::string_view extension = trim(rest);
  if (!rest.empty() && (!extension.starts_with(';') || !isFieldValue(extension))) {
    return fail(400, "http1.invalid_chunk_extension");
  }
  remaining_ = size;
  state_ = size == 0 ? State::Trailers : State::ChunkData;
  return true;
}

bool Http1Parser::bodyData(base::Buffer& data, bool& more) {
  const size_t take = static_cast<size_t>(std::min<uint64_t>(remaining_, data.size()));
  remaining_ -= take;
  bytes_ += take;
  const bool chunk = state_ == State::ChunkData;
  bool end = false;
  if (remaining_ == 0) {
    state_ = chunk ? State::ChunkEnd : State::Complete;
    end = !chunk;
  }
  if (take == data.size()) {
    handler_.onBody(data, end);
    data.clear();
    more = false;
  } else {
    base::Buffer part;
    part.moveFrom(data, take);
    handler_.onBody(part, end);
  }
  return state_ != State::Failed;
}

bool Http1Parser::execute(base::Buffer& data) {
  bool more = true;
  while (more && !data.empty()) {
    switch (state_) {
    case State::Start:
      if (paused_) {
        return true;
      }
      [[fallthrough]];
    case State::Headers: {
      if (headers_ == nullptr) {
        headers_ = handler_.newHeaders();
        headBytes_ = headLines_ = 0;
      }
      lineBegun_ = true;
      const uint64_t before = bytes_;
      const auto line = takeLine(data, limits_.headersBytes - headBytes_, 431,
                                 "request_headers_too_large", headers_.get());
      if (!line.has_value()) {
        return state_ != State::Failed;
      }
      headBytes_ += static_cast<uint32_t>(bytes_ - before);
      if (state_ == State::Start) {
        // One empty line before a request is tolerated (RFC 9112 section 2.2).
        if (line->empty() && role_ == Role::Request && headBytes_ <= 2) {
          lineBegun_ = false; // nor is a request waited for
          headers_->clear();  // keeps the line's block
          break;
        }
        if (!startLine(*line)) {
          return false;
        }
        state_ = State::Headers;
      } else if (line->empty()) {
        lineBegun_ = false;
        if (!headComplete()) {
          return false;
        }
        // The next message waits for its turn.
        if (state_ == State::Complete) {
          return true;
        }
      } else if (!headerLine(*line, *headers_)) {
        return false;
      } else {
        headers_->gather();
      }
      break;
    }
    case State::Length:
    case State::ChunkData:
      if (!bodyData(data, more)) {
        return false;
      }
      break;
    case State::Close:
    case State::Tunnel:
      bytes_ += data.size();
      handler_.onBody(data, false);
      data.clear();
      return state_ != State::Failed;
    case State::ChunkSize: {
      const auto line =
          takeLine(data, kMaxChunkLine, 400, "http1.chunk_extension_too_long", nullptr);
      if (!line.has_value()) {
        return state_ != State::Failed;
      }
      if (!chunkSize(*line)) {
        return false;
      }
      break;
    }
    case State::ChunkEnd: {
      const auto line = takeLine(data, 2, 400, "http1.invalid_chunk_end", nullptr);
      if (!line.has_value()) {
        return state_ != State::Failed;
      }
      state_ = State::ChunkSize;
      break;
    }
    case State::Trailers: {
      if (headers_ == nullptr) {
        line_ = base::Slice(); // or it would keep its block while the connection is idle
        headers_ = handler_.newHeaders();
        headBytes_ = headLines_ = 0;
      }
      const uint64_t before = bytes_;
      const auto line = takeLine(data, limits_.headersBytes - headBytes_, 431,
                                 "request_trailers_too_large", headers_.get());
      if (!line.has_value()) {
        return state_ != State::Failed;
      }
      headBytes_ += static_cast<uint32_t>(bytes_ - before);
      if (!line->empty()) {
        if (!headerLine(*line, *headers_)) {
          return false;
        }
        headers_->gather();
        break;
      }
      state_ = State::Complete;
      HeaderMapPtr trailers = std::move(headers_);
      // Fields that frame or route a message mean nothing here (RFC 9110 section 6.5.1).
      trailers->removeIf(
          [](const HeaderMap::Entry& e) { return forbiddenTrailer(e.id, e.name()); });
      if (trailers->empty()) {
        base::Buffer none;
        handler_.onBody(none, true);
      } else {
        handler_.onTrailers(std::move(trailers));
      }
      break; // answered at once, the next message begins
    }
    case State::Complete:
      return true;
    case State::Failed:
      return false;
    }
  }
  return state_ != State::Failed;
}

bool Http1Parser::finish() {
  if (state_ == State::Close || state_ == State::Tunnel) {
    state_ = State::Complete;
    base::Buffer none;
    handler_.onBody(none, true);
    return true;
  }
  if (state_ == State::Complete || idle()) {
    return true;
  }
  return fail(400, "http1.premature_end");
}

} // namespace moe::http
