#include "upstream/worker_clusters.h"

#include "upstream/http_pool_fixture.h"

namespace moe::upstream::test {
namespace {

// The test is the main thread, and the upstream.
class WorkerClustersTest : public HttpPoolTest {
protected:
  void TearDown() override {
    clusters.reset();
    settle();
  }
  ClusterInfoPtr info() {
    envoy::config::cluster::v3::Cluster proto;
    proto.set_name("c");
    auto settings = readCluster(proto, config::FieldPath("c"));
    EXPECT_TRUE(settings.ok());
    return std::make_shared<const ClusterInfo>(
        *settings, store_.root().leasedChild("cluster", "envoy_cluster_name", "c"));
  }
  // `hosts` are all at the upstream's address; what differs is the host name.
  void update(const ClusterInfoPtr& info, const std::vector<EndpointSpec>& specs) {
    std::vector<HostPtr> hosts;
    for (const EndpointSpec& spec : specs) {
      hosts.push_back(makeHost(spec, address));
    }
    const HostSetPtr before = set ? set : std::make_shared<const HostSet>();
    set = makeHostSet(std::move(hosts), before.get(), {});
    clusters->update(info, set, hostsGone(*before, *set));
  }
  std::unique_ptr<Request> request() {
    auto request = std::make_unique<Request>(headers);
    WorkerCluster* found = clusters->find("c");
    const HostPtr chosen = found->chooseHost({});
    (void)found->httpPool(chosen, http::Protocol::Http11).newStream(*request, *request);
    return request;
  }
  static EndpointSpec named(const std::string& name, uint32_t weight = 1) {
    EndpointSpec spec;
    spec.hostname = name;
    spec.description.weight = weight;
    return spec;
  }

  std::unique_ptr<WorkerClustersImpl> clusters =
      std::make_unique<WorkerClustersImpl>(worker, headers);
  HostSetPtr set;
};

TEST_F(WorkerClustersTest, DropOverloadsRefuseTheirShareButNoRetry) {
  const ClusterInfoPtr c = info();
  const auto with = [&](uint32_t perMillion) {
    clusters->update(c,
                     makeHostSet({makeHost(named("a"), address)}, nullptr,
                                 {.drop = config::Fraction(perMillion)}),
                     {});
    return clusters->find("c");
  };
  WorkerCluster* all = with(1'000'000);
  EXPECT_EQ(all->chooseHost({}), nullptr);
  EXPECT_TRUE(all->dropped());
  EXPECT_NE(all->chooseHost({.mayDrop = false}), nullptr);
  EXPECT_FALSE(all->dropped());
  EXPECT_EQ(c->stats().rqDropOverload.value(), 1u);
  WorkerCluster* some = with(250'000);
  int dropped = 0;
  for (int i = 0; i < 1000; ++i) {
    dropped += some->chooseHost({}) == nullptr ? 1 : 0;
  }
  EXPECT_GT(dropped, 150);
  EXPECT_LT(dropped, 350);
  EXPECT_EQ(c->stats().cxNoneHealthy.value(), 0u);
}

TEST_F(WorkerClustersTest, AnotherWeightKeepsTheConnection) {
  const ClusterInfoPtr c = info();
  update(c, {named("a")});
  auto first = request();
  answer(0);
  answered(*first);
  update(c, {named("a", 7)});
  auto second = request();
  answer(0);
  answered(*second);
  EXPECT_EQ(first->connectionId, second->connectionId);
  EXPECT_EQ(set->priorities[0].hosts[0]->counts().rqTotal, 2u);
}

TEST_F(WorkerClustersTest, AHostThatIsGoneFinishesItsRequests) {
  const ClusterInfoPtr c = info();
  update(c, {named("a")});
  auto idle = request();
  answer(0);
  answered(*idle);
  auto first = request();
  upstream(0);
  auto other = request();
  answer(1);
  answered(*other); // its connection is idle
  update(c, {named("b")});
  EXPECT_EQ(clusters->finishing(), 1u);
  ASSERT_TRUE(until([&] { return c->stats().cxActive.value() == 1; }));
  auto next = request();
  answer(2);
  answered(*next);
  answer(0);
  answered(*first);
  EXPECT_TRUE(until([&] { return clusters->finishing() == 0; }));
  EXPECT_EQ(c->stats().cxActive.value(), 1);
}

TEST_F(WorkerClustersTest, AReplacedClusterFinishesItsRequests) {
  update(info(), {named("a")});
  auto first = request();
  upstream(0);
  update(info(), {named("a")});
  auto second = request();
  answer(1);
  answered(*second);
  answer(0);
  answered(*first);
  EXPECT_TRUE(until([&] { return clusters->finishing() == 0; }));
  EXPECT_EQ(store_.findCounter("cluster.c.upstream_rq_total")->value(), 2u); // of both
}

TEST_F(WorkerClustersTest, ARemovedClusterFinishesItsRequestsAndLeavesNoStatistics) {
  update(info(), {named("a")});
  auto first = request();
  upstream(0);
  auto waiting = request(); // for a connection
  clusters->remove("c");
  EXPECT_EQ(clusters->find("c"), nullptr);
  answer(0);
  answered(*first);
  answer(1);
  answered(*waiting);
  EXPECT_TRUE(until([&] { return clusters->finishing() == 0; }));
  settle();
  EXPECT_EQ(store_.findCounter("cluster.c.upstream_rq_total"), nullptr);
}

} // namespace
} // namespace moe::upstream::test
