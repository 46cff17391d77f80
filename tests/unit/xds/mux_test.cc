#include "xds/mux.h"

#include "xds/backoff.h"
#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;

// Plays the stream; the test plays the control plane.
class FakeStream final : public Stream {
public:
  struct Shared {
    StreamEvents* events = nullptr;
    bool connected = false;
    bool writing = false; // the next request waits
    bool stuck = false;   // a request that is sent stays under way
    int reads = 0;
    std::vector<std::unique_ptr<google::protobuf::Message>> sent;
  };
  explicit FakeStream(Shared& shared) : shared_(shared) {}
  void start(StreamEvents& events) override { shared_.events = &events; }
  bool ready() const override { return shared_.connected && !shared_.writing; }
  void send(std::unique_ptr<google::protobuf::Message> request) override {
    EXPECT_TRUE(ready());
    shared_.writing = shared_.stuck;
    shared_.sent.push_back(std::move(request));
  }
  void readMore() override { ++shared_.reads; }

private:
  Shared& shared_;
};

class MuxTest : public net::test::LoopTest {
protected:
  void make(bool delta, std::optional<TokenBucket::Options> limit = {}, bool nodeOnce = false) {
    mux.reset();
    envoy::config::core::v3::Node node;
    node.set_id("me");
    mux = std::make_unique<Mux>(Mux::Options{.loop = worker.loop,
                                             .delta = delta,
                                             .node = node,
                                             .nodeOnFirstMessageOnly = nodeOnce,
                                             .rateLimit = limit,
                                             .scope = store.root(),
                                             .logger = noLog()},
                                std::make_unique<FakeStream>(stream));
    mux->start();
  }
  void connect() {
    stream.connected = true;
    stream.events->onStreamStart();
  }
  void disconnect() {
    stream.connected = false;
    stream.writing = false;
    stream.events->onStreamEnd(absl::UnavailableError("gone"));
  }
  // Turns the loop; what was sent meanwhile: "Cluster(*) ack:n1", ...
  Names sent() {
    settle();
    Names out;
    for (const auto& message : std::exchange(stream.sent, {})) {
      const auto& request = static_cast<const DiscoveryRequest&>(*message);
      std::string line = request.type_url().substr(request.type_url().rfind('.') + 1);
      line += "(";
      for (const std::string& name : request.resource_names()) {
        line += line.back() == '(' ? name : "," + name;
      }
      line += ")";
      if (!request.response_nonce().empty()) {
        line += (request.has_error_detail() ? " nack:" : " after:") + request.response_nonce();
      }
      if (request.node().id() == "me") {
        line += " node";
      }
      out.push_back(line);
    }
    return out;
  }
  void answer(std::string_view type, DiscoveryResponse from) {
    auto message = std::make_unique<DiscoveryResponse>(std::move(from));
    message->set_type_url(std::string(type));
    stream.events->onResponse(std::move(message));
  }
  int64_t gauge(const char* name) { return store.findGauge(name)->value(); }

  stats::Store store;
  FakeStream::Shared stream;
  TestConsumer consumer;
  Told told;
  std::unique_ptr<Mux> mux;
};

TEST_F(MuxTest, AsksInEnvoysOrderWheneverAStreamBegins) {
  make(false);
  auto secret = mux->subscribe(kSecretType, consumer, nullptr).watch("s", told.options());
  auto route = mux->subscribe(kRouteType, consumer, nullptr).watch("r", told.options());
  auto listener = mux->subscribe(kListenerType, consumer, nullptr).watchAll(told.options());
  auto endpoint = mux->subscribe(kEndpointType, consumer, nullptr).watch("e", told.options());
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(gauge("control_plane.connected_state"), 0);
  for (int i = 0; i < 2; ++i) {
    connect();
    EXPECT_EQ(gauge("control_plane.connected_state"), 1);
    EXPECT_THAT(sent(),
                ElementsAre("Cluster() node", "ClusterLoadAssignment(e) node", "Listener() node",
                            "RouteConfiguration(r) node", "Secret(s) node"));
    disconnect();
    EXPECT_EQ(gauge("control_plane.connected_state"), 0);
  }
}

