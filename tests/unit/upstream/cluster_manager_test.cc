#include "upstream/cluster_manager.h"

#include <google/protobuf/util/json_util.h>
#include <spdlog/sinks/null_sink.h>

#include <set>

#include "base/strings.h"
#include "config/fake_source.h"
#include "upstream/eds_cluster.h"
#include "upstream/fake_dns.h"
#include "upstream/worker_clusters.h"

namespace moe::upstream {
namespace {

class ClusterManagerTest : public net::test::LoopTest {
protected:
  absl::Status add(const std::string& endpoints) {
    envoy::config::cluster::v3::Cluster proto;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(
                    base::cat(R"({"name":"c","type":"STRICT_DNS","dnsLookupFamily":"V4_ONLY",)",
                              R"("dnsRefreshRate":"0.002s","loadAssignment":{"clusterName":"c",)",
                              R"("endpoints":[{"lbEndpoints":[)", endpoints, "]}]}}"),
                    &proto)
                    .ok());
    return manager->addOrUpdate(proto, "c");
  }
  static std::string endpoint(const std::string& name, int weight = 1) {
    return base::cat(R"({"loadBalancingWeight":)", weight,
                     R"(,"endpoint":{"address":{"socketAddress":{"address":")", name,
                     R"(","portValue":80}}}})");
  }
  std::set<std::string> hosts() {
    std::set<std::string> out;
    manager->forEach([&](const ClusterInfo&, const HostSet& set) {
      for (const auto& priority : set.priorities) {
        for (const HostPtr& host : priority.hosts) {
          out.insert(base::cat(host->hostname(), "=", host->address()->ip()));
        }
      }
    });
    return out;
  }
  uint64_t counter(const std::string& name) {
    return store.root().child("cluster", "envoy_cluster_name", "c").counter(name).value();
  }
  using Set = std::set<std::string>;

  test::FakeDns dns{worker.loop};
  stats::Store store;
  std::unique_ptr<ClusterManager> manager =
      createClusterManager({.mainLoop = worker.loop,
                            .stats = store,
                            .logger = std::make_shared<base::Logger>(
                                "t", std::make_shared<spdlog::sinks::null_sink_mt>()),
                            .dnsServers = {dns.address->asString()}});
};

TEST_F(ClusterManagerTest, HostsHaveTheNameThatWasResolved) {
  dns.a["a.test"] = {"10.0.0.1"};
  ASSERT_EQ(add(endpoint("a.test")), absl::OkStatus());
  EXPECT_TRUE(until([&] { return !hosts().empty(); }));
  EXPECT_EQ(hosts(), (Set{"a.test=10.0.0.1"}));
}

TEST_F(ClusterManagerTest, AnotherOrderIsNoChange) {
  dns.ttl = 0;
  dns.a["a.test"] = {"10.0.0.1", "10.0.0.2"};
  dns.a["b.test"] = {"10.0.0.1"};
  ASSERT_EQ(add(endpoint("a.test") + "," + endpoint("b.test", 7)), absl::OkStatus());
  ASSERT_TRUE(until([&] { return hosts().size() == 3; }));
  const uint64_t changes = counter("membership_change");
  dns.a["a.test"] = {"10.0.0.2", "10.0.0.1"};
  const uint64_t before = counter("update_success");
  ASSERT_TRUE(until([&] { return counter("update_success") > before + 6; }));
  EXPECT_EQ(counter("membership_change"), changes);
}

TEST_F(ClusterManagerTest, ANameThatIsGoneLosesItsHostsAndAFailureDoesNot) {
  dns.ttl = 0;
  dns.a["a.test"] = {"10.0.0.1"};
  ASSERT_EQ(add(endpoint("a.test")), absl::OkStatus());
  ASSERT_TRUE(until([&] { return !hosts().empty(); }));
  dns.failing = true;
  ASSERT_TRUE(until([&] { return counter("update_failure") > 0; }));
  EXPECT_EQ(hosts(), (Set{"a.test=10.0.0.1"}));
  dns.failing = false;
  dns.a.clear();
  EXPECT_TRUE(until([&] { return hosts().empty(); }));
}

