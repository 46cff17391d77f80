// Where an HTTP/1 message ends, and whether its connection goes on.
#include "http/codec/http1_parser.h"
#include "http/codec/http1_tokens.h"
#include "http/upgrade.h"
#include "http/validation.h"

namespace moe::http {
namespace {

// In one request, as in Envoy.
constexpr size_t kMaxConnectionOptions = 10;

// Fields that are for the last server: no hop may have them removed by naming them in Connection.
bool namesEndToEnd(std::string_view option) {
  return option.front() == ':' || equalsIgnoreCase(option, "host") ||
         equalsIgnoreCase(option, "x-forwarded-for") ||
         equalsIgnoreCase(option, "x-forwarded-host") ||
         equalsIgnoreCase(option, "x-forwarded-proto");
}

} // namespace

bool Http1Parser::framingHeaders(bool& chunked, std::optional<uint64_t>& length) {
  chunked = false;
  if (headers_->has(HeaderId::TransferEncoding)) {
    // Only "chunked" alone: nothing else can be framed safely (RFC 9112 section 6.1).
    if (headers_->count(HeaderId::TransferEncoding) != 1 ||
        !equalsIgnoreCase(headers_->value(HeaderId::TransferEncoding), "chunked")) {
      return fail(501, "http1.invalid_transfer_encoding");
    }
    if (version_ == Protocol::Http10) {
      return fail(400, "http1.transfer_encoding_in_http10");
    }
    if (headers_->has(HeaderId::ContentLength)) {
      return fail(400, "http1.content_length_and_transfer_encoding");
    }
    chunked = true;
    return true;
  }
  if (headers_->has(HeaderId::ContentLength)) {
    if (headers_->count(HeaderId::ContentLength) != 1) {
      return fail(400, "http1.multiple_content_length");
    }
    length = headers_->contentLength();
    if (*length == UINT64_MAX) {
      return fail(400, "http1.invalid_content_length");
    }
  }
  return true;
}

bool Http1Parser::connectionOptions() {
  keepAlive_ = version_ == Protocol::Http11;
  size_t items = 0;
  bool honest = true;
  bool close = false;
  if (headers_->has(HeaderId::Connection)) {
    for (const HeaderMap::Entry& entry : headers_->entries()) {
      if (entry.id != HeaderId::Connection) {
        continue;
      }
      forEachListItem(entry.value(), [&](std::string_view item) {
        ++items;
        if (equalsIgnoreCase(item, "close")) {
          close = true;
        } else if (equalsIgnoreCase(item, "keep-alive")) {
          keepAlive_ = true;
        } else if (namesEndToEnd(item)) {
          honest = false;
        }
      });
    }
    keepAlive_ = keepAlive_ && !close; // close wins, wherever it stands (RFC 9112 section 9.3)
  }
  // What Connection names is removed: it must not be how a request gets rid of its origin.
  if (role_ == Role::Request && (!honest || items >= kMaxConnectionOptions)) {
    return fail(400, "http1.invalid_connection");
  }
  // HTTP/1.0 has no Upgrade (RFC 9110 section 7.8). An offer of h2c, as some clients make with
  // every request, is not taken up, as in Envoy.
  if (role_ == Role::Request && (version_ == Protocol::Http10 ||
                                 equalsIgnoreCase(headers_->value(HeaderId::Upgrade), "h2c"))) {
    headers_->remove(HeaderId::Upgrade);
  }
  // A server might choose one that was not looked at.
  if (role_ == Role::Request && headers_->count(HeaderId::Upgrade) > 1) {
    return fail(400, "http1.multiple_upgrade");
  }
  upgrade_ = isUpgrade(*headers_);
  return true;
}

bool Http1Parser::requestFraming() {
  // RFC 9112 section 3.2: exactly one Host in HTTP/1.1.
  const size_t hosts = headers_->count(HeaderId::Host);
  if (hosts > 1) {
    return fail(400, "http1.multiple_host");
  }
  if (hosts == 0 && version_ == Protocol::Http11) {
    return fail(400, "missing_host_header");
  }
  if (hosts == 1) {
    const std::string_view host = headers_->value(HeaderId::Host);
    if (!isAuthority(host) || (host.empty() && !absoluteForm_)) {
      return fail(400, "http1.invalid_host"); // moe has nothing to route or forward it by
    }
    if (!absoluteForm_) { // the absolute form wins over Host (RFC 9112 section 3.2.2)
      headers_->addView(HeaderId::Authority, {}, host);
    }
    headers_->remove(HeaderId::Host);
  }
  bool chunked = false;
  std::optional<uint64_t> length;
  if (!framingHeaders(chunked, length)) {
    return false;
  }
  if (connectMethod_) {
    // Content of CONNECT has no meaning (RFC 9110 section 9.3.6).
    if (chunked || length.value_or(0) != 0) {
      return fail(400, "http1.body_in_connect");
    }
    headers_->remove(HeaderId::ContentLength);
    state_ = State::Tunnel;
    return true;
  }
  if (upgrade_ && (chunked || length.value_or(0) != 0)) {
    return fail(400, "http1.body_in_upgrade"); // where would the tunnel begin?
  }
  if (chunked) {
    state_ = State::ChunkSize;
  } else if (length.value_or(0) > 0) {
    remaining_ = *length;
    state_ = State::Length;
  } else {
    state_ = State::Complete;
  }
  return true;
}

bool Http1Parser::responseFraming() {
  bool chunked = false;
  std::optional<uint64_t> length;
  const bool interim = status_ < 200;
  // RFC 9112 section 6.3.
  if (interim || status_ == 204 || (connectRequest_ && status_ < 300)) {
    if (headers_->has(HeaderId::TransferEncoding) ||
        (headers_->has(HeaderId::ContentLength) && headers_->contentLength() != 0)) {
      if (interim || status_ == 204) {
        return fail(502, "http1.body_framing_not_allowed");
      }
      headers_->remove(HeaderId::TransferEncoding);
    }
    headers_->remove(HeaderId::ContentLength);
    state_ = State::Complete;
    if (status_ == 101 || (connectRequest_ && status_ >= 200)) {
      state_ = State::Tunnel;
    }
    return true;
  }
  if (!framingHeaders(chunked, length)) {
    return false;
  }
  if (headRequest_ || status_ == 304) {
    state_ = State::Complete;
  } else if (chunked) {
    state_ = State::ChunkSize;
  } else if (length.has_value()) {
    remaining_ = *length;
    state_ = *length == 0 ? State::Complete : State::Length;
  } else {
    keepAlive_ = false;
    state_ = State::Close;
  }
  return true;
}

} // namespace moe::http
