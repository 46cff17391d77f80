#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "proxy/hcm_config.h"
#include "server/listener_fixture.h"

namespace moe::server {
namespace {

using test::Client;
using test::ListenerManagerTest;
using test::Proto;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

class HttpListenerTest : public ListenerManagerTest {
protected:
  HttpListenerTest() {
    EXPECT_TRUE(networkFilters
                    .add(std::string(proxy::HttpConnectionManagerProto::descriptor()->full_name()),
                         std::make_unique<proxy::HcmFilterConfig>())
                    .ok());
  }
  static Proto http(const std::string& answer, int drainTimeoutMs = 3'600'000) {
    proxy::HttpConnectionManagerProto manager;
    manager.set_stat_prefix("h");
    manager.mutable_drain_timeout()->set_seconds(drainTimeoutMs / 1000);
    manager.mutable_drain_timeout()->set_nanos(drainTimeoutMs % 1000 * 1'000'000);
    auto& host = *manager.mutable_route_config()->add_virtual_hosts();
    host.set_name("all");
    host.add_domains("*");
    auto& route = *host.add_routes();
    route.mutable_match()->set_prefix("/");
    route.mutable_direct_response()->set_status(200);
    route.mutable_direct_response()->mutable_body()->set_inline_string(answer);
    auto& router = *manager.add_http_filters();
    router.set_name("router");
    router.mutable_typed_config()->PackFrom(envoy::extensions::filters::http::router::v3::Router());
    Proto out = listener("l", "");
    auto& chain = *out.mutable_default_filter_chain();
    chain.clear_filters();
    auto& filter = *chain.add_filters();
    filter.set_name("http");
    filter.mutable_typed_config()->PackFrom(manager);
    return out;
  }
  bool answers(Client& client, const std::string& answer) {
    return until([&] { return client.received.ends_with(answer); }, {&client});
  }
};

TEST_F(HttpListenerTest, ConnectionsOfAChainThatIsGoneAreAskedToEnd) {
  start();
  ASSERT_EQ(put(http("first")), "");
  auto idle = client("l");
  idle->send(kRequest);
  ASSERT_TRUE(answers(*idle, "first"));
  EXPECT_THAT(idle->received, Not(HasSubstr("connection: close")));
  auto busy = client("l");
  busy->send(kRequest.substr(0, 20));
  auto silent = client("l");
  ASSERT_TRUE(until([&] {
    return stats.findCounter("listener.l.downstream_cx_total")->value() == 3 &&
           stats.findCounter("http.h.downstream_cx_http1_total")->value() == 2;
  }));
  ASSERT_EQ(put(http("second")), "");
  settle();
  idle->read();
  EXPECT_FALSE(idle->closed);
  idle->received.clear();
  // Whoever has begun, or may be about to, gets an answer from what was there, and ends with it.
  busy->send(kRequest.substr(20));
  silent->send(kRequest);
  idle->send(kRequest);
  for (Client* each : {busy.get(), silent.get(), idle.get()}) {
    EXPECT_TRUE(answers(*each, "first"));
    EXPECT_THAT(each->received, HasSubstr("connection: close"));
    EXPECT_TRUE(closes(*each));
  }
  auto fresh = client("l");
  fresh->send(kRequest);
  EXPECT_TRUE(answers(*fresh, "second"));
  EXPECT_TRUE(until([&] { return gauge("total_filter_chains_draining") == 0; }));
  EXPECT_EQ(counter("listener_in_place_updated"), 1u);
}

TEST_F(HttpListenerTest, AnIdleConnectionOfAChainThatIsGoneEndsInTime) {
  start();
  ASSERT_EQ(put(http("first", 20)), "");
  auto idle = client("l");
  idle->send(kRequest);
  ASSERT_TRUE(answers(*idle, "first"));
  ASSERT_EQ(put(http("second")), "");
  EXPECT_TRUE(closes(*idle));
  EXPECT_FALSE(idle->reset);
}

TEST_F(HttpListenerTest, ASilentConnectionOfAChainThatIsGoneEndsSoon) {
  start();
  ASSERT_EQ(put(http("first")), "");
  auto silent = client("l");
  ASSERT_TRUE(
      until([&] { return stats.findCounter("listener.l.downstream_cx_total")->value() == 1; }));
  ASSERT_EQ(put(http("second")), "");
  EXPECT_TRUE(closes(*silent));
}

} // namespace
} // namespace moe::server