TEST_F(ClusterManagerTest, AnswersForAClusterThatIsGoneAreDropped) {
  dns.a["a.test"] = {"10.0.0.1"};
  dns.a["b.test"] = {"10.0.0.2"};
  ASSERT_EQ(add(endpoint("a.test")), absl::OkStatus());
  ASSERT_EQ(add(endpoint("b.test")), absl::OkStatus()); // while the first waits
  ASSERT_TRUE(until([&] { return !hosts().empty(); }));
  EXPECT_EQ(hosts(), (Set{"b.test=10.0.0.2"}));
  ASSERT_EQ(add(endpoint("a.test")), absl::OkStatus());
  EXPECT_TRUE(manager->remove("c"));
  const int questions = dns.questions;
  ASSERT_TRUE(until([&] { return dns.questions > questions; }));
  settle();
  EXPECT_EQ(hosts(), Set{});
}

TEST_F(ClusterManagerTest, ARemovedClusterHoldsUpNobody) {
  dns.silent = true;
  ASSERT_EQ(add(endpoint("a.test")), absl::OkStatus());
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_FALSE(initialized);
  EXPECT_TRUE(manager->remove("c"));
  EXPECT_TRUE(initialized);
}

class EdsTest : public ClusterManagerTest {
protected:
  EdsTest() {
    manager = createClusterManager({.mainLoop = worker.loop,
                                    .stats = store,
                                    .logger = std::make_shared<base::Logger>(
                                        "t", std::make_shared<spdlog::sinks::null_sink_mt>()),
                                    .dnsServers = {},
                                    .endpoints = &endpoints});
    clusters = manager->createWorkerClusters(worker, headers);
  }
  ~EdsTest() override {
    clusters.reset();
    manager.reset(); // its clusters watch
  }
  absl::Status addEds(const std::string& more = "", const std::string& name = "c") {
    return addJson(base::cat(R"({"name":")", name, R"(","type":"EDS",)", more,
                             R"("edsClusterConfig":{"edsConfig":{"ads":{}}}})"));
  }
  absl::Status addJson(const std::string& json) {
    envoy::config::cluster::v3::Cluster proto;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &proto).ok());
    return manager->addOrUpdate(proto, proto.name());
  }
  absl::Status assign(const std::string& address, const std::string& policy = "",
                      const std::string& name = "c") {
    envoy::config::endpoint::v3::ClusterLoadAssignment proto;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(
                    base::cat(R"({"clusterName":")", name, R"(",)", policy,
                              R"("endpoints":[{"lbEndpoints":[)", endpoint(address), "]}]}"),
                    &proto)
                    .ok());
    return endpoints.receivers.at("c")->onResource(proto);
  }
  // Where the worker sends a request now.
  std::string chosen() {
    settle();
    WorkerCluster* found = clusters->find("c");
    if (found == nullptr) {
      return "no cluster";
    }
    const HostPtr host = found->chooseHost({});
    return host == nullptr ? "no host" : host->address()->ip();
  }

  config::test::FakeSource<envoy::config::endpoint::v3::ClusterLoadAssignment> endpoints;
  http::HeaderMapPool headers{worker.slab};
  std::unique_ptr<WorkerClusters> clusters;
};

