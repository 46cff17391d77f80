#include <gtest/gtest.h>

#include "net/connection.h"
#include "net/fake_transport.h"
#include "net/loop_fixture.h"

namespace moe::net {
namespace {

using test::FakeTransport;
using test::Peer;
using Ask = FakeTransport::Ask;

// The server's end has a transport socket, the client's end shows what is on the wire.
class TransportTest : public test::ConnectionTest {
protected:
  void connectRaw(bool halfClose = true) {
    client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr));
    ASSERT_TRUE(until([&] { return client->connected && !accepted.empty(); }));
    server = std::make_unique<Peer>(std::move(accepted.back()), halfClose);
    accepted.pop_back();
    auto made = std::make_unique<FakeTransport>();
    transport = made.get();
    server->connection->setTransportSocket(std::move(made), handshakeTimeout);
  }
  void connectDone(bool halfClose = true) {
    connectRaw(halfClose);
    server->connection->start();
    say("H");
    ASSERT_TRUE(until([&] { return server->connected && client->received == "H"; }));
    client->received.clear();
  }
  void say(std::string_view wire, bool end = false) {
    base::Buffer data = bytes(wire);
    client->connection->write(data, end);
  }
  void write(std::string_view text, bool end = false) {
    base::Buffer data = bytes(text);
    server->connection->write(data, end);
  }

  base::Milliseconds handshakeTimeout{0};
  FakeTransport* transport = nullptr;
};

std::string frame(std::string_view text) {
  return base::cat("D", static_cast<char>(text.size()), text);
}

TEST_F(TransportTest, ConnectedMeansThatTheHandshakeIsDone) {
  connectRaw();
  server->connection->start();
  write("early");
  settle();
  EXPECT_TRUE(server->connection->connecting());
  EXPECT_FALSE(server->connected);
  EXPECT_EQ(client->received, "");
  EXPECT_EQ(transport->handshakes, 0); // nothing has come that could begin it
  say("H");
  ASSERT_TRUE(until([&] { return client->received == "H" + frame("early"); }));
  EXPECT_TRUE(server->connected);
  EXPECT_FALSE(server->connection->connecting());
  EXPECT_EQ(server->calls, 0); // it brought no bytes
}

TEST_F(TransportTest, AnOutgoingConnectionShakesHandsFirst) {
  auto made = std::make_unique<FakeTransport>();
  made->client = true;
  Peer outgoing(Connection::connect(worker, address, nullptr, std::move(made)));
  base::Buffer data = bytes("ask");
  outgoing.connection->write(data, false);
  ASSERT_TRUE(until([&] { return !accepted.empty(); }));
  Peer raw(std::move(accepted.back()));
  accepted.pop_back();
  raw.connection->start();
  ASSERT_TRUE(until([&] { return raw.received == "H"; }));
  settle();
  EXPECT_FALSE(outgoing.connected);
  EXPECT_TRUE(outgoing.connection->connecting());
  base::Buffer hello = bytes("H");
  raw.connection->write(hello, false);
  ASSERT_TRUE(until([&] { return raw.received == "H" + frame("ask"); }));
  EXPECT_TRUE(outgoing.connected);
}

TEST_F(TransportTest, ReadDisableStopsNoHandshake) {
  connectRaw();
  server->connection->readDisable(true);
  server->connection->start();
  say("H" + frame("data"));
  ASSERT_TRUE(until([&] { return server->connected; }));
  settle();
  EXPECT_EQ(server->received, "");
  EXPECT_TRUE(server->connection->hasUnread());
  // The bytes came with the handshake: the descriptor does not announce them again.
  server->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return server->received == "data"; }));
}

TEST_F(TransportTest, DataOfTheLastFlightIsDeliveredInItsTurn) {
  connectRaw();
  uint64_t turn = 0;
  server->onData = [&] { turn = worker.loop.turn(); };
  server->connection->start();
  say("H" + frame("data"));
  ASSERT_TRUE(until([&] { return server->connected; }));
  EXPECT_EQ(server->received, "data");
  EXPECT_GE(turn + 1, worker.loop.turn());
}

