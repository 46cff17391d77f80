#pragma once

#include <cstddef>
#include <string_view>

namespace moe::filter::http_inspector {

// What the first bytes of a connection in clear text are.
enum class Kind { Undecided, Http10, Http11, Http2, Other };

// Tells HTTP from other protocols by the first line, fed in pieces; each byte is looked at once.
// Stricter than nothing, laxer than the codec: "METHOD SP target SP HTTP/x.y" before a line end is
// HTTP/1, and the preface of HTTP/2 is HTTP/2 (RFC 9113 section 3.4).
class Detector {
public:
  // The next bytes; after another answer than Undecided no more.
  Kind feed(std::string_view bytes);

private:
  enum class Part { Method, Target, Version, LineEnd };
  Kind feedOne(char c);

  Part part_ = Part::Method;
  size_t inPart_ = 0;
  size_t preface_ = 0; // bytes that are those of HTTP/2's preface
  bool maybeHttp2_ = true;
  Kind http1_ = Kind::Undecided; // what it is if it is not HTTP/2
  bool old_ = false;             // another version than 1.1
};

} // namespace moe::filter::http_inspector
