#include "http/codec/http2_fixture.h"
#include "upstream/http_pool_fixture.h"

namespace moe::upstream::test {
namespace {

using namespace http::test; // frames

class Http2PoolTest : public HttpPoolTest {
protected:
  void SetUp() override {
    HttpPoolTest::SetUp();
    make(0);
  }
  void make(uint32_t maxRequests) {
    makePool(
        R"({"load_assignment": {}, "connect_timeout": "5s"})",
        [&](ClusterSettings& settings) {
          settings.idleTimeout = base::Milliseconds(3'600'000);
          settings.maxRequestsPerConnection = maxRequests;
        },
        PoolProtocol::Http2);
  }
  void frames(size_t n, std::string_view text) {
    base::Buffer data = bytes(text);
    upstream(n).connection->write(data, false);
    settle();
  }
  static std::string maxStreams(uint32_t most) {
    return frame(kSettings, 0, 0, base::cat(std::string_view("\0\3", 2), number32(most)));
  }
  static std::string ok(uint32_t stream) {
    return frame(kHeaders, kEndHeaders | kEndStream, stream, "\x88");
  }
  // HEADERS that have reached the upstream, of connection n.
  size_t requests(size_t n) {
    Peer& peer = upstream(n);
    settle();
    std::string_view in = peer.received;
    in.remove_prefix(std::min(in.size(), kPreface.size()));
    size_t count = 0;
    while (in.size() >= 9) {
      const size_t size = static_cast<uint8_t>(in[1]) * 256u + static_cast<uint8_t>(in[2]);
      count += in[3] == kHeaders ? 1 : 0;
      in.remove_prefix(std::min(in.size(), 9 + size));
    }
    return count;
  }
};

TEST_F(Http2PoolTest, RequestsShareAConnection) {
  auto first = send();
  frames(0, maxStreams(100));
  auto second = send();
  EXPECT_EQ(requests(0), 2u);
  frames(0, base::cat(ok(1), ok(3)));
  EXPECT_TRUE(first->done && second->done);
  EXPECT_EQ(cluster->stats().cxTotal.value(), 1u);
}

TEST_F(Http2PoolTest, AnUpstreamThatTakesNoMoreIsAskedAgainWhenItDoes) {
  auto first = send();
  frames(0, base::cat(maxStreams(1)));
  EXPECT_EQ(requests(0), 1u);
  auto second = send(); // the connection is full: another, and it is sent before the SETTINGS come
  frames(1, base::cat(maxStreams(0), ok(1)));
  frames(0, base::cat(maxStreams(0), ok(1)));
  EXPECT_TRUE(first->done && second->done);
  auto third = send(); // neither takes one: a third
  frames(2, maxStreams(1));
  auto fourth = send(); // and it is full
  frames(0, maxStreams(10));
  EXPECT_EQ(requests(0), 2u);
  frames(0, ok(3));
  frames(2, ok(1));
  EXPECT_TRUE(third->done && fourth->done);
}

TEST_F(Http2PoolTest, ABurstDoesNotExceedWhatAnUpstreamTakes) {
  std::vector<std::unique_ptr<Request>> all;
  for (int i = 0; i < 150; ++i) {
    all.push_back(send());
  }
  EXPECT_EQ(requests(0), 100u); // before SETTINGS: what RFC 9113 section 6.5.2 asks for at least
  frames(0, maxStreams(120));
  EXPECT_EQ(requests(0), 120u);
  EXPECT_EQ(requests(1), 30u); // the rest does not wait
  frames(1, maxStreams(120));
  EXPECT_EQ(cluster->stats().cxTotal.value(), 2u);
  pool.reset(); // tells them
}

TEST_F(Http2PoolTest, AConnectionTakesAsManyRequestsAsItMay) {
  make(2);
  std::vector<std::unique_ptr<Request>> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(send());
  }
  for (size_t n = 0; n < 3; ++n) {
    frames(n, maxStreams(100));
    EXPECT_EQ(requests(n), n < 2 ? 2u : 1u);
    frames(n, n < 2 ? base::cat(ok(1), ok(3)) : ok(1));
  }
  for (const auto& request : all) {
    EXPECT_TRUE(request->done);
  }
  EXPECT_TRUE(until([&] { return upstream(0).ended || upstream(0).remoteClosed; }));
}

TEST_F(Http2PoolTest, AGoAwayLetsRequestsFinishAndTakesNoMore) {
  auto first = send();
  frames(0, base::cat(maxStreams(10), frame(kGoAway, 0, 0, base::cat(number32(1), number32(0)))));
  auto second = send();
  frames(1, maxStreams(10));
  EXPECT_EQ(requests(1), 1u);
  frames(0, ok(1));
  frames(1, ok(1));
  EXPECT_TRUE(first->done && second->done);
  EXPECT_TRUE(until([&] { return upstream(0).remoteClosed || upstream(0).ended; }));
}

} // namespace
} // namespace moe::upstream::test