TEST_F(TransportTest, WhatWasReadBeforeItBeganIsPartOfTheHandshake) {
  connectRaw();
  base::Buffer peeked = bytes("H" + frame("first"));
  auto made = std::make_unique<FakeTransport>();
  transport = made.get();
  server->connection->setTransportSocket(std::move(made));
  transport->preRead(peeked);
  server->connection->start();
  ASSERT_TRUE(until([&] { return server->received == "first"; }));
}

TEST_F(TransportTest, WhatIsNoDataIsNobodysBusiness) {
  connectDone();
  const int before = transport->reads;
  say("TT");
  ASSERT_TRUE(until([&] { return transport->reads > before; }));
  EXPECT_EQ(server->calls, 0);
  say("T" + frame("x"));
  ASSERT_TRUE(until([&] { return server->received == "x"; }));
  EXPECT_EQ(server->calls, 1);
}

TEST_F(TransportTest, AnEndWithoutNoticeIsAnEndAndSaysSo) {
  connectDone();
  say(frame("half"), /*end=*/true);
  ASSERT_TRUE(until([&] { return server->ended; }));
  EXPECT_EQ(server->received, "half");
  EXPECT_TRUE(server->connection->truncated());
}

TEST_F(TransportTest, AnEndWithNoticeIsWhole) {
  connectDone();
  say(frame("all") + "E");
  ASSERT_TRUE(until([&] { return server->ended; }));
  EXPECT_EQ(server->received, "all");
  EXPECT_FALSE(server->connection->truncated());
  EXPECT_FALSE(server->connection->closed());
  write("answer", /*end=*/true); // the other direction goes on
  ASSERT_TRUE(until([&] { return client->ended && server->connection->closed(); }));
  EXPECT_EQ(client->received, frame("answer") + "E");
  EXPECT_TRUE(server->localClosed);
}

TEST_F(TransportTest, FlushWriteTellsTheEndAfterTheData) {
  connectDone();
  write("bye");
  server->connection->close(CloseType::FlushWrite);
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_EQ(client->received, frame("bye") + "E");
  EXPECT_EQ(server->connection->bytesSent(), 3u);
}

