#include "filter/listener/http_inspector/detect.h"

#include <gtest/gtest.h>

#include <string>

namespace moe::filter::http_inspector {
namespace {

Kind detect(const std::string& bytes, size_t each = 100'000) {
  Detector detector;
  Kind kind = Kind::Undecided;
  for (size_t at = 0; at < bytes.size() && kind == Kind::Undecided; at += each) {
    kind = detector.feed(std::string_view(bytes).substr(at, each));
  }
  return kind;
}

TEST(HttpDetector, TellsProtocolsInAnyPieces) {
  const struct {
    std::string bytes;
    Kind kind;
  } cases[] = {
      {"GET / HTTP/1.1\r\n", Kind::Http11},
      {"GET / HTTP/1.1\n", Kind::Http11},
      {"GET / HTTP/1.0\r\n", Kind::Http10},
      {"OPTIONS * HTTP/1.1\r\n", Kind::Http11},
      {"CONNECT a.com:443 HTTP/1.1\r\n", Kind::Http11},
      {"VERSION-CONTROL /a HTTP/1.1\r\n", Kind::Http11},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::Http2},
      {"PRI /x HTTP/1.1\r\n", Kind::Http11},
      {"PRINT /x HTTP/1.1\r\n", Kind::Http11},
      {"P", Kind::Undecided},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Kind::Undecided},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx", Kind::Http10},
      {"PRI * HTTP/2.0\r\nx", Kind::Http10},
      {"GET / HTTP/1.1", Kind::Undecided},
      {"GET / HTTP/2.0\r\n", Kind::Http10},
      {"GET / HTTP/11\r\n", Kind::Other},
      {"GET / HTTP/1.1x\r\n", Kind::Other},
      {"GET / http/1.1\r\n", Kind::Other},
      {"GET /\r\n", Kind::Other},
      {"GET  / HTTP/1.1\r\n", Kind::Other},
      {" GET / HTTP/1.1\r\n", Kind::Other},
      {"\r\nGET / HTTP/1.1\r\n", Kind::Other},
      {"PING\r\n", Kind::Other},
      {"*1\r\n$4\r\nPING\r\n", Kind::Other},
      {"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", Kind::Other},
      {"get key\r\n", Kind::Other},
      {std::string("\x16\x03\x01\0", 4), Kind::Other},
      {std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8), Kind::Other}, // PostgreSQL's SSLRequest
      {std::string(100, 'A'), Kind::Other},                        // no method is so long
  };
  for (const auto& c : cases) {
    for (const size_t each : {size_t{1}, size_t{3}, size_t{100'000}}) {
      EXPECT_EQ(detect(c.bytes, each), c.kind) << c.bytes << " by " << each;
    }
  }
}

} // namespace
} // namespace moe::filter::http_inspector