TEST_F(MuxTest, TheNodeOnTheFirstMessageOnly) {
  make(false, {}, true);
  connect();
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  auto route = mux->subscribe(kRouteType, consumer, nullptr).watch("r", told.options());
  EXPECT_THAT(sent(), ElementsAre("Cluster() node", "RouteConfiguration(r)"));
  disconnect();
  connect();
  EXPECT_THAT(sent(), ElementsAre("Cluster() node", "RouteConfiguration(r)"));
}

TEST_F(MuxTest, WhatOneTurnChangesIsOneRequest) {
  make(false);
  Subscription& routes = mux->subscribe(kRouteType, consumer, nullptr);
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  auto a = routes.watch("a", told.options());
  connect();
  sent();
  auto b = routes.watch("b", told.options());
  auto c = routes.watch("c", told.options());
  a.reset();
  answer(kRouteType, response("1", {}));
  EXPECT_THAT(sent(), ElementsAre("RouteConfiguration(b,c) after:n1 node"));
  // A consumer that asks for more: beside the answers, in order.
  std::unique_ptr<Watch> d;
  consumer.then = [&] { d = d == nullptr ? routes.watch("d", told.options()) : std::move(d); };
  answer(kClusterType, response("2", {test::cluster("x")}));
  EXPECT_THAT(sent(),
              ElementsAre("Cluster() after:n2 node", "RouteConfiguration(b,c,d) after:n1 node"));
}

TEST_F(MuxTest, PausesAType) {
  make(false);
  Subscription& routes = mux->subscribe(kRouteType, consumer, nullptr);
  connect();
  auto pause = mux->pause(kRouteType);
  auto more = mux->pause(kRouteType);
  auto nobody = mux->pause(kSecretType); // not subscribed
  auto a = routes.watch("a", told.options());
  EXPECT_THAT(sent(), IsEmpty());
  auto b = routes.watch("b", told.options());
  pause.reset();
  EXPECT_THAT(sent(), IsEmpty());
  more.reset();
  EXPECT_THAT(sent(), ElementsAre("RouteConfiguration(a,b) node"));
}

TEST_F(MuxTest, WaitsForTheStream) {
  make(false);
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  auto route = mux->subscribe(kRouteType, consumer, nullptr).watch("r", told.options());
  stream.stuck = true;
  connect();
  EXPECT_THAT(sent(), ElementsAre("Cluster() node"));
  answer(kClusterType, response("1", {}));
  EXPECT_THAT(sent(), IsEmpty());
  stream.writing = false;
  stream.events->onReady();
  EXPECT_THAT(sent(), ElementsAre("Cluster() after:n1 node"));
  stream.stuck = stream.writing = false;
  stream.events->onReady();
  EXPECT_THAT(sent(), ElementsAre("RouteConfiguration(r) node"));
}

TEST_F(MuxTest, ResponsesGoToTheirTypes) {
  make(false);
  TestConsumer routes;
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  auto route = mux->subscribe(kRouteType, routes, nullptr).watch("r", told.options());
  connect();
  sent();
  DiscoveryResponse named = response("1", {test::route("r", "bad")});
  named.mutable_control_plane()->set_identifier("istiod-1");
  answer(kRouteType, named);
  answer(kSecretType, response("2", {})); // nobody has asked: passed over
  answer("", response("3", {}));
  EXPECT_THAT(routes.take(), ElementsAre("!r"));
  EXPECT_THAT(consumer.take(), IsEmpty());
  EXPECT_EQ(mux->controlPlane(), "istiod-1");
  EXPECT_THAT(sent(), ElementsAre("RouteConfiguration(r) nack:n1 node"));
  EXPECT_EQ(stream.reads, 3);
}

TEST_F(MuxTest, LimitsTheRateOfRequests) {
  make(false, TokenBucket::Options{.maxTokens = 2, .fillRate = 50});
  auto cluster = mux->subscribe(kClusterType, consumer, nullptr).watchAll(told.options());
  auto endpoint = mux->subscribe(kEndpointType, consumer, nullptr).watch("e", told.options());
  auto route = mux->subscribe(kRouteType, consumer, nullptr).watch("r", told.options());
  connect();
  EXPECT_EQ(stream.sent.size(), 2u);
  EXPECT_EQ(gauge("control_plane.pending_requests"), 1);
  EXPECT_EQ(store.findCounter("control_plane.rate_limit_enforced")->value(), 1u);
  ASSERT_TRUE(until([&] { return stream.sent.size() == 3; }));
  EXPECT_EQ(gauge("control_plane.pending_requests"), 0);
}

