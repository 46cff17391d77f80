#include "filter/listener/tls_inspector/client_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::filter::tls_inspector {
namespace {

using State = ClientHelloReader::State;
using testing::ElementsAre;

std::string number(size_t value, size_t size) {
  std::string out;
  while (size-- > 0) {
    out.push_back(static_cast<char>(value >> (8 * size)));
  }
  return out;
}
std::string vector(const std::string& content, size_t size) {
  return number(content.size(), size) + content;
}
std::string extension(size_t type, const std::string& content) {
  return number(type, 2) + vector(content, 2);
}
std::string sni(const std::string& name, char type = 0) {
  return extension(0, vector(std::string(1, type) + vector(name, 2), 2));
}
std::string alpn(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    list += vector(name, 1);
  }
  return extension(16, vector(list, 2));
}

struct Hello {
  size_t version = 0x0303;
  std::string session = std::string(32, 's');
  std::string ciphers = std::string("\x13\x01\x13\x02", 4);
  std::string compression = std::string(1, '\0');
  std::string body() const {
    return number(version, 2) + std::string(32, 'r') + vector(session, 1) + vector(ciphers, 2) +
           vector(compression, 1);
  }
  std::string with(const std::string& extensions) const { return body() + vector(extensions, 2); }
};

std::string message(const std::string& body) { return "\x01" + vector(body, 3); }
std::string record(const std::string& content) { return "\x16\x03\x01" + vector(content, 2); }
std::string records(const std::string& content, size_t each) {
  std::string out;
  for (size_t at = 0; at < content.size(); at += each) {
    out += record(content.substr(at, each));
  }
  return out;
}

State feedAll(ClientHelloReader& reader, const std::string& bytes, size_t each = 100'000) {
  State state = State::NeedMore;
  for (size_t at = 0; at < bytes.size() && state == State::NeedMore; at += each) {
    state = reader.feed(std::string_view(bytes).substr(at, each));
  }
  return state;
}
State stateOf(const std::string& bytes) {
  ClientHelloReader reader(16 * 1024);
  return feedAll(reader, bytes);
}

const std::string kUsual =
    Hello().with(extension(10, "groups") + sni("WWW.Example.com") + alpn({"h2", "http/1.1"}));

TEST(ClientHello, NameAndProtocols) {
  const auto hello = parseClientHello(kUsual);
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(hello->serverName, "www.example.com");
  EXPECT_THAT(hello->alpn, ElementsAre("h2", "http/1.1"));
}

TEST(ClientHello, ExtensionsMayBeAbsentOrEmpty) {
  EXPECT_EQ(parseClientHello(Hello().body())->serverName, "");
  EXPECT_TRUE(parseClientHello(Hello().with(""))->alpn.empty());
}

TEST(ClientHello, EveryShorterOneIsRefused) {
  for (size_t n = 0; n < kUsual.size(); ++n) {
    // Without its extensions it is whole again.
    EXPECT_EQ(parseClientHello(kUsual.substr(0, n)).has_value(), n == Hello().body().size()) << n;
  }
  EXPECT_FALSE(parseClientHello(kUsual + "x").has_value());
}

TEST(ClientHello, WhatIsNotWellFormedIsRefused) {
  const auto good = [](const std::string& extensions) {
    return parseClientHello(Hello().with(extensions)).has_value();
  };
  EXPECT_TRUE(good(sni("a.com")));
  EXPECT_FALSE(good(sni("")));
  EXPECT_FALSE(good(sni("a.com", 1)));
  EXPECT_FALSE(good(sni(std::string("a\0b", 3))));
  EXPECT_FALSE(good(sni(std::string(256, 'a'))));
  EXPECT_TRUE(good(sni(std::string(255, 'a'))));
  EXPECT_FALSE(good(extension(0, "")));
  const std::string name = std::string(1, '\0') + vector("a.com", 2);
  EXPECT_FALSE(good(extension(0, vector(name + name, 2)))); // two names
  EXPECT_FALSE(good(extension(0, vector(name, 2) + "x")));
  EXPECT_FALSE(good(sni("a.com") + sni("b.com"))); // an extension twice
  EXPECT_FALSE(good(extension(10, "") + extension(43, "") + extension(10, "")));
  EXPECT_FALSE(good("\x01"));
  EXPECT_FALSE(good(number(10, 2) + number(5, 2) + "four"));
  Hello hello;
  hello.ciphers = "";
  EXPECT_FALSE(parseClientHello(hello.body()));
  hello.ciphers = "odd";
  EXPECT_FALSE(parseClientHello(hello.body()));
  hello = {};
  hello.compression = "";
  EXPECT_FALSE(parseClientHello(hello.body()));
  hello = {};
  hello.session = std::string(33, 's');
  EXPECT_FALSE(parseClientHello(hello.body()));
  hello = {};
  hello.version = 0x0300;
  EXPECT_FALSE(parseClientHello(hello.body()));
  hello.version = 0x0301;
  EXPECT_TRUE(parseClientHello(hello.body()));
}

