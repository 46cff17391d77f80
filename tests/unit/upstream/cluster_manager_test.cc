#include "upstream/cluster_manager.h"

#include <google/protobuf/util/json_util.h>
#include <spdlog/sinks/null_sink.h>

#include <set>

#include "base/strings.h"
#include "upstream/fake_dns.h"

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

} // namespace
} // namespace moe::upstream
