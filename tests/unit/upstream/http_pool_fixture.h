#pragma once

#include <google/protobuf/util/json_util.h>

#include "net/loop_fixture.h"
#include "stats/stats.h"
#include "upstream/cluster_config.h"
#include "upstream/endpoints.h"
#include "upstream/http_pool.h"

namespace moe::upstream::test {

using http::HeaderId;
using net::test::Peer;

// One request of the pool: what became of it.
class Request final : public HttpPoolCallbacks,
                      public http::ResponseDecoder,
                      public http::StreamCallbacks {
public:
  explicit Request(http::HeaderMapPool& pool) : headers_(pool.make()) {
    headers_->set(HeaderId::Method, "GET");
    headers_->set(HeaderId::Path, "/");
    headers_->set(HeaderId::Authority, "up.test");
    headers_->set(HeaderId::Scheme, "http");
  }

  void onPoolReady(http::RequestEncoder& e, const HostPtr&, net::Connection& connection,
                   http::Protocol) override {
    encoder = &e;
    connectionId = connection.localAddress()->asString();
    encoder->setCallbacks(this);
    EXPECT_TRUE(encoder->encodeHeaders(*headers_, true).ok());
  }
  void onPoolFailure(http::ResetReason reason, std::string_view details, const HostPtr&) override {
    failure = reason;
    why = std::string(details);
  }
  void decode1xxHeaders(http::HeaderMapPtr) override {}
  void decodeHeaders(http::HeaderMapPtr headers, bool endStream) override {
    status = headers->status();
    done = endStream;
  }
  void decodeData(base::Buffer& data, bool endStream) override {
    body += data.toString();
    data.clear();
    done = endStream;
  }
  void decodeTrailers(http::HeaderMapPtr) override { done = true; }
  void onResetStream(http::ResetReason reason, std::string_view) override { reset = reason; }
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}

  http::RequestEncoder* encoder = nullptr;
  std::string connectionId;
  std::optional<http::ResetReason> failure;
  std::optional<http::ResetReason> reset;
  std::string why;
  std::string body;
  uint32_t status = 0;
  bool done = false;

private:
  http::HeaderMapPtr headers_;
};

// A pool on a real connection; the test is the upstream.
class HttpPoolTest : public net::test::ConnectionTest {
protected:
  void makePool(const std::string& clusterJson,
                const std::function<void(ClusterSettings&)>& tune = {},
                PoolProtocol protocol = PoolProtocol::Http1) {
    envoy::config::cluster::v3::Cluster proto;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(clusterJson, &proto).ok());
    proto.set_name("c");
    auto settings = readCluster(proto, config::FieldPath("c"));
    ASSERT_TRUE(settings.ok()) << settings.status();
    if (tune) {
      tune(*settings);
    }
    cluster = std::make_shared<const ClusterInfo>(
        *settings, store_.root().child("cluster", "envoy_cluster_name", "c"));
    host = makeHost(EndpointSpec{}, address);
    pool = createHttpPool({worker, headers}, cluster, host, protocol);
  }
  void TearDown() override {
    pool.reset();
    settle();
  }
  std::unique_ptr<Request> send() {
    auto request = std::make_unique<Request>(headers);
    handle = pool->newStream(*request, *request);
    return request;
  }
  // The upstream's end of connection n.
  Peer& upstream(size_t n) {
    EXPECT_TRUE(until([&] { return accepted.size() + peers.size() > n; }));
    for (auto& connection : accepted) {
      peers.push_back(std::make_unique<Peer>(std::move(connection)));
      peers.back()->connection->start();
    }
    accepted.clear();
    return *peers.at(n);
  }
  void answer(size_t n, std::string_view text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") {
    Peer& peer = upstream(n);
    EXPECT_TRUE(until([&] { return peer.received.ends_with("\r\n\r\n"); }));
    peer.received.clear();
    base::Buffer data = bytes(text);
    peer.connection->write(data, false);
  }
  void answered(Request& request) {
    ASSERT_TRUE(until([&] { return request.done; }));
    EXPECT_EQ(request.status, 200u);
    EXPECT_EQ(request.body, "ok");
  }

  stats::Store store_;
  http::HeaderMapPool headers{worker.slab};
  ClusterInfoPtr cluster;
  HostPtr host;
  std::unique_ptr<HttpPool> pool;
  Cancellable* handle = nullptr;
  std::vector<std::unique_ptr<Peer>> peers;
};

} // namespace moe::upstream::test
