#pragma once

#include "http/header_map.h"

namespace moe::http {

// Holds a message's body to its content-length, whatever filters did to either: a body of another
// length would let the next hop take the rest for a message of its own (RFC 9112 section 6.3).
class BodyLength {
public:
  // A content-length that is no number is removed: the codec then frames the body itself.
  void expect(HeaderMap& headers) {
    left_ = headers.contentLength();
    if (left_ == UINT64_MAX || headers.count(HeaderId::ContentLength) > 1) {
      headers.remove(HeaderId::ContentLength);
      left_.reset();
    }
  }
  // False: more bytes than announced, or an end before the last of them.
  bool take(uint64_t bytes, bool end) {
    if (!left_.has_value()) {
      return true;
    }
    if (bytes > *left_) {
      return false;
    }
    *left_ -= bytes;
    return !end || *left_ == 0;
  }

private:
  std::optional<uint64_t> left_; // nothing: any length
};

} // namespace moe::http