TEST_F(TransportTest, DelayedCloseTellsTheEndAndWaits) {
  connectDone();
  server->connection->setDelayedCloseTimeout(base::Milliseconds(60'000));
  write("bye");
  server->connection->close(CloseType::FlushWriteAndDelay);
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_EQ(client->received, frame("bye") + "E");
  EXPECT_FALSE(server->connection->closed());
  say("E");
  ASSERT_TRUE(until([&] { return server->connection->closed(); }));
  EXPECT_EQ(transport->shutdowns, 1);
}

TEST_F(TransportTest, AnIdleConnectionThatIsDroppedSaysSo) {
  connectDone();
  server->connection->close(CloseType::NoFlush);
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_EQ(client->received, "E");
}

TEST_F(TransportTest, OutputThatIsDroppedIsNoEnd) {
  connectDone();
  transport->held = true;
  write("lost");
  server->connection->flushNow();
  transport->held = false;
  server->connection->close(CloseType::NoFlush);
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  EXPECT_EQ(client->received, ""); // the peer knows that something is missing
}

TEST_F(TransportTest, UnsentRecordsHoldTheClose) {
  connectDone();
  transport->held = true;
  write("slow");
  server->connection->close(CloseType::FlushWrite);
  settle();
  EXPECT_FALSE(server->connection->closed());
  EXPECT_TRUE(server->connection->pendingOutput().empty());
  transport->held = false;
  ASSERT_TRUE(until([&] { return server->connection->closed(); }));
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_EQ(client->received, frame("slow") + "E");
}

TEST_F(TransportTest, ARefusedHandshakeSendsItsAlertAndCloses) {
  connectRaw();
  server->connection->start();
  transport->ask = Ask::Refuse;
  say("H");
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  EXPECT_EQ(client->received, "A");
  EXPECT_TRUE(server->remoteClosed);
  EXPECT_FALSE(server->connected);
  EXPECT_EQ(server->connection->failureReason(), "refused");
  EXPECT_EQ(server->calls, 0);
}

TEST_F(TransportTest, APeerThatVanishesInTheHandshakeIsNamed) {
  connectRaw();
  server->connection->start();
  client->connection->close(CloseType::NoFlush);
  ASSERT_TRUE(until([&] { return server->remoteClosed; }));
  EXPECT_EQ(server->connection->failureReason(), "gone");
}

TEST_F(TransportTest, ClosingBeforeTheHandshakeIsDoneWaitsForNothing) {
  connectRaw();
  server->connection->start();
  write("never");
  server->connection->close(CloseType::FlushWriteAndDelay);
  EXPECT_TRUE(server->localClosed);
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  EXPECT_EQ(client->received, "");
  EXPECT_EQ(transport->shutdowns, 0);
}

TEST_F(TransportTest, AHandshakeHasItsTime) {
  handshakeTimeout = base::Milliseconds(30);
  connectRaw();
  server->connection->start();
  ASSERT_TRUE(until([&] { return server->localClosed; }));
  EXPECT_TRUE(server->connection->handshakeTimedOut());
  EXPECT_EQ(server->connection->failureReason(), "the handshake took too long");
}

TEST_F(TransportTest, ItsTimeEndsWithTheHandshake) {
  handshakeTimeout = base::Milliseconds(200);
  connectDone();
  bool later = false;
  auto timer = worker.loop.createTimer([&] { later = true; });
  timer->enable(base::Milliseconds(300));
  ASSERT_TRUE(until([&] { return later; }));
  EXPECT_FALSE(server->connection->closed());
}

TEST_F(TransportTest, AnAnswerFromElsewhereGoesOn) {
  connectRaw();
  transport->ask = Ask::Answer;
  // What is asked for before anything came: the fake asks at its first step.
  base::Buffer hello = bytes("H");
  transport->preRead(hello);
  server->connection->start();
  ASSERT_TRUE(until([&] { return transport->handshakes == 1; }));
  settle();
  EXPECT_EQ(transport->handshakes, 1); // it does not spin
  transport->answer(Ask::Nothing);
  ASSERT_TRUE(until([&] { return server->connected; }));
  EXPECT_EQ(transport->handshakes, 2);
}

TEST_F(TransportTest, AnAnswerMayComeAfterTheEnd) {
  connectRaw();
  transport->ask = Ask::Answer;
  base::Buffer hello = bytes("H");
  transport->preRead(hello);
  server->connection->start();
  ASSERT_TRUE(until([&] { return transport->handshakes == 1; }));
  server->connection->close(CloseType::NoFlush);
  transport->answer(Ask::Nothing);
  settle();
  EXPECT_EQ(transport->handshakes, 1);
  EXPECT_FALSE(server->connected);
}

TEST_F(TransportTest, WatermarksCountPlainBytes) {
  connectDone();
  transport->held = true;
  server->connection->setBufferLimit(1000);
  write(std::string(255, 'a')); // goes to the transport: it is unsent, not queued
  server->connection->flushNow();
  EXPECT_EQ(transport->unsent(), 257u);
  write(std::string(1000, 'b'));
  EXPECT_EQ(server->high, 0);
  write("c");
  EXPECT_EQ(server->high, 1);
  transport->held = false;
  ASSERT_TRUE(until([&] { return server->low == 1; }));
}

TEST_F(TransportTest, GarbageEndsTheConnectionAfterWhatWasGood) {
  connectDone();
  say(frame("good") + "?");
  ASSERT_TRUE(until([&] { return server->remoteClosed; }));
  EXPECT_EQ(server->received, "good");
  EXPECT_EQ(server->connection->failureReason(), "garbage");
  EXPECT_TRUE(server->connection->remoteReset());
}

TEST_F(TransportTest, MayBeClosedWhenConnected) {
  connectRaw(/*halfClose=*/false);
  server->onData = [&] { server->connection->close(CloseType::Abort); };
  server->connection->start();
  say("H" + frame("x") + "?");
  ASSERT_TRUE(until([&] { return server->localClosed; }));
  EXPECT_FALSE(server->remoteClosed);
}

} // namespace
} // namespace moe::net