TEST_F(MuxTest, AControlPlaneThatIsNotAnsweredIsNotHeard) {
  make(true);
  Subscription& routes = mux->subscribe(kRouteType, consumer, nullptr);
  auto a = routes.watch("a", told.options());
  connect();
  settle();
  stream.sent.clear();
  stream.writing = true;
  for (int i = 0; i < 20; ++i) {
    const int before = stream.reads;
    auto message = std::make_unique<DeltaDiscoveryResponse>(delta(base::cat(i), {}));
    message->set_type_url(std::string(kRouteType));
    stream.events->onResponse(std::move(message));
    if (stream.reads == before) {
      break;
    }
  }
  EXPECT_EQ(stream.reads, 8);
  stream.writing = false;
  stream.events->onReady();
  EXPECT_EQ(stream.reads, 9);
  EXPECT_EQ(stream.sent.size(), 9u); // an answer each
}

TEST_F(MuxTest, WithoutAStreamWhatIsNotWantedIsForgotten) {
  make(false);
  auto a = mux->subscribe(kRouteType, consumer, nullptr).watch("a", told.options());
  connect();
  answer(kRouteType, response("1", {test::route("a")}));
  sent();
  disconnect();
  consumer.take();
  a.reset();
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_THAT(consumer.take(), ElementsAre("-a"));
  connect();
  EXPECT_THAT(sent(), IsEmpty()); // nothing is wanted: an empty list would ask for everything
}

TEST_F(MuxTest, ATypeIsSubscribedOnce) {
  make(false);
  Subscription& first = mux->subscribe(kRouteType, consumer, nullptr);
  EXPECT_EQ(&first, &mux->subscribe(kRouteType, consumer, nullptr));
  EXPECT_EQ(mux->find(kRouteType), &first);
  EXPECT_EQ(mux->find(kSecretType), nullptr);
}

TEST(TypeUrlsTest, MethodsOfTheirOwn) {
  EXPECT_EQ(methodOf(kListenerType, false),
            "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners");
  EXPECT_EQ(methodOf(kClusterType, true),
            "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters");
  EXPECT_EQ(methodOf(kVirtualHostType, false), ""); // incremental only
  EXPECT_EQ(methodOf(kVirtualHostType, true),
            "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts");
  EXPECT_EQ(methodOf("type.googleapis.com/x.Y", true), "");
  // Every method is one of the compiled services, and every type a compiled message.
  for (const std::string_view type :
       {kClusterType, kEndpointType, kLocalityEndpointType, kListenerType, kScopedRouteType,
        kRouteType, kVirtualHostType, kSecretType, kExtensionType, kRuntimeType}) {
    const auto* pool = google::protobuf::DescriptorPool::generated_pool();
    EXPECT_NE(pool->FindMessageTypeByName(std::string(type.substr(type.find('/') + 1))), nullptr)
        << type;
    for (const bool delta : {false, true}) {
      std::string method = methodOf(type, delta);
      if (!method.empty()) {
        method[method.rfind('/')] = '.';
        EXPECT_NE(pool->FindMethodByName(method.substr(1)), nullptr) << method;
      }
    }
  }
}

TEST(BackoffTest, DoublesToItsBoundWithFullJitter) {
  base::Random random(1);
  Backoff backoff({.base = std::chrono::milliseconds(100), .max = std::chrono::milliseconds(1000)});
  for (int round = 0; round < 2; ++round) {
    for (const int bound : {100, 200, 400, 800, 1000, 1000, 1000}) {
      const auto wait = backoff.next(random).count();
      EXPECT_GE(wait, 0);
      EXPECT_LE(wait, bound);
    }
    backoff.reset();
  }
  int64_t most = 0;
  int64_t least = 1000;
  for (int i = 0; i < 5; ++i) {
    backoff.next(random);
  }
  for (int i = 0; i < 300; ++i) {
    const int64_t wait = backoff.next(random).count();
    most = std::max(most, wait);
    least = std::min(least, wait);
  }
  EXPECT_GT(most, 900);
  EXPECT_LT(least, 100);
}

} // namespace
} // namespace moe::xds
