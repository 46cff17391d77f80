// What a peer that means harm may do, and where it ends. ENHANCE_YOUR_CALM is 11.
#include "http/codec/http2_fixture.h"

namespace moe::http::test {
namespace {

TEST_F(Http2ServerTest, RapidResetEnds) {
  start();
  for (uint32_t i = 0; i < 600 && !connection->closing(); ++i) {
    send(base::cat(frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, kGet),
                   frame(kReset, 0, 1 + 2 * i, number32(8))));
  }
  EXPECT_TRUE(frames().ends_with("GOAWAY(11) "));
  EXPECT_NE(proxy.log.find("error 0 http2.too_many_premature_resets|"), std::string::npos);
  EXPECT_EQ(stats.tooManyPrematureResets.value(), 1u);
  EXPECT_LT(proxy.requests.size(), 300u);
}

TEST_F(Http2ServerTest, ResetsOfAnswersThatHaveBegunDoNotCount) {
  start();
  proxy.onHeaders = [&](Proxy::Request& r) { r.respond(worker.slab, 200, "part", false); };
  for (uint32_t i = 0; i < 600; ++i) {
    send(base::cat(frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, kGet),
                   frame(kReset, 0, 1 + 2 * i, number32(8))));
  }
  EXPECT_FALSE(connection->closing());
  EXPECT_EQ(stats.rxReset.value(), 600u);
}

TEST_F(Http2ServerTest, ContinuationsEnd) {
  start();
  std::string all = frame(kHeaders, kEndStream, 1, kGet);
  for (int i = 0; i < 20; ++i) {
    all += frame(kContinuation, 0, 1, field("x", "y"));
  }
  send(all);
  EXPECT_EQ(frames(), "GOAWAY(11) ");
  EXPECT_EQ(stats.inboundContinuationFlood.value(), 1u);
}

TEST_F(Http2ServerTest, EmptyDataFramesEnd) {
  start();
  send(frame(kHeaders, kEndHeaders, 1, kPost));
  for (int i = 0; i < 3; ++i) {
    send(frame(kData, 0, 1, ""));
  }
  EXPECT_EQ(frames(), "GOAWAY(11) ");
  EXPECT_EQ(stats.inboundEmptyFramesFlood.value(), 1u);
}

TEST_F(Http2ServerTest, PriorityFramesEnd) {
  start({.maxPriorityFramesPerStream = 10});
  std::string all;
  for (int i = 0; i < 11; ++i) {
    all += frame(kPriority, 0, 3, base::cat(number32(0), "\x10"));
  }
  send(all);
  EXPECT_EQ(frames(), "GOAWAY(11) ");
  EXPECT_EQ(stats.inboundPriorityFramesFlood.value(), 1u);
}

TEST_F(Http2ServerTest, WindowUpdatesEnd) {
  start();
  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += frame(kWindow, 0, 0, number32(1));
  }
  send(all);
  EXPECT_EQ(frames(), "GOAWAY(11) ");
  EXPECT_EQ(stats.inboundWindowUpdateFramesFlood.value(), 1u);
}

TEST_F(Http2ServerTest, UnreadAnswersToPingsEnd) {
  start({.maxOutboundControlFrames = 100});
  connection->setBufferLimit(1000);
  client->connection->readDisable(true);
  std::string pings;
  for (int i = 0; i < 5000; ++i) {
    pings += frame(kPing, 0, 0, "12345678");
  }
  send(pings);
  EXPECT_TRUE(connection->closing());
  EXPECT_EQ(stats.outboundControlFlood.value(), 1u);
}

