#include "upstream/balancers.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>

#include "upstream/cluster_config.h"
#include "upstream/endpoints.h"

namespace moe::upstream {
namespace {

class BalancersTest : public testing::Test {
protected:
  ClusterInfoPtr cluster(const std::string& json) {
    envoy::config::cluster::v3::Cluster proto;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &proto).ok());
    proto.set_name("c");
    auto settings = readCluster(proto, config::FieldPath("c"));
    EXPECT_TRUE(settings.ok()) << settings.status();
    return std::make_shared<const ClusterInfo>(
        *settings, store_.root().child("cluster", "envoy_cluster_name", "c"));
  }
  HostPtr host(int port, const std::map<std::string, std::string>& metadata = {},
               uint32_t weight = 1, bool healthy = true, uint32_t priority = 0) {
    EndpointSpec spec;
    spec.description.weight = weight;
    spec.description.healthy = healthy;
    spec.description.priority = priority;
    Host::Metadata described;
    auto& fields = *(*described.mutable_filter_metadata())["envoy.lb"].mutable_fields();
    for (const auto& [key, value] : metadata) {
      fields[key].set_string_value(value);
    }
    spec.description.metadata = std::make_shared<const Host::Metadata>(std::move(described));
    return makeHost(spec, *net::Address::parseIp("127.0.0.1", static_cast<uint16_t>(port)));
  }
  static std::map<int, int> spread(LoadBalancer& balancer, int n,
                                   const MetadataMatch* match = nullptr) {
    std::map<int, int> counts;
    for (int i = 0; i < n; ++i) {
      const HostPtr host = balancer.chooseHost({.metadataMatch = match});
      ++counts[host == nullptr ? 0 : host->address()->port()];
    }
    return counts;
  }
  static MetadataMatch match(const std::map<std::string, std::string>& wanted) {
    google::protobuf::Struct fields;
    for (const auto& [key, value] : wanted) {
      (*fields.mutable_fields())[key].set_string_value(value);
    }
    return MetadataMatch(fields);
  }
  stats::Store store_;
  base::Random random_{42};
};

TEST_F(BalancersTest, RoundRobinIsEven) {
  auto hosts = makeHostSet({host(1), host(2), host(3)}, nullptr, {});
  auto balancer = createBalancer(*cluster("{}"), hosts, random_);
  EXPECT_EQ(spread(*balancer, 300), (std::map<int, int>{{1, 100}, {2, 100}, {3, 100}}));
}

TEST_F(BalancersTest, LocalitiesShareTheLoadByTheirWeights) {
  const auto in = [&](const std::string& zone, int port, uint32_t weight, bool healthy = true) {
    const HostPtr plain = host(port, {}, 1, healthy);
    Host::Description description = plain->description();
    Host::Locality locality;
    locality.set_zone(zone);
    description.locality = std::make_shared<const Host::Locality>(locality);
    description.localityWeight = weight;
    return std::make_shared<const Host>(plain->state(), description);
  };
  const auto weighted = cluster("{\"common_lb_config\": {\"locality_weighted_lb_config\": {}}}");
  const std::vector<HostPtr> hosts{in("a", 1, 1), in("b", 2, 3), in("b", 3, 3), in("c", 4, 0)};
  auto balancer = createBalancer(*weighted, makeHostSet(hosts, nullptr, {}), random_);
  for (int turn = 0; turn < 10; ++turn) { // "c" has no weight: no load
    const auto counts = spread(*balancer, 8);
    EXPECT_EQ(counts.at(1), 2);
    EXPECT_EQ(counts.at(2) + counts.at(3), 6);
  }
  // Half of "b" is gone: 140 % of a half is 0.7 of its weight, 2.1 to 1.
  const std::vector<HostPtr> half{in("a", 1, 10), in("b", 2, 30), in("b", 3, 30, false)};
  balancer = createBalancer(*weighted, makeHostSet(half, nullptr, {}), random_);
  EXPECT_EQ(spread(*balancer, 310), (std::map<int, int>{{1, 100}, {2, 210}}));
  // Without the setting the weights of localities mean nothing.
  balancer = createBalancer(*cluster("{}"), makeHostSet(hosts, nullptr, {}), random_);
  EXPECT_EQ(spread(*balancer, 40), (std::map<int, int>{{1, 10}, {2, 10}, {3, 10}, {4, 10}}));
}

TEST_F(BalancersTest, WeightsAreKeptAndSmooth) {
  auto hosts = makeHostSet({host(1, {}, 1), host(2, {}, 3)}, nullptr, {});
  auto balancer = createBalancer(*cluster("{}"), hosts, random_);
  for (int turn = 0; turn < 25; ++turn) { // every four picks hold each host in its share
    EXPECT_EQ(spread(*balancer, 4), (std::map<int, int>{{1, 1}, {2, 3}}));
  }
}