TEST_F(EdsTest, ServesOnceItsEndpointsAreThere) {
  bool initialized = false;
  ASSERT_EQ(addEds(), absl::OkStatus());
  manager->onInitialized([&] { initialized = true; });
  EXPECT_EQ(chosen(), "no cluster");
  EXPECT_FALSE(initialized);
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  EXPECT_TRUE(initialized);
  EXPECT_EQ(chosen(), "10.0.0.1");
  ASSERT_EQ(assign("10.0.0.2"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.2");
}

TEST_F(EdsTest, AWrongAssignmentChangesNothing) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  EXPECT_EQ(base::message(assign("a.test")),
            "endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: found "
            "\"a.test\", expected an IPv4 or IPv6 address");
  EXPECT_EQ(base::message(assign("10.0.0.2", "", "d")),
            "cluster_name: found \"d\", expected \"c\"");
  EXPECT_EQ(chosen(), "10.0.0.1");
}

TEST_F(EdsTest, ServesWithoutEndpointsThatDoNotCome) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  endpoints.receivers.at("c")->onAbsent();
  EXPECT_EQ(chosen(), "no host");
}

TEST_F(EdsTest, TheOldClusterServesUntilTheNewOneIsComplete) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  ASSERT_EQ(addEds(R"("connectTimeout":"2s",)"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.1");
  EXPECT_EQ(clusters->find("c")->info().settings().connectTimeout.count(), 5000);
  ASSERT_EQ(assign("10.0.0.2"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.2");
  EXPECT_EQ(clusters->find("c")->info().settings().connectTimeout.count(), 2000);
}

TEST_F(EdsTest, ARefusedUpdateLeavesWhatIsThere) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  EXPECT_EQ(base::message(addJson(R"({"name":"c","type":"EDS","edsClusterConfig":{"edsConfig":)"
                                  R"({"path":"x"}}})")),
            "c.eds_cluster_config.eds_config: found something else, expected ads");
  EXPECT_EQ(base::message(addJson(R"({"name":"c","type":"EDS"})")),
            "c.eds_cluster_config.eds_config: found none, expected where the endpoints come from");
  EXPECT_EQ(chosen(), "10.0.0.1");
  ASSERT_EQ(assign("10.0.0.2"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.2");
  // Also while another one warms.
  ASSERT_EQ(addEds(R"("connectTimeout":"2s",)"), absl::OkStatus());
  EXPECT_FALSE(addJson(R"({"name":"c","type":"EDS"})").ok());
  ASSERT_EQ(assign("10.0.0.3"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.3");
}

TEST_F(EdsTest, StaleEndpointsEnd) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1", R"("policy":{"endpointStaleAfter":"0.05s"},)"), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.1");
  EXPECT_TRUE(until([&] { return counter("assignment_stale") == 1; }));
  EXPECT_EQ(chosen(), "no host");
  endpoints.receivers.begin()->second->onConfirmed(); // the same has come again
  EXPECT_EQ(chosen(), "10.0.0.1");
  EXPECT_TRUE(until([&] { return counter("assignment_stale") == 2; }));
  EXPECT_EQ(chosen(), "no host");
}

TEST_F(EdsTest, TheSameClusterIsNoNews) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  const auto* const before = endpoints.receivers.begin()->second;
  ASSERT_EQ(addEds(), absl::OkStatus());
  EXPECT_EQ(endpoints.receivers.begin()->second, before);
  EXPECT_EQ(store.findCounter("cluster_manager.cluster_modified")->value(), 0u);
}

TEST_F(EdsTest, ARemovedClusterWatchesNoMore) {
  ASSERT_EQ(addEds(), absl::OkStatus());
  ASSERT_EQ(assign("10.0.0.1"), absl::OkStatus());
  EXPECT_TRUE(manager->remove("c"));
  EXPECT_EQ(chosen(), "no cluster");
  EXPECT_TRUE(endpoints.receivers.empty());
}

TEST_F(ClusterManagerTest, EdsNeedsASource) {
  envoy::config::cluster::v3::Cluster proto;
  proto.set_name("c");
  proto.set_type(envoy::config::cluster::v3::Cluster::EDS);
  proto.mutable_eds_cluster_config()->mutable_eds_config()->mutable_ads();
  EXPECT_EQ(base::message(manager->addOrUpdate(proto, "c")),
            "c.type: found EDS, expected STATIC or STRICT_DNS: there is no source of endpoints");
}

} // namespace
} // namespace moe::upstream