TEST_F(Http2ServerTest, ABombOfIndexedHeadersCostsLittle) {
  start({.maxHeadersBytes = 8000});
  // One large field into the table, then references to it, a byte each.
  std::string block(kGet);
  block += base::cat("\x40\x05", "x-bom", "\x7f\x81\x1e", std::string(4000, 'x'));
  send(frame(kHeaders, kEndHeaders | kEndStream, 1, block + std::string(900, '\xbe')));
  EXPECT_EQ(frames(), "HEADERS(1 end) "); // 431
  EXPECT_EQ(stats.headerOverflow.value(), 1u);
  EXPECT_EQ(proxy.log, "error 431 request_headers_too_large|");
  // More of them are no mistake.
  send(frame(kHeaders, kEndHeaders | kEndStream, 3, base::cat(kGet, std::string(12'000, '\xbe'))));
  EXPECT_EQ(frames(), "GOAWAY(11) ");
}

TEST_F(Http2ServerTest, FramesOnClosedStreamsEnd) {
  start();
  proxy.onHeaders = [&](Proxy::Request& r) { r.respond(worker.slab, 200); };
  get(1);
  frames();
  send(frame(kData, kEndStream, 1, "abc"));
  EXPECT_EQ(frames(), "GOAWAY(5) "); // STREAM_CLOSED
}

TEST_F(Http2ServerTest, StreamsGoUp) {
  start();
  get(5);
  get(3);
  EXPECT_EQ(frames(), "GOAWAY(1) ");
}

TEST_F(Http2ServerTest, AWindowThatOverflowsEndsItsStream) {
  start();
  get(1);
  get(3);
  send(frame(kWindow, 0, 1, number32(0x7fffffff)));
  EXPECT_EQ(frames(), "RST(1,3) "); // FLOW_CONTROL_ERROR
  request(1).respond(worker.slab, 200);
  EXPECT_EQ(frames(), "HEADERS(3 end) ");
}

TEST_F(Http2ServerTest, MoreStreamsThanAllowedAreRefused) {
  start({.maxConcurrentStreams = 2});
  get(1);
  get(3);
  get(5);                           // the client has not acknowledged the limit yet
  EXPECT_EQ(frames(), "RST(5,7) "); // REFUSED_STREAM
  EXPECT_EQ(proxy.requests.size(), 2u);
  send(frame(kSettings, 1, 0, ""));
  get(7); // now it knows
  EXPECT_EQ(frames(), "GOAWAY(1) ");
}

// MadeYouReset: errors that cost the peer nothing and make us reset streams whose requests are
// under way (CVE-2025-8671).
TEST_F(Http2ServerTest, ProvokedResetsEnd) {
  start();
  for (uint32_t i = 0; i < 600 && !connection->closing(); ++i) {
    send(base::cat(frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, kGet),
                   frame(kWindow, 0, 1 + 2 * i, number32(0x7fffffff))));
  }
  EXPECT_TRUE(frames().ends_with("GOAWAY(11) "));
  EXPECT_LT(proxy.requests.size(), 300u);
}

// The increment of an earlier frame must not be taken for that of one with another length.
TEST_F(Http2ServerTest, AWindowUpdateOfAnotherLengthEnds) {
  start();
  get(1);
  get(3);
  send(frame(kWindow, 0, 1, number32(0x7fffffff)));
  EXPECT_EQ(frames(), "RST(1,3) ");
  send(frame(kWindow, 0, 3, frame(kData, 0, 5, "abc")));
  EXPECT_EQ(frames(), "GOAWAY(6) "); // FRAME_SIZE_ERROR
}

// Bytes under way to a stream that we have reset do no harm to the others.
TEST_F(Http2ServerTest, BytesForAStreamThatWeResetAreDropped) {
  start();
  send(frame(kHeaders, kEndHeaders, 1, kPost));
  get(3);
  send(frame(kHeaders, kEndHeaders, 5, base::cat(kPost, field("host", "other"))));
  EXPECT_EQ(frames(), "RST(5,1) ");
  send(frame(kData, kEndStream, 5, "under way"));
  request(0).encoder->resetStream(ResetReason::LocalReset);
  EXPECT_EQ(frames(), "RST(1,2) ");
  send(frame(kData, 0, 1, "under way"));
  EXPECT_EQ(frames(), "");
  request(1).respond(worker.slab, 200);
  EXPECT_EQ(frames(), "HEADERS(3 end) ");
}

// A DATA frame that waits for room in the output when its stream is reset.
TEST_F(Http2ServerTest, AResetBehindAFullOutputSendsNothingOfTheStream) {
  start();
  connection->setBufferLimit(20'000);
  send(base::cat(
      frame(kSettings, 0, 0, base::cat(std::string_view("\0\4", 2), number32(0x7fffffff))),
      frame(kWindow, 0, 0, number32(0x7fff0000))));
  frames();
  client->connection->readDisable(true);
  get(1);
  get(3);
  const std::string large(200'000, 'x');
  request(0).respond(worker.slab, 200, large, false);
  for (int i = 0; i < 200 && !connection->aboveHighWatermark(); ++i) {
    settle();
    base::Buffer more = bytes(large);
    if (request(0).high > request(0).low) {
      break;
    }
    request(0).encoder->encodeData(more, false);
  }
  settle();
  request(0).encoder->resetStream(ResetReason::LocalReset);
  request(1).respond(worker.slab, 200, "fine");
  client->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return client->received.ends_with("fine"); }));
  const std::string all = frames();
  EXPECT_NE(all.find("RST(1,2) "), std::string::npos) << all;
  EXPECT_EQ(stats.pendingSendBytes.value(), 0);
}

// A peer that reads nothing does not keep a connection that is to end.
// nghttp2 answers by itself what is above the limit before the peer has acknowledged it.
TEST_F(Http2ServerTest, RefusedStreamsOfWhoDoesNotReadEnd) {
  start({.maxConcurrentStreams = 2, .maxOutboundControlFrames = 100});
  connection->setBufferLimit(1000);
  client->connection->readDisable(true);
  get(1);
  request(0).respond(worker.slab, 200, std::string(60'000, 'b'));
  get(3);
  std::string more;
  for (uint32_t i = 0; i < 5000; ++i) {
    more += frame(kHeaders, kEndHeaders | kEndStream, 5 + 2 * i, kGet);
  }
  send(more);
  EXPECT_EQ(stats.outboundControlFlood.value(), 1u);
  EXPECT_TRUE(connection->closing());
}

TEST_F(Http2ServerTest, ResetsByTrailersThatAreTooLargeEnd) {
  start({.maxHeadersCount = 5});
  std::string trailers;
  for (int i = 0; i < 6; ++i) {
    trailers += field("t", "v");
  }
  for (uint32_t i = 0; i < 600 && !connection->closing(); ++i) {
    send(base::cat(frame(kHeaders, kEndHeaders, 1 + 2 * i, kPost),
                   frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, trailers)));
  }
  EXPECT_TRUE(frames().ends_with("GOAWAY(11) "));
  EXPECT_LT(proxy.requests.size(), 300u);
}

TEST_F(Http2ServerTest, ResetsByTheProxyForWhatWasSentEnd) {
  start();
  proxy.onHeaders = [](Proxy::Request& r) {
    std::exchange(r.encoder, nullptr)->resetStream(ResetReason::ProtocolError);
  };
  for (uint32_t i = 0; i < 600 && !connection->closing(); ++i) {
    get(1 + 2 * i);
  }
  EXPECT_TRUE(frames().ends_with("GOAWAY(11) "));
  EXPECT_LT(proxy.requests.size(), 300u);
}

// The reset of a stream cannot be written, so that it stays.
TEST_F(Http2ServerTest, AConnectionWithAStreamThatWasGivenUpEnds) {
  start();
  connection->setBufferLimit(1000);
  client->connection->readDisable(true);
  get(1);
  request(0).respond(worker.slab, 200, std::string(60'000, 'b'), false);
  send(std::string(frame(kPing, 0, 0, "12345678")));
  request(0).encoder->resetStream(ResetReason::LocalReset);
  codec->goAway();
  ASSERT_TRUE(until([&] { return connection->closed() || connection->closing(); }));
}

// What is under way to a stream that a GOAWAY had refused is no error.
TEST_F(Http2ServerTest, ALateBodyOfARefusedStreamEndsNothing) {
  start();
  get(1);
  codec->goAway();
  base::Buffer late = bytes(frame(kHeaders, kEndHeaders, 3, kPost));
  ASSERT_TRUE(codec->dispatch(late, false).ok()); // in the same turn
  EXPECT_EQ(frames(), "GOAWAY(0) RST(3,7) ");
  send(frame(kData, kEndStream, 3, "late"));
  request(0).respond(worker.slab, 200);
  EXPECT_EQ(frames(), "HEADERS(1 end) ");
}

TEST_F(Http2ServerTest, AnIdleConnectionEndsThoughNobodyReads) {
  start();
  connection->setBufferLimit(1000);
  client->connection->readDisable(true);
  std::string pings;
  for (int i = 0; i < 500; ++i) {
    pings += frame(kPing, 0, 0, "12345678");
  }
  send(pings);
  codec->goAway();
  ASSERT_TRUE(until([&] { return connection->closed() || connection->closing(); }));
}

struct Remains : event::DeferredDeletable {
  explicit Remains(int& count) : alive(count) { ++alive; }
  ~Remains() override { --alive; }
  int& alive;
};

// Answered at once, streams are no premature resets when their client gives them up.
TEST_F(Http2ServerTest, StreamsAnsweredAndResetDoNotPileUpInATurn) {
  start();
  int alive = 0;
  int most = 0;
  proxy.onHeaders = [&](Proxy::Request& request) {
    worker.loop.deferredDelete(std::make_unique<Remains>(alive));
    most = std::max(most, alive);
    request.respond(worker.slab, 404);
  };
  std::string all;
  constexpr uint32_t kStreams = 3000;
  for (uint32_t i = 0; i < kStreams; ++i) {
    all += frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, kGet);
    all += frame(kReset, 0, 1 + 2 * i, number32(8));
  }
  base::Buffer data = bytes(all);
  client->connection->write(data, true);
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  EXPECT_EQ(proxy.requests.size(), kStreams);
  EXPECT_LE(most, 130); // one more for each head that came in two reads
}

TEST_F(Http2ServerTest, ABurstOfStreamsIsAnsweredWhole) {
  Http2Settings settings;
  settings.maxConcurrentStreams = 10'000;
  start(settings);
  proxy.onHeaders = [&](Proxy::Request& request) { request.respond(worker.slab, 404); };
  std::string all;
  for (uint32_t i = 0; i < 1000; ++i) {
    all += frame(kHeaders, kEndHeaders | kEndStream, 1 + 2 * i, kGet);
  }
  base::Buffer data = bytes(all);
  client->connection->write(data, false);
  std::string got;
  ASSERT_TRUE(until([&] {
    got += frames();
    return got.find("HEADERS(1999 end)") != std::string::npos;
  }));
  EXPECT_EQ(proxy.requests.size(), 1000u);
  EXPECT_TRUE(connection->readEnabled());
  get(2001);
  EXPECT_EQ(frames(), "HEADERS(2001 end) ");
}

// Fields come out of a HEADERS frame as its bytes come in.
TEST_F(Http2ServerTest, AHeadInManyPiecesKeepsFewBlocks) {
  start();
  std::string block(kGet);
  for (int i = 0; i < 90; ++i) {
    block += field(base::cat("name-", i), base::cat("value-", i));
  }
  const std::string all = frame(kHeaders, kEndHeaders | kEndStream, 1, block);
  for (size_t at = 0; at < all.size(); at += 16) {
    send(std::string_view(all).substr(at, 16));
    for (int k = 0; k < 4; ++k) {
      worker.slab.copy(std::string(4000, '-'));
    }
    ASSERT_LE(worker.blocks.inUse(), 8u);
  }
  ASSERT_EQ(proxy.requests.size(), 1u);
  for (int i = 0; i < 90; ++i) {
    EXPECT_EQ(request(0).headers->get(base::cat("name-", i)), base::cat("value-", i));
  }
}

} // namespace
} // namespace moe::http::test
