#include "net/connection.h"

#include "net/loop_fixture.h"

namespace moe::net {
namespace {

using test::ConnectionTest;
using test::LoopTest;
using test::Peer;

TEST_F(ConnectionTest, CarriesBytesBothWays) {
  connect();
  base::Buffer ping = bytes("ping");
  client->connection->write(ping, false);
  ASSERT_TRUE(until([&] { return server->received == "ping"; }));
  base::Buffer pong = bytes("pong");
  server->connection->write(pong, false);
  ASSERT_TRUE(until([&] { return client->received == "pong"; }));
  EXPECT_EQ(client->connection->bytesSent(), 4u);
  EXPECT_EQ(client->connection->bytesReceived(), 4u);
  EXPECT_EQ(*server->connection->localAddress(), *address);
  EXPECT_EQ(*server->connection->remoteAddress(), *client->connection->localAddress());
}

TEST_F(ConnectionTest, WhatAFilterLeavesComesAgain) {
  connect();
  server->keep = 2;
  base::Buffer data = bytes("abcd");
  client->connection->write(data, false);
  ASSERT_TRUE(until([&] { return server->received == "ab"; }));
  server->keep = 0;
  server->connection->continueReading();
  ASSERT_TRUE(until([&] { return server->received == "abcd"; }));
}

TEST_F(ConnectionTest, HalfCloseLeavesTheOtherDirectionOpen) {
  connect();
  base::Buffer question = bytes("question");
  client->connection->write(question, /*endStream=*/true);
  ASSERT_TRUE(until([&] { return server->ended; }));
  EXPECT_EQ(server->received, "question");
  EXPECT_FALSE(server->connection->closed());
  base::Buffer answer = bytes("answer");
  server->connection->write(answer, /*endStream=*/true);
  ASSERT_TRUE(until([&] { return client->connection->closed() && server->connection->closed(); }));
  EXPECT_EQ(client->received, "answer");
  EXPECT_TRUE(client->localClosed); // both ends in order: nobody broke it
  EXPECT_FALSE(client->connection->remoteReset());
}

TEST_F(ConnectionTest, WithoutHalfCloseAnEndIsTheEnd) {
  connect(/*halfClose=*/false);
  base::Buffer nothing;
  client->connection->write(nothing, /*endStream=*/true);
  ASSERT_TRUE(until([&] { return server->connection->closed(); }));
  EXPECT_TRUE(server->ended);
}

TEST_F(ConnectionTest, HoldsAWriterAboveTheLimitAndLosesNothing) {
  connect();
  server->connection->readDisable(true);
  client->connection->setBufferLimit(64 * 1024);
  std::string all;
  for (int i = 0; client->high == 0 && i < 10'000; ++i) {
    const std::string piece(16 * 1024, static_cast<char>('a' + i % 26));
    all += piece;
    base::Buffer data = bytes(piece);
    client->connection->write(data, false);
    settle();
  }
  EXPECT_EQ(client->high, 1);
  EXPECT_EQ(client->low, 0);
  EXPECT_TRUE(client->connection->aboveHighWatermark());
  server->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return server->received.size() == all.size(); }));
  EXPECT_EQ(server->received, all);
  EXPECT_EQ(client->low, 1);
}

TEST_F(ConnectionTest, ReadDisableCounts) {
  connect();
  server->connection->readDisable(true);
  server->connection->readDisable(true);
  base::Buffer data = bytes("x");
  client->connection->write(data, false);
  settle();
  server->connection->readDisable(false);
  settle();
  EXPECT_EQ(server->received, "");
  server->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return server->received == "x"; }));
}

TEST_F(ConnectionTest, FlushWriteDeliversEverythingFirst) {
  connect();
  client->connection->readDisable(true);
  const std::string body(8 * 1024 * 1024, 'b'); // more than socket buffers take
  base::Buffer data = bytes(body);
  server->connection->write(data, false);
  server->connection->close(CloseType::FlushWrite);
  settle();
  EXPECT_FALSE(server->connection->closed());
  EXPECT_TRUE(server->connection->closing());
  base::Buffer late = bytes("late");
  server->connection->write(late, false); // dropped: it is closing
  client->connection->readDisable(false);
  ASSERT_TRUE(until([&] { return client->ended; }));
  EXPECT_EQ(client->received.size(), body.size());
  EXPECT_EQ(client->received, body);
  EXPECT_TRUE(server->localClosed);
}

TEST_F(ConnectionTest, DelayedCloseWaitsForThePeer) {
  connect();
  server->connection->setDelayedCloseTimeout(base::Milliseconds(60'000));
  base::Buffer data = bytes("bye");
  server->connection->write(data, false);
  server->connection->close(CloseType::FlushWriteAndDelay);
  ASSERT_TRUE(until([&] { return client->ended; })); // told by FIN
  EXPECT_EQ(client->received, "bye");
  // What the peer still sends is read and dropped, so that no RST overtakes the answer.
  base::Buffer more = bytes("more");
  client->connection->write(more, false);
  settle();
  EXPECT_FALSE(server->connection->closed());
  client->connection->close(CloseType::NoFlush);
  ASSERT_TRUE(until([&] { return server->connection->closed(); }));
  EXPECT_EQ(server->received, "");
}

TEST_F(ConnectionTest, AbortIsSeenAsAReset) {
  connect();
  client->connection->close(CloseType::Abort);
  EXPECT_TRUE(client->localClosed);
  ASSERT_TRUE(until([&] { return server->connection->closed(); }));
  EXPECT_TRUE(server->remoteClosed);
  EXPECT_TRUE(server->connection->remoteReset());
  EXPECT_EQ(server->connection->failureReason(), "Connection reset by peer");
}

TEST_F(ConnectionTest, MayBeClosedInsideItsOwnCallback) {
  connect();
  server->onData = [&] { server->connection->close(CloseType::NoFlush); };
  base::Buffer data = bytes("x");
  client->connection->write(data, false);
  ASSERT_TRUE(until([&] { return client->ended || client->remoteClosed; }));
  EXPECT_TRUE(server->localClosed);
  EXPECT_EQ(server->calls, 1);
}

TEST_F(ConnectionTest, ARefusedConnectNamesItsReason) {
  listener.reset(); // the port is free again: nobody listens
  Peer refused(Connection::connect(worker, address, nullptr));
  EXPECT_FALSE(refused.remoteClosed); // told by the loop, not by connect()
  ASSERT_TRUE(until([&] { return refused.remoteClosed; }));
  EXPECT_EQ(refused.connection->failureReason(), "Connection refused");
  EXPECT_FALSE(refused.connected);
}

TEST_F(ConnectionTest, WritesWaitForTheConnect) {
  client = std::make_unique<Peer>(Connection::connect(worker, address, nullptr));
  base::Buffer early = bytes("early");
  client->connection->write(early, /*endStream=*/true);
  ASSERT_TRUE(until([&] { return !accepted.empty(); }));
  server = std::make_unique<Peer>(std::move(accepted.back()));
  accepted.clear();
  server->connection->start();
  ASSERT_TRUE(until([&] { return server->ended; }));
  EXPECT_EQ(server->received, "early");
}

} // namespace
} // namespace moe::net