TEST_F(BalancersTest, RandomReachesAllAndRespectsWeights) {
  auto hosts = makeHostSet({host(1, {}, 1), host(2, {}, 9)}, nullptr, {});
  auto balancer = createBalancer(*cluster(R"({"lb_policy":"RANDOM"})"), hosts, random_);
  auto counts = spread(*balancer, 10'000);
  EXPECT_GT(counts[1], 800);
  EXPECT_LT(counts[1], 1200);
}

TEST_F(BalancersTest, LeastRequestAvoidsTheBusyHost) {
  auto busy = host(1);
  busy->counts().rqActive = 100;
  auto hosts = makeHostSet({busy, host(2), host(3)}, nullptr, {});
  auto balancer = createBalancer(*cluster(R"({"lb_policy":"LEAST_REQUEST"})"), hosts, random_);
  // Chosen only when both draws are the busy one: 1 in 9.
  EXPECT_LT(spread(*balancer, 9000)[1], 1300);
}

TEST_F(BalancersTest, UnhealthyHostsAreLeftOutUntilPanic) {
  auto mostly = makeHostSet({host(1), host(2), host(3, {}, 1, false)}, nullptr, {});
  auto balancer = createBalancer(*cluster("{}"), mostly, random_);
  EXPECT_EQ(spread(*balancer, 100).count(3), 0u);
  auto panic = makeHostSet({host(1), host(2, {}, 1, false), host(3, {}, 1, false)}, nullptr, {});
  balancer = createBalancer(*cluster("{}"), panic, random_);
  EXPECT_EQ(spread(*balancer, 300).size(), 3u);
}

TEST_F(BalancersTest, PrioritiesSpillOver) {
  // Half of priority 0 is healthy: 50 % x 1.4 = 70 % of the load.
  auto hosts = makeHostSet({host(1), host(2, {}, 1, false), host(3, {}, 1, true, 1)}, nullptr, {});
  auto balancer = createBalancer(*cluster("{}"), hosts, random_);
  auto counts = spread(*balancer, 10'000);
  EXPECT_GT(counts[1], 6700);
  EXPECT_LT(counts[1], 7300);
  EXPECT_EQ(counts[1] + counts[3], 10'000);
}

TEST_F(BalancersTest, NoPanicWhileAllPrioritiesTogetherAreHealthy) {
  // 1 of 5 is healthy in priority 0: 20 % x 1.4 = 28 % of the load; priority 1 takes the rest.
  std::vector<HostPtr> list{host(1), host(10, {}, 1, true, 1)};
  for (int port = 2; port <= 5; ++port) {
    list.push_back(host(port, {}, 1, false));
  }
  auto balancer = createBalancer(*cluster("{}"), makeHostSet(list, nullptr, {}), random_);
  auto counts = spread(*balancer, 10'000);
  EXPECT_EQ(counts[1] + counts[10], 10'000);
  EXPECT_NEAR(counts[1], 2800, 300);
  // Without priority 1 there is panic.
  std::erase_if(list, [](const HostPtr& h) { return h->priority() == 1; });
  balancer = createBalancer(*cluster("{}"), makeHostSet(list, nullptr, {}), random_);
  EXPECT_EQ(spread(*balancer, 500).size(), 5u);
}

TEST_F(BalancersTest, WithNothingHealthyAllShareTheLoadBySize) {
  const auto hosts = makeHostSet({host(1, {}, 1, false), host(2, {}, 1, false),
                                  host(3, {}, 1, false), host(10, {}, 1, false, 1)},
                                 nullptr, {});
  auto balancer = createBalancer(*cluster("{}"), hosts, random_);
  auto counts = spread(*balancer, 10'000);
  EXPECT_EQ(counts.size(), 4u);
  EXPECT_NEAR(counts[10], 2500, 300);
  balancer = createBalancer(
      *cluster(R"({"common_lb_config":{"healthy_panic_threshold":{"value":0}}})"), hosts, random_);
  EXPECT_EQ(spread(*balancer, 10), (std::map<int, int>{{0, 10}}));
}

TEST_F(BalancersTest, NoHostsGiveNone) {
  auto balancer = createBalancer(*cluster("{}"), makeHostSet({}, nullptr, {}), random_);
  EXPECT_EQ(balancer->chooseHost({}), nullptr);
}

class SubsetTest : public BalancersTest {
protected:
  HostSetPtr hosts_ = makeHostSet({host(1, {{"site", "s1"}, {"zone", "a"}}),
                                   host(2, {{"site", "s2"}, {"zone", "a"}}),
                                   host(3, {{"site", "s3"}, {"zone", "b"}})},
                                  nullptr, {});
  std::map<int, int> ask(const std::string& config,
                         const std::map<std::string, std::string>& wanted) {
    auto balancer =
        createBalancer(*cluster(R"({"lb_subset_config":)" + config + "}"), hosts_, random_);
    const MetadataMatch criteria = match(wanted);
    return spread(*balancer, 300, wanted.empty() ? nullptr : &criteria);
  }
};

TEST_F(SubsetTest, AMatchGoesToItsSubsetOnly) {
  const std::string config =
      R"({"fallback_policy":"ANY_ENDPOINT","subset_selectors":[{"keys":["site"]}]})";
  EXPECT_EQ(ask(config, {{"site", "s2"}}), (std::map<int, int>{{2, 300}}));
  EXPECT_EQ(ask(config, {}), (std::map<int, int>{{1, 100}, {2, 100}, {3, 100}}));
  EXPECT_EQ(ask(config, {{"site", "unknown"}}).size(), 3u);
  EXPECT_EQ(ask(config, {{"zone", "a"}}).size(), 3u); // no selector has just this key
}

TEST_F(SubsetTest, NoFallbackRefuses) {
  const std::string config = R"({"subset_selectors":[{"keys":["site"]}]})";
  EXPECT_EQ(ask(config, {{"site", "s9"}}), (std::map<int, int>{{0, 300}}));
  EXPECT_EQ(ask(config, {}), (std::map<int, int>{{0, 300}}));
}

TEST_F(SubsetTest, DefaultSubset) {
  const std::string config =
      R"({"fallback_policy":"DEFAULT_SUBSET","default_subset":{"zone":"b"},"subset_selectors":[{"keys":["site"]}]})";
  EXPECT_EQ(ask(config, {{"site", "s9"}}), (std::map<int, int>{{3, 300}}));
}

TEST_F(SubsetTest, PanicModeAnyHelpsAnEmptyDefaultSubset) {
  const std::string config =
      R"({"fallback_policy":"DEFAULT_SUBSET","default_subset":{"zone":"x"},"panic_mode_any":true,"subset_selectors":[{"keys":["site"]}]})";
  EXPECT_EQ(ask(config, {}).size(), 3u);
}

TEST_F(SubsetTest, PanicModeAnyDoesNotOverrideNoFallback) {
  EXPECT_EQ(
      ask(R"({"panic_mode_any":true,"subset_selectors":[{"keys":["site"]}]})", {{"site", "s9"}}),
      (std::map<int, int>{{0, 300}}));
  EXPECT_EQ(
      ask(R"({"fallback_policy":"ANY_ENDPOINT","panic_mode_any":true,"subset_selectors":[{"keys":["site"],"fallback_policy":"NO_FALLBACK"}]})",
          {{"site", "s9"}}),
      (std::map<int, int>{{0, 300}}));
}

TEST_F(SubsetTest, SelectorFallbacksWinOverTheClusters) {
  EXPECT_EQ(
      ask(R"({"fallback_policy":"ANY_ENDPOINT","subset_selectors":[{"keys":["site"],"fallback_policy":"NO_FALLBACK"}]})",
          {{"site", "s9"}}),
      (std::map<int, int>{{0, 300}}));
  EXPECT_EQ(ask(R"({"subset_selectors":[{"keys":["site"],"fallback_policy":"ANY_ENDPOINT"}]})",
                {{"site", "s9"}})
                .size(),
            3u);
  EXPECT_EQ(
      ask(R"({"default_subset":{"zone":"b"},"subset_selectors":[{"keys":["site"],"fallback_policy":"DEFAULT_SUBSET"}]})",
          {{"site", "s9"}}),
      (std::map<int, int>{{3, 300}}));
  EXPECT_EQ(
      ask(R"({"subset_selectors":[{"keys":["site","zone"],"fallback_policy":"KEYS_SUBSET","fallback_keys_subset":["zone"]},{"keys":["zone"]}]})",
          {{"site", "s9"}, {"zone", "b"}}),
      (std::map<int, int>{{3, 300}}));
}

TEST_F(BalancersTest, BadSubsetsAndTypesAreNamed) {
  const auto error = [](const std::string& json) {
    envoy::config::cluster::v3::Cluster proto;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &proto).ok());
    auto settings = readCluster(proto, config::FieldPath("clusters").index(3));
    return settings.ok() ? std::string() : std::string(settings.status().message());
  };
  EXPECT_EQ(error(R"({"name":"c","lb_subset_config":{"subset_selectors":[{}]}})"),
            "clusters[3].lb_subset_config.subset_selectors[0].keys: found none, expected at least "
            "one metadata key");
  EXPECT_EQ(error(R"({"name":"c","type":"LOGICAL_DNS"})"),
            "clusters[3].type: found LOGICAL_DNS, expected STATIC, STRICT_DNS, EDS or "
            "ORIGINAL_DST");
  EXPECT_EQ(
      error(R"({"name":"c","type":"ORIGINAL_DST"})"),
      "clusters[3].lb_policy: found ROUND_ROBIN, expected CLUSTER_PROVIDED: the cluster is of "
      "type ORIGINAL_DST");
  const auto originalDst = [&](const std::string& more) {
    return error(base::cat(R"({"name":"c","type":"ORIGINAL_DST","lb_policy":"CLUSTER_PROVIDED",)",
                           more, "}"));
  };
  EXPECT_EQ(originalDst(R"("load_assignment":{"cluster_name":"c"})"),
            "clusters[3].load_assignment: found endpoints, expected none: the cluster is of type "
            "ORIGINAL_DST");
  EXPECT_EQ(originalDst(R"("original_dst_lb_config":{"upstream_port_override":65536})"),
            "clusters[3].original_dst_lb_config.upstream_port_override: found 65536, expected 0 to "
            "65535");
  EXPECT_EQ(originalDst(R"("original_dst_lb_config":{"metadata_key":{"key":"a"}})"),
            "clusters[3].original_dst_lb_config.metadata_key: found a key, expected "
            "use_http_header, or neither");
  EXPECT_EQ(error(R"({"name":"c","upstream_bind_config":{"source_address":{"address":"here"}}})"),
            "clusters[3].upstream_bind_config.source_address.address: found \"here\", expected an "
            "IPv4 or IPv6 address");
  EXPECT_EQ(error(R"({"name":"c","lb_policy":"MAGLEV"})"),
            "clusters[3].lb_policy: found MAGLEV, expected ROUND_ROBIN, RANDOM or LEAST_REQUEST");
}

TEST(HostSet, EqualHostsLiveOn) {
  EndpointSpec spec;
  auto address = *net::Address::parseIp("127.0.0.1", 80);
  auto first = makeHostSet({makeHost(spec, address)}, nullptr, {});
  auto second = makeHostSet({makeHost(spec, address)}, first.get(), {});
  EXPECT_EQ(first->priorities[0].hosts[0], second->priorities[0].hosts[0]);
  spec.description.weight = 7;
  auto third = makeHostSet({makeHost(spec, address)}, second.get(), {});
  EXPECT_NE(second->priorities[0].hosts[0], third->priorities[0].hosts[0]);
  EXPECT_EQ(third->version, 3u);
  auto zone = std::make_shared<Host::Locality>();
  zone->set_zone("z");
  spec.description.locality = zone;
  auto fourth = makeHostSet({makeHost(spec, address)}, third.get(), {});
  EXPECT_NE(third->priorities[0].hosts[0], fourth->priorities[0].hosts[0]);
  // Its connections and counts are those of the first.
  EXPECT_EQ(first->priorities[0].hosts[0]->state(), fourth->priorities[0].hosts[0]->state());
  EXPECT_TRUE(hostsGone(*first, *fourth).empty());
}

TEST(HostSet, AnotherHostNameIsAnotherHost) {
  EndpointSpec spec;
  auto address = *net::Address::parseIp("127.0.0.1", 80);
  auto first = makeHostSet({makeHost(spec, address)}, nullptr, {});
  spec.hostname = "other";
  auto second = makeHostSet({makeHost(spec, address)}, first.get(), {});
  const HostStatePtr& gone = first->priorities[0].hosts[0]->state();
  EXPECT_NE(gone, second->priorities[0].hosts[0]->state());
  EXPECT_EQ(hostsGone(*first, *second), std::vector<HostStatePtr>{gone});
}

TEST(HostSet, OneAddressMayHaveSeveralHosts) {
  EndpointSpec a;
  EndpointSpec b;
  b.description.weight = 7;
  auto address = *net::Address::parseIp("127.0.0.1", 80);
  const auto make = [&] {
    return std::vector<HostPtr>{makeHost(a, address), makeHost(b, address), makeHost(b, address)};
  };
  auto first = makeHostSet(make(), nullptr, {});
  auto second = makeHostSet(make(), first.get(), {});
  EXPECT_EQ(first->priorities[0].hosts, second->priorities[0].hosts);
  EXPECT_NE(second->priorities[0].hosts[1], second->priorities[0].hosts[2]);
}

} // namespace
} // namespace moe::upstream
