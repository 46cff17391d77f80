#include "filter/listener/proxy_protocol/header.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::filter::proxy_protocol {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(uint8_t command, uint8_t family, const std::string& body) {
  std::string out = kSignature;
  out.push_back(static_cast<char>(command));
  out.push_back(static_cast<char>(family));
  out.push_back(static_cast<char>(body.size() >> 8));
  out.push_back(static_cast<char>(body.size()));
  return out + body;
}
const std::string kAddresses4("\xc0\x00\x02\x01\x0a\x00\x00\x01\x9c\x40\x00\x50", 12);

ParseState stateOf(const std::string& bytes, const ParseOptions& options = {}) {
  Header header;
  return parseHeader(bytes, options, header).state;
}

// As a filter would: no byte more than is asked for.
ParseState inPieces(const std::string& bytes, Header& header) {
  size_t n = 1;
  while (n <= bytes.size()) {
    const ParseResult result = parseHeader(bytes.substr(0, n), {}, header);
    if (result.state != ParseState::NeedMore) {
      return result.state;
    }
    EXPECT_GT(result.needed, n);
    n = result.needed;
  }
  return ParseState::NeedMore;
}

TEST(ProxyHeader, Version1) {
  Header header;
  const std::string line = "PROXY TCP4 192.0.2.1 10.0.0.1 40000 80\r\n";
  ASSERT_EQ(inPieces(line, header), ParseState::Found);
  EXPECT_EQ(header.version, 1);
  EXPECT_EQ(header.size, line.size());
  EXPECT_EQ(header.source->asString(), "192.0.2.1:40000");
  EXPECT_EQ(header.destination->asString(), "10.0.0.1:80");
  parseHeader(line + "GET /", {}, header);
  EXPECT_EQ(header.size, line.size());
  ASSERT_EQ(inPieces("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n", header), ParseState::Found);
  EXPECT_EQ(header.source->asString(), "[2001:db8::1]:0");
  EXPECT_EQ(header.destination->asString(), "[2001:db8::2]:65535");
}

TEST(ProxyHeader, Version1OfAnUnknownProtocolSaysNothing) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 junk 7\r\n"}) {
    Header header;
    ASSERT_EQ(inPieces(line, header), ParseState::Found) << line;
    EXPECT_TRUE(header.local);
    EXPECT_EQ(header.source, nullptr);
  }
}

TEST(ProxyHeader, Version1IsStrict) {
  for (const char* line : {
           "PROXY \r\n",
           "PROXY TCP4\r\n",
           "PROXY UNKNOWNX\r\n",
           "PROXY TCP5 192.0.2.1 10.0.0.1 1 80\r\n",
           "PROXY tcp4 192.0.2.1 10.0.0.1 1 80\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 80 \r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 80 9\r\n",
           "PROXY TCP4  192.0.2.1 10.0.0.1 1 80\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 080\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 +80\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 -1 80\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.1 1 \r\n",
           "PROXY TCP4 192.0.2.1 10.0.0 1 80\r\n",
           "PROXY TCP4 192.0.2.1 10.0.0.256 1 80\r\n",
           "PROXY TCP4 2001:db8::1 2001:db8::2 1 80\r\n",
           "PROXY TCP6 192.0.2.1 10.0.0.1 1 80\r\n",
           "PROXY TCP4 0.0.0.0 10.0.0.1 1 80\r\n",
           "PROXY TCP4 192.0.2.1 255.255.255.255 1 80\r\n",
           "PROXY TCP4 224.0.0.1 10.0.0.1 1 80\r\n",
           "PROXY TCP6 :: 2001:db8::2 1 80\r\n",
           "PROXY TCP6 2001:db8::2 ff02::1 1 80\r\n",
       }) {
    EXPECT_EQ(stateOf(line), ParseState::Malformed) << line;
  }
  const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), 107u);
  EXPECT_EQ(stateOf(longest), ParseState::Found);
  EXPECT_EQ(stateOf("PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n"), ParseState::Malformed);
  EXPECT_EQ(stateOf("PROXY TCP4 192.0.2.1 10.0.0.1 1 80\n" + std::string(200, 'x')),
            ParseState::Malformed);
}

