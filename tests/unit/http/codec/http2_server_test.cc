#include "http/codec/http2_fixture.h"

namespace moe::http::test {
namespace {

TEST_F(Http2ServerTest, AnswersARequest) {
  start();
  get(1);
  EXPECT_EQ(proxy.log, "GET h/ end|");
  request(0).respond(worker.slab, 200, "hello");
  EXPECT_EQ(frames(), "HEADERS(1) DATA(1,5 end) ");
  EXPECT_EQ(stats.streamsActive.value(), 0);
}

TEST_F(Http2ServerTest, ReadsBodiesAndTrailers) {
  start();
  send(frame(kHeaders, kEndHeaders, 1, kPost));
  send(frame(kData, 0, 1, "abc"));
  EXPECT_EQ(request(0).body, "abc");
  // A part of a frame need not wait for the rest.
  const std::string data = frame(kData, 0, 1, "defghi");
  send(data.substr(0, 12));
  EXPECT_EQ(request(0).body, "abcdef");
  send(data.substr(12));
  send(frame(kHeaders, kEndHeaders | kEndStream, 1, field("x-sum", "1")));
  EXPECT_EQ(request(0).body, "abcdefghi");
  EXPECT_EQ(proxy.log, "POST h/|trailer x-sum|");
}

TEST_F(Http2ServerTest, TakesFramesByteByByte) {
  start({}, false);
  const std::string all =
      base::cat(kPreface, frame(kSettings, 0, 0, ""), frame(kHeaders, kEndHeaders, 1, kPost),
                frame(kWindow, 0, 1, number32(10)), frame(kData, kEndStream, 1, "abc"));
  for (const char c : all) {
    send({&c, 1});
  }
  EXPECT_EQ(proxy.log, "POST h/|body 3 end|");
}

TEST_F(Http2ServerTest, AnEarlyAnswerEndsTheRequest) {
  start();
  send(frame(kHeaders, kEndHeaders, 1, kPost));
  request(0).respond(worker.slab, 413);
  EXPECT_EQ(frames(), "HEADERS(1 end) RST(1,0) ");
  // What was under way does no harm.
  send(frame(kData, kEndStream, 1, "abc"));
  EXPECT_EQ(frames(), "");
}

TEST_F(Http2ServerTest, MalformedRequestsEndTheirStreamOnly) {
  start();
  uint32_t stream = 1;
  for (const std::string& fields :
       {base::cat(kGet, field("Upper", "x")), base::cat(kGet, field("connection", "close")),
        base::cat(kGet, field("transfer-encoding", "chunked")),
        base::cat(kGet, field("te", "gzip")), base::cat(kGet, field("x-a", "b\r\nc")),
        base::cat(kGet, field("x-a", std::string("\0", 1))), base::cat(kGet, field("x-a", "\x01")),
        base::cat(kGet, field("host", "other")), base::cat(kGet, field(":path", "/again")),
        base::cat(kGet, field("x a", "b")), base::cat(kGet, field(std::string("x\0y", 3), "b")),
        base::cat("\x82\x86\x84", field(":authority", "h@i")),
        base::cat("\x82\x86\x84", field(":authority", "")),
        base::cat("\x82\x86\x41\x01h", field(":path", "/a b")),
        base::cat("\x82\x84\x41\x01h", field(":scheme", "ftp")), std::string("\x82\x86\x84", 3)}) {
    send(frame(kHeaders, kEndHeaders | kEndStream, stream, fields));
    EXPECT_EQ(frames(), base::cat("RST(", stream, ",1) ")) << fields;
    stream += 2;
  }
  EXPECT_EQ(proxy.log, "");
  get(stream);
  EXPECT_EQ(proxy.log, "GET h/ end|");
  EXPECT_GT(stats.rxMessagingError.value(), 10u);
}

TEST_F(Http2ServerTest, AClientsGoAwayEndsNothing) {
  for (const uint32_t last : {0u, 1u, 0x7fffffffu}) {
    SCOPED_TRACE(last);
    proxy.requests.clear();
    start();
    get(1);
    const std::string away = frame(kGoAway, 0, 0, base::cat(number32(last), number32(0), "bye"));
    send(std::string_view(away).substr(0, 7)); // in pieces
    send(std::string_view(away).substr(7, 4));
    send(std::string_view(away).substr(11));
    request(0).respond(worker.slab, 200);
    EXPECT_EQ(frames(), "HEADERS(1 end) ");
    EXPECT_EQ(stats.rxMessagingError.value(), 0u);
    connection->close(net::CloseType::NoFlush);
    settle();
    codec.reset();
  }
}

TEST_F(Http2ServerTest, StreamsBehindAGoAwayThatIsNotYetSentAreRefused) {
  start();
  get(1);
  codec->goAway();
  base::Buffer late = bytes(frame(kHeaders, kEndHeaders | kEndStream, 3, kGet));
  ASSERT_TRUE(codec->dispatch(late, false).ok()); // in the same turn
  EXPECT_EQ(frames(), "GOAWAY(0) RST(3,7) ");
  EXPECT_EQ(proxy.requests.size(), 1u);
  request(0).respond(worker.slab, 200);
  EXPECT_EQ(frames(), "HEADERS(1 end) ");
  EXPECT_TRUE(connection->closing());
}

TEST_F(Http2ServerTest, MalformedRequestsEndTheConnectionWhereThatIsAskedFor) {
  start({.streamErrorOnInvalidMessage = false});
  send(frame(kHeaders, kEndHeaders | kEndStream, 1, base::cat(kGet, field("host", "other"))));
  EXPECT_TRUE(frames().ends_with("GOAWAY(1) "));
  EXPECT_TRUE(connection->closing());
}

TEST_F(Http2ServerTest, HostStandsInForAuthorityAndCookiesAreOne) {
  start();
  send(frame(kHeaders, kEndHeaders | kEndStream, 1,
             base::cat("\x82\x86\x84", field("host", "h"), field("cookie", "a=1"),
                       field("cookie", "b=2"))));
  EXPECT_EQ(proxy.log, "GET h/ end|");
  EXPECT_FALSE(request(0).headers->has(HeaderId::Host));
  EXPECT_EQ(request(0).headers->count(HeaderId::Cookie), 1u);
  EXPECT_EQ(request(0).headers->value(HeaderId::Cookie), "a=1; b=2");
}

TEST_F(Http2ServerTest, TooManyHeadersAreAnsweredWith431) {
  start({.maxHeadersBytes = 700, .maxHeadersCount = 10});
  std::string large(kGet);
  for (int i = 0; i < 4; ++i) {
    large += field("x-large", std::string(100, 'x'));
  }
  std::string many(kGet);
  for (int i = 0; i < 11; ++i) {
    many += field("x", "");
  }
  uint32_t stream = 1;
  for (const std::string& fields : {large, many}) {
    send(frame(kHeaders, kEndHeaders | kEndStream, stream, fields));
    EXPECT_EQ(frames(), base::cat("HEADERS(", stream, " end) "));
    stream += 2;
  }
  EXPECT_EQ(proxy.log, "error 431 request_headers_too_large|error 431 request_headers_too_large|");
  proxy.log.clear();
  EXPECT_EQ(stats.headerOverflow.value(), 2u);
  std::string fits(kGet);
  for (int i = 0; i < 10; ++i) {
    fits += field("x", "");
  }
  send(frame(kHeaders, kEndHeaders | kEndStream, stream, fits));
  EXPECT_EQ(proxy.log, "GET h/ end|"); // pseudo-headers do not count
}

TEST_F(Http2ServerTest, AnExtendedConnectLooksLikeAnUpgrade) {
  start({.allowConnect = true});
  send(frame(kHeaders, kEndHeaders, 1,
             base::cat(field(":method", "CONNECT"), field(":scheme", "http"),
                       field(":path", "/chat"), field(":authority", "h"),
                       field(":protocol", "websocket"))));
  EXPECT_EQ(proxy.log, "GET h/chat|");
  EXPECT_EQ(request(0).headers->value(HeaderId::Upgrade), "websocket");
  EXPECT_EQ(request(0).headers->value(HeaderId::Connection), "upgrade");
  HeaderMapPtr response = pool.make();
  response->setStatus(101);
  response->add(HeaderId::Upgrade, "websocket");
  request(0).encoder->encodeHeaders(*response, false);
  settle();
  EXPECT_NE(client->received.find('\x88'), std::string::npos); // ":status 200" of the static table
  EXPECT_EQ(frames(), "HEADERS(1) ");
  send(frame(kData, 0, 1, "ping"));
  EXPECT_EQ(request(0).body, "ping");
}

TEST_F(Http2ServerTest, AnExtendedConnectIsRefusedUnlessAllowed) {
  start();
  send(frame(kHeaders, kEndHeaders, 1,
             base::cat(field(":method", "CONNECT"), field(":scheme", "http"), field(":path", "/"),
                       field(":authority", "h"), field(":protocol", "websocket"))));
  EXPECT_EQ(frames(), "RST(1,1) ");
}

TEST_F(Http2ServerTest, AStreamThatIsNotReadHoldsItsSenderAndNobodyElse) {
  start();
  client->connection->readDisable(true);
  get(1);
  get(3);
  const std::string large(400'000, 'x');
  request(0).respond(worker.slab, 200, large, false);
  EXPECT_EQ(request(0).high, 1); // the window of 65535 bytes is full, the rest is queued
  EXPECT_EQ(request(1).high, 0);
  client->connection->readDisable(false);
  send(base::cat(frame(kWindow, 0, 0, number32(1'000'000)),
                 frame(kWindow, 0, 1, number32(400'000))));
  EXPECT_EQ(request(0).low, 1);
  EXPECT_EQ(stats.pendingSendBytes.value(), 0);
}

TEST_F(Http2ServerTest, WindowsOpenOnlyAsBytesAreTaken) {
  start({.initialStreamWindow = 65'535});
  send(frame(kHeaders, kEndHeaders, 1, kPost));
  request(0).encoder->readDisable(true);
  for (int i = 0; i < 3; ++i) {
    send(frame(kData, 0, 1, std::string(16'000, 'x')));
  }
  auto updates = [&] { // WINDOW_UPDATE frames for stream 1
    settle();
    size_t found = 0;
    for (size_t at = 0; (at = client->received.find(std::string("\0\0\4\10\0\0\0\0\1", 9), at)) !=
                        std::string::npos;
         ++at) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(updates(), 0u);
  request(0).encoder->readDisable(false);
  EXPECT_EQ(updates(), 1u);
}

TEST_F(Http2ServerTest, GoAwayLetsStreamsEndAndThenCloses) {
  start();
  get(1);
  codec->shutdownNotice();
  EXPECT_EQ(frames(), "GOAWAY(0) ");
  get(3); // was under way
  codec->goAway();
  EXPECT_EQ(frames(), "GOAWAY(0) ");
  request(0).respond(worker.slab, 200);
  request(1).respond(worker.slab, 200);
  EXPECT_EQ(frames(), "HEADERS(1 end) HEADERS(3 end) ");
  EXPECT_TRUE(connection->closing());
}

TEST_F(Http2ServerTest, QueuedBytesOfAFinishedResponseDoNotWaitForEver) {
  start({.flushTimeout = base::Milliseconds(20)});
  send(frame(kSettings, 0, 0, base::cat(std::string_view("\0\4", 2), number32(0)))); // no window
  get(1);
  request(0).respond(worker.slab, 200, "hello");
  ASSERT_TRUE(until([&] { return stats.txFlushTimeout.value() == 1; }));
  EXPECT_EQ(frames(), "HEADERS(1) RST(1,8) ");
  EXPECT_EQ(stats.streamsActive.value(), 0);
}

TEST_F(Http2ServerTest, AClosedConnectionResetsItsStreams) {
  start();
  get(1);
  send(frame(kHeaders, kEndHeaders, 3, kPost));
  client->connection->close(net::CloseType::Abort);
  ASSERT_TRUE(until([&] { return connection->closed(); }));
  EXPECT_TRUE(proxy.log.ends_with("reset connection_termination|reset connection_termination|"));
  EXPECT_EQ(stats.streamsActive.value(), 0);
}

TEST(DetectHttp2, ByThePreface) {
  base::BlockPool blocks;
  base::Slab slab(blocks);
  auto detect = [&](std::string_view a, std::string_view b = "") {
    base::Buffer data;
    data.append(slab, a);
    data.append(base::Slice::foreignCopy(b.empty() ? std::string_view("") : b));
    return detectHttp2(data);
  };
  EXPECT_EQ(detect("GET / HTTP/1.1"), Http2Preface::No);
  EXPECT_EQ(detect("P"), Http2Preface::Maybe);
  EXPECT_EQ(detect("POST"), Http2Preface::No);
  EXPECT_EQ(detect("PRI * HTTP/2.0\r\n", "\r\nSM\r\n\r\nmore"), Http2Preface::Yes);
  EXPECT_EQ(detect("PRI * HTTP/2.0\r\n", "\r\nSX"), Http2Preface::No);
}

} // namespace
} // namespace moe::http::test