TEST(ClientHello, MalformedProtocolsAreNone) {
  const auto protocols = [](const std::string& content) {
    const auto hello = parseClientHello(Hello().with(extension(16, content)));
    EXPECT_TRUE(hello.has_value());
    return hello->alpn;
  };
  EXPECT_TRUE(protocols("").empty());
  EXPECT_TRUE(protocols(vector("", 2)).empty());
  EXPECT_TRUE(protocols(vector(vector("h2", 1) + vector("", 1), 2)).empty());
  EXPECT_TRUE(protocols(vector(vector("h2", 1), 2) + "x").empty());
  EXPECT_TRUE(protocols(vector("\x05h2", 2)).empty());
  EXPECT_THAT(protocols(vector(vector("h2", 1), 2)), ElementsAre("h2"));
}

TEST(ClientHelloReader, AnyPiecesAndAnyRecords) {
  const std::string whole = message(kUsual);
  for (const size_t inRecord : {size_t{1}, size_t{3}, size_t{4}, size_t{50}, whole.size()}) {
    for (const size_t each : {size_t{1}, size_t{2}, size_t{7}, size_t{100'000}}) {
      ClientHelloReader reader(16 * 1024);
      const std::string bytes = records(whole, inRecord);
      EXPECT_EQ(feedAll(reader, bytes, each), State::Found) << inRecord << " " << each;
      EXPECT_EQ(reader.hello().serverName, "www.example.com");
      EXPECT_EQ(reader.bytes(), bytes.size());
    }
  }
}

TEST(ClientHelloReader, NeedsMoreUntilTheLastByte) {
  const std::string bytes = record(message(kUsual));
  for (size_t n = 1; n < bytes.size(); ++n) {
    EXPECT_EQ(stateOf(bytes.substr(0, n)), State::NeedMore) << n;
  }
  EXPECT_EQ(stateOf(bytes + "more of the handshake"), State::Found);
}

TEST(ClientHelloReader, OtherProtocols) {
  EXPECT_EQ(stateOf("GET / HTTP/1.1\r\n"), State::NotTls);
  EXPECT_EQ(stateOf("SSH-2.0-x"), State::NotTls);
  EXPECT_EQ(stateOf(std::string("\0", 1)), State::NotTls);
  EXPECT_EQ(stateOf("\x16G"), State::NotTls);
  EXPECT_EQ(stateOf("\x15\x03\x01"), State::NotTls);                               // an alert
  EXPECT_EQ(stateOf(std::string("\x16\x03\x01\0\0", 5)), State::NotTls);           // empty
  EXPECT_EQ(stateOf("\x16\x03\x01\x40\x01" + std::string(9, 'x')), State::NotTls); // too long
  EXPECT_EQ(stateOf(record("\x02 another message")), State::NotTls);
  EXPECT_EQ(stateOf(record(message(Hello().with("x")))), State::NotTls);
  EXPECT_EQ(stateOf(record(message(""))), State::NotTls);
}

TEST(ClientHelloReader, Limit) {
  const std::string bytes = record(message(Hello().with(extension(21, std::string(500, 'p')))));
  for (const size_t each : {size_t{1}, size_t{1000}}) {
    ClientHelloReader exact(bytes.size());
    EXPECT_EQ(feedAll(exact, bytes, each), State::Found);
    ClientHelloReader less(bytes.size() - 1);
    EXPECT_EQ(feedAll(less, bytes, each), State::TooLarge);
    EXPECT_EQ(less.bytes(), bytes.size() - 1);
  }
  // A message that claims to be huge is waited for no longer.
  ClientHelloReader huge(1000);
  EXPECT_EQ(feedAll(huge, record("\x01\xff\xff\xff" + std::string(5000, 'x'))), State::TooLarge);
}

} // namespace
} // namespace moe::filter::tls_inspector