TEST(ProxyHeader, Version2) {
  Header header;
  ASSERT_EQ(inPieces(v2(0x21, 0x11, kAddresses4) + "GET", header), ParseState::Found);
  EXPECT_EQ(header.version, 2);
  EXPECT_EQ(header.size, 28u);
  EXPECT_EQ(header.source->asString(), "192.0.2.1:40000");
  EXPECT_EQ(header.destination->asString(), "10.0.0.1:80");
  EXPECT_TRUE(header.tlvs.empty());
  std::string six(36, '\0');
  six.replace(0, 4, "\x20\x01\x0d\xb8");
  six[15] = 1;
  six.replace(16, 4, "\x20\x01\x0d\xb8");
  six[31] = 2;
  six[33] = 7;
  six[35] = 80;
  ASSERT_EQ(inPieces(v2(0x21, 0x21, six), header), ParseState::Found);
  EXPECT_EQ(header.source->asString(), "[2001:db8::1]:7");
  EXPECT_EQ(header.destination->asString(), "[2001:db8::2]:80");
}

TEST(ProxyHeader, Version2Values) {
  Header header;
  const std::string tlvs("\x01\x00\x02h2\xea\x00\x00\x04\x00\x01\x00", 12);
  const std::string bytes = v2(0x21, 0x11, kAddresses4 + tlvs);
  ASSERT_EQ(parseHeader(bytes, {}, header).state, ParseState::Found);
  ASSERT_EQ(header.tlvs.size(), 3u);
  EXPECT_EQ(header.tlvs[0].type, 1);
  EXPECT_EQ(header.tlvs[0].value, "h2");
  EXPECT_EQ(header.tlvs[1].type, 0xea);
  EXPECT_EQ(header.tlvs[1].value, "");
  EXPECT_EQ(header.size, bytes.size());
  for (const std::string& bad : {std::string("\x01", 1), std::string("\x01\x00", 2),
                                 std::string("\x01\x00\x01", 3), std::string("\x01\x00\x02h", 4)}) {
    EXPECT_EQ(stateOf(v2(0x21, 0x11, kAddresses4 + bad)), ParseState::Malformed);
  }
}

TEST(ProxyHeader, Version2OfItsOwnSaysNothing) {
  Header header;
  for (const std::string& body : {std::string(), std::string("junk"), kAddresses4}) {
    ASSERT_EQ(inPieces(v2(0x20, 0x00, body) + "rest", header), ParseState::Found);
    EXPECT_TRUE(header.local);
    EXPECT_EQ(header.size, 16 + body.size());
  }
}

TEST(ProxyHeader, Version2IsStrict) {
  EXPECT_EQ(stateOf(v2(0x11, 0x11, kAddresses4)), ParseState::Malformed); // version 1 in binary
  EXPECT_EQ(stateOf(v2(0x22, 0x11, kAddresses4)), ParseState::Malformed); // command 2
  EXPECT_EQ(stateOf(v2(0x21, 0x00, kAddresses4)), ParseState::Malformed); // unspecified
  EXPECT_EQ(stateOf(v2(0x21, 0x31, std::string(216, 'a'))), ParseState::Malformed); // UNIX
  EXPECT_EQ(stateOf(v2(0x21, 0x10, kAddresses4)), ParseState::Malformed);
  EXPECT_EQ(stateOf(v2(0x21, 0x11, kAddresses4.substr(1))), ParseState::Malformed);
  EXPECT_EQ(stateOf(v2(0x21, 0x21, kAddresses4)), ParseState::Malformed);
  EXPECT_EQ(stateOf(v2(0x21, 0x11, std::string(12, '\0'))), ParseState::Malformed); // 0.0.0.0
  // Known to be wrong before all of it is there.
  EXPECT_EQ(stateOf(v2(0x21, 0x00, kAddresses4).substr(0, 16)), ParseState::Malformed);
}

TEST(ProxyHeader, NothingElseIsOne) {
  for (const char* bytes : {"GET / HTTP/1.1\r\n", "PROXX ", "P ", "\r\n\r\nX", "\n", "proxy "}) {
    EXPECT_EQ(stateOf(bytes), ParseState::NotProxy) << bytes;
  }
  for (const std::string& bytes : {std::string("P"), std::string("PROXY"), kSignature.substr(0, 5),
                                   kSignature, std::string()}) {
    EXPECT_EQ(stateOf(bytes), ParseState::NeedMore);
  }
}

TEST(ProxyHeader, VersionsThatAreOffAreNotRecognised) {
  const std::string one = "PROXY UNKNOWN\r\n";
  const std::string two = v2(0x20, 0, "");
  EXPECT_EQ(stateOf(one, {.v1 = false}), ParseState::NotProxy);
  EXPECT_EQ(stateOf(two, {.v1 = false}), ParseState::Found);
  EXPECT_EQ(stateOf(one, {.v2 = false}), ParseState::Found);
  EXPECT_EQ(stateOf(two, {.v2 = false}), ParseState::NotProxy);
}

} // namespace
} // namespace moe::filter::proxy_protocol
