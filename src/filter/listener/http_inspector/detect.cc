#include "filter/listener/http_inspector/detect.h"

namespace moe::filter::http_inspector {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kVersion = "HTTP/";
// No registered method has more than half as many characters.
constexpr size_t kLongestMethod = 64;

// RFC 9110 section 5.6.2.
bool isTokenChar(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != others.npos;
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }

} // namespace

Kind Detector::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (http1_ == Kind::Undecided) {
      http1_ = feedOne(c);
    }
    if (maybeHttp2_) {
      maybeHttp2_ = c == kPreface[preface_];
      if (maybeHttp2_ && ++preface_ == kPreface.size()) {
        return Kind::Http2;
      }
    }
    // The preface of HTTP/2 begins with a request line: HTTP/1 only if it does not go on so.
    if (!maybeHttp2_ && http1_ != Kind::Undecided) {
      return http1_;
    }
  }
  return Kind::Undecided;
}

Kind Detector::feedOne(char c) {
  switch (part_) {
  case Part::Method:
    if (c == ' ' && inPart_ > 0) {
      part_ = Part::Target;
      inPart_ = 0;
      return Kind::Undecided;
    }
    return isTokenChar(c) && ++inPart_ <= kLongestMethod ? Kind::Undecided : Kind::Other;
  case Part::Target:
    if (c == ' ' && inPart_ > 0) {
      part_ = Part::Version;
      inPart_ = 0;
      return Kind::Undecided;
    }
    ++inPart_;
    // Bytes above 0x7f are not allowed, but do come: the codec answers them.
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f ? Kind::Undecided : Kind::Other;
  case Part::Version:
    if (inPart_ < kVersion.size()) {
      return c == kVersion[inPart_++] ? Kind::Undecided : Kind::Other;
    }
    switch (inPart_++ - kVersion.size()) {
    case 0:
      old_ = c != '1'; // whatever it is: the codec will say so
      return isDigit(c) ? Kind::Undecided : Kind::Other;
    case 1:
      return c == '.' ? Kind::Undecided : Kind::Other;
    default:
      old_ = old_ || c != '1';
      part_ = Part::LineEnd;
      return isDigit(c) ? Kind::Undecided : Kind::Other;
    }
  case Part::LineEnd:
    if (c == '\r' || c == '\n') {
      return old_ ? Kind::Http10 : Kind::Http11;
    }
    return Kind::Other;
  }
  return Kind::Other;
}

} // namespace moe::filter::http_inspector
