#include "upstream/http_pool_fixture.h"

namespace moe::upstream::test {
namespace {

using Http1PoolTest = HttpPoolTest;

TEST_F(Http1PoolTest, ReusesAConnectionThatIsDone) {
  makePool("{}");
  auto first = send();
  EXPECT_NE(handle, nullptr); // it waits for the connect
  answer(0);
  answered(*first);
  auto second = send();
  EXPECT_EQ(handle, nullptr); // taken at once
  answer(0);
  answered(*second);
  EXPECT_EQ(first->connectionId, second->connectionId);
  EXPECT_EQ(cluster->stats().cxTotal.value(), 1u);
  EXPECT_EQ(cluster->stats().rqTotal.value(), 2u);
  EXPECT_EQ(cluster->stats().rqActive.value(), 0);
  EXPECT_EQ(cluster->breakers().requests.taken(), 0u);
}

TEST_F(Http1PoolTest, NeverSharesABusyConnection) {
  makePool("{}");
  auto first = send();
  auto second = send();
  answer(0);
  answer(1);
  answered(*first);
  answered(*second);
  EXPECT_NE(first->connectionId, second->connectionId);
}

TEST_F(Http1PoolTest, ClosesWhatTheUpstreamWantsClosed) {
  makePool("{}");
  auto first = send();
  answer(0, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
  answered(*first);
  auto second = send();
  answer(1);
  answered(*second);
  EXPECT_EQ(cluster->stats().cxTotal.value(), 2u);
}

TEST_F(Http1PoolTest, AConnectionServesAsManyRequestsAsItMay) {
  makePool("{}", [](ClusterSettings& settings) { settings.maxRequestsPerConnection = 1; });
  auto first = send();
  answer(0);
  answered(*first);
  auto second = send();
  answer(1);
  answered(*second);
  EXPECT_TRUE(until([&] { return cluster->stats().cxMaxRequests.value() == 2; }));
}

TEST_F(Http1PoolTest, JitterSpreadsTheEndsOfConnections) {
  makePool(R"({"typedExtensionProtocolOptions":{)"
           R"("envoy.extensions.upstreams.http.v3.HttpProtocolOptions":{"@type":)"
           R"("type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",)"
           R"("commonHttpProtocolOptions":{"maxConnectionDuration":"0.1s",)"
           R"("maxConnectionDurationJitter":{"value":100}}}}})");
  std::vector<std::unique_ptr<Request>> requests;
  for (size_t i = 0; i < 10; ++i) {
    requests.push_back(send());
  }
  const auto reached = [&](uint64_t count) {
    EXPECT_TRUE(until([&] { return cluster->stats().cxMaxDuration.value() >= count; }));
    return base::monotonicNanos();
  };
  const int64_t first = reached(1);
  EXPECT_GT(reached(10) - first, 15'000'000); // of 100 ms; 2e-7 of all seeds have less
  pool.reset();                               // tells the requests
}

TEST_F(Http1PoolTest, UnaskedBytesCloseAnIdleConnection) {
  makePool("{}");
  auto first = send();
  answer(0);
  answered(*first);
  base::Buffer more = bytes("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
  upstream(0).connection->write(more, false);
  ASSERT_TRUE(until([&] { return cluster->stats().cxActive.value() == 0; }));
  auto second = send();
  answer(1);
  answered(*second);
}

TEST_F(Http1PoolTest, WaitsForABusyConnectionAtTheLimit) {
  makePool(R"({"circuit_breakers":{"thresholds":[{"max_connections":1}]}})");
  auto first = send();
  auto second = send();
  EXPECT_EQ(cluster->stats().cxOverflow.value(), 1u);
  answer(0);
  answered(*first);
  answer(0);
  answered(*second);
  EXPECT_EQ(first->connectionId, second->connectionId);
  EXPECT_EQ(cluster->stats().cxTotal.value(), 1u);
}

TEST_F(Http1PoolTest, RefusesMoreThanMayWait) {
  makePool(R"({"circuit_breakers":{"thresholds":[{"max_pending_requests":1}]}})");
  auto first = send();
  auto second = send();
  EXPECT_EQ(second->failure, http::ResetReason::Overflow);
  EXPECT_EQ(cluster->stats().rqPendingOverflow.value(), 1u);
  answer(0);
  answered(*first);
  EXPECT_EQ(cluster->breakers().pendingRequests.taken(), 0u);
}

TEST_F(Http1PoolTest, RefusesMoreThanMayBeActive) {
  makePool(R"({"circuit_breakers":{"thresholds":[{"max_requests":1}]}})");
  auto first = send();
  auto second = send();
  ASSERT_TRUE(until([&] { return second->failure.has_value(); }));
  EXPECT_EQ(second->failure, http::ResetReason::Overflow);
  answer(0);
  answered(*first);
}

TEST_F(Http1PoolTest, ARefusedConnectFailsAllWhoWait) {
  makePool("{}");
  listener.reset();
  auto first = send();
  auto second = send();
  ASSERT_TRUE(until([&] { return first->failure && second->failure; }));
  EXPECT_EQ(first->failure, http::ResetReason::RemoteConnectionFailure);
  EXPECT_EQ(first->why, "Connection refused");
  EXPECT_EQ(host->counts().cxConnectFail, 2u);
  EXPECT_TRUE(until([&] { return cluster->stats().cxActive.value() == 0; }));
  EXPECT_EQ(cluster->breakers().connections.taken(), 0u);
}

TEST_F(Http1PoolTest, AnUpstreamThatDiesResetsItsRequest) {
  makePool("{}");
  auto first = send();
  answer(0, "HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nonly this");
  ASSERT_TRUE(until([&] { return first->body == "only this"; }));
  upstream(0).connection->close(net::CloseType::Abort);
  ASSERT_TRUE(until([&] { return first->reset.has_value(); }));
  EXPECT_EQ(first->reset, http::ResetReason::ConnectionTermination);
  EXPECT_FALSE(first->done);
  EXPECT_EQ(cluster->stats().cxDestroyRemote.value(), 1u);
  EXPECT_EQ(cluster->stats().rqActive.value(), 0);
}

TEST_F(Http1PoolTest, NonsenseIsAProtocolError) {
  makePool("{}");
  auto first = send();
  answer(0, "SSH-2.0-OpenSSH_9.2\r\n");
  ASSERT_TRUE(until([&] { return first->reset.has_value(); }));
  EXPECT_EQ(first->reset, http::ResetReason::ProtocolError);
}

TEST_F(Http1PoolTest, TooManyHeadersAreAProtocolError) {
  makePool("{}", [](ClusterSettings& settings) { settings.maxHeadersCount = 2; });
  auto first = send();
  answer(0, "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\ncontent-length: 0\r\n\r\n");
  ASSERT_TRUE(until([&] { return first->reset.has_value(); }));
  EXPECT_EQ(first->reset, http::ResetReason::ProtocolError);
}

TEST_F(Http1PoolTest, ACancelledRequestLeavesItsConnectionToOthers) {
  makePool("{}");
  auto first = send();
  ASSERT_NE(handle, nullptr);
  handle->cancel();
  EXPECT_EQ(cluster->stats().rqCancelled.value(), 1u);
  EXPECT_EQ(cluster->breakers().pendingRequests.taken(), 0u);
  ASSERT_TRUE(until([&] { return !accepted.empty(); }));
  settle();
  auto second = send();
  answer(0);
  answered(*second);
  EXPECT_EQ(first->encoder, nullptr);
  EXPECT_EQ(cluster->stats().cxTotal.value(), 1u);
}

TEST_F(Http1PoolTest, AResetRequestTakesItsConnectionWithIt) {
  makePool("{}");
  auto first = send();
  upstream(0);
  ASSERT_TRUE(until([&] { return first->encoder != nullptr; }));
  first->encoder->resetStream(http::ResetReason::LocalReset);
  ASSERT_TRUE(until([&] { return cluster->stats().cxActive.value() == 0; }));
  EXPECT_FALSE(first->reset.has_value()); // it asked for it
  EXPECT_EQ(cluster->stats().rqActive.value(), 0);
}

TEST_F(Http1PoolTest, DrainingLetsRequestsFinish) {
  makePool("{}");
  auto first = send();
  upstream(0);
  ASSERT_TRUE(until([&] { return first->encoder != nullptr; }));
  int done = 0;
  pool->finish([&] { ++done; });
  settle();
  EXPECT_EQ(done, 0);
  answer(0);
  answered(*first);
  EXPECT_TRUE(until([&] { return done == 1; }));
}

TEST_F(Http1PoolTest, ItsEndResetsWhatIsUnderWay) {
  makePool("{}");
  auto active = send();
  upstream(0);
  ASSERT_TRUE(until([&] { return active->encoder != nullptr; }));
  auto waiting = send();
  pool.reset();
  EXPECT_TRUE(active->reset.has_value());
  EXPECT_EQ(waiting->failure, http::ResetReason::LocalReset);
  EXPECT_EQ(cluster->breakers().connections.taken(), 0u);
  EXPECT_EQ(cluster->breakers().requests.taken(), 0u);
}

TEST_F(Http1PoolTest, DrainingServesThoseWhoWait) {
  makePool("{\"circuit_breakers\": {\"thresholds\": [{\"max_connections\": 1}]}}");
  auto first = send();
  upstream(0);
  ASSERT_TRUE(until([&] { return first->encoder != nullptr; }));
  auto second = send();
  int done = 0;
  pool->finish([&] { ++done; });
  answer(0);
  answered(*first);
  answer(0);
  answered(*second);
  EXPECT_TRUE(until([&] { return done == 1; }));
}

} // namespace
} // namespace moe::upstream::test
