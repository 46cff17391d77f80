#include "discovery/dynamic.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "discovery/supported_fields.h"
#include "proxy/supported_fields.h"
#include "route/supported_fields.h"
#include "upstream/supported_fields.h"
#include "xds/supported_fields.h"
#include "xds/xds_fixture.h"

namespace moe::discovery {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using xds::test::noLog;

constexpr char kStatic[] =
    " [{name: fixed, type: STATIC, load_assignment: {cluster_name: fixed}}]\n";

// A bootstrap and files of resources; the clusters are real, and the test takes the rest.
class DynamicTest : public net::test::LoopTest {
protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "moe-discovery-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    put("cds.yaml", "resources: []\n");
    put("eds.yaml", "resources: []\n");
  }
  void TearDown() override {
    if (dynamic != nullptr) {
      dynamic->end();
    }
    manager.reset();
    dynamic.reset();
    std::filesystem::remove_all(folder);
  }
  // Beside it, then renamed, as careful writers do.
  void put(const std::string& name, const std::string& text) {
    std::ofstream(folder + "/." + name, std::ios::binary) << text;
    std::filesystem::rename(folder + "/." + name, folder + "/" + name);
  }
  std::string file(const std::string& name) const {
    return base::cat("{path_config_source: {path: ", folder, "/", name,
                     "}, resource_api_version: V3}");
  }
  absl::Status load(const std::string& text) {
    bootstrap.Clear();
    absl::Status status = config::mergeText("test", text, bootstrap, nullptr, {});
    if (!status.ok()) {
      return status;
    }
    auto made = Dynamic::create({.loop = worker.loop,
                                 .stats = store,
                                 .logger = noLog(),
                                 .bootstrap = bootstrap,
                                 .version = "1",
                                 .coverage = coverage,
                                 .ignored = [this](std::string line) { ignored.push_back(line); }});
    if (!made.ok()) {
      return made.status();
    }
    dynamic = std::move(*made);
    manager = upstream::createClusterManager({.mainLoop = worker.loop,
                                              .stats = store,
                                              .logger = noLog(),
                                              .dnsServers = {},
                                              .endpoints = &dynamic->endpoints()});
    status = manager->addClusters(bootstrap);
    status.Update(dynamic->setClusters(*manager));
    return status;
  }
  void start(const std::string& clusters = kStatic) {
    const absl::Status status =
        load(base::cat("node: {id: me, cluster: us}\n"
                       "dynamic_resources: {cds_config: ",
                       file("cds.yaml"), "}\nstatic_resources:\n  clusters:", clusters));
    ASSERT_TRUE(status.ok()) << status;
    dynamic->startClusters([this] { first = true; });
    dynamic->start();
    ASSERT_TRUE(until([&] { return first; }));
  }
  std::string eds(const std::string& name, const std::string& more = "") const {
    return base::cat("- \"@type\": ", xds::kClusterType, "\n  name: ", name,
                     "\n  type: EDS\n  eds_cluster_config: {eds_config: ", file("eds.yaml"), "}\n",
                     more);
  }
  static std::string endpoint(const std::string& name, int port) {
    return base::cat("- \"@type\": ", xds::kEndpointType, "\n  cluster_name: ", name,
                     "\n  endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "
                     "{address: 127.0.0.1, port_value: ",
                     port, "}}}}]}]\n");
  }
  // "name:port" of what serves.
  std::vector<std::string> serving() const {
    std::vector<std::string> out;
    manager->forEach([&](const upstream::ClusterInfo& info, const upstream::HostSet& hosts) {
      std::string text = info.name();
      for (const auto& priority : hosts.priorities) {
        for (const auto& host : priority.hosts) {
          text += base::cat(":", host->address()->port());
        }
      }
      out.push_back(text);
    });
    return out;
  }
  uint64_t count(const std::string& name) const {
    const auto* counter = store.findCounter(name);
    return counter == nullptr ? 0 : counter->value();
  }
  envoy::admin::v3::ClustersConfigDump clustersDump() const {
    envoy::admin::v3::ClustersConfigDump out;
    dynamic->dump(out);
    return out;
  }

  std::string folder;
  stats::Store store;
  const config::Coverage coverage{
      {xds::kFields, kFields, upstream::kFields, route::kFields, proxy::kFields}};
  envoy::config::bootstrap::v3::Bootstrap bootstrap;
  std::vector<std::string> ignored;
  bool first = false;
  std::unique_ptr<Dynamic> dynamic;
  std::unique_ptr<upstream::ClusterManager> manager;
};

TEST_F(DynamicTest, ClustersComeWithTheirEndpointsChangeAndGo) {
  put("cds.yaml", base::cat("version_info: \"1\"\nresources:\n", eds("a"), eds("b")));
  put("eds.yaml", base::cat("resources:\n", endpoint("a", 1), endpoint("b", 2)));
  start();
  ASSERT_TRUE(until([&] { return serving().size() == 3; }));
  EXPECT_THAT(serving(), ElementsAre("a:1", "b:2", "fixed"));

  put("eds.yaml", base::cat("resources:\n", endpoint("a", 1), endpoint("b", 3)));
  ASSERT_TRUE(until([&] { return count("cluster.b.update_success") > 1; }));
  EXPECT_THAT(serving(), ElementsAre("a:1", "b:3", "fixed"));

  put("cds.yaml", base::cat("version_info: \"2\"\nresources:\n", eds("b")));
  ASSERT_TRUE(until([&] { return serving().size() == 2; }));
  EXPECT_THAT(serving(), ElementsAre("b:3", "fixed"));
  EXPECT_EQ(clustersDump().version_info(), "2");
  EXPECT_EQ(count("cluster_manager.cluster_removed"), 1u);
}

TEST_F(DynamicTest, AWrongClusterIsRefusedByFieldAndTheOthersAreTaken) {
  put("cds.yaml", base::cat("version_info: \"1\"\nresources:\n", eds("a"),
                            eds("b", "  lb_policy: MAGLEV\n  connect_timeout: -1s\n")));
  put("eds.yaml", base::cat("resources:\n", endpoint("a", 1)));
  start();
  ASSERT_TRUE(until([&] { return serving().size() == 2; }));
  EXPECT_THAT(serving(), ElementsAre("a:1", "fixed"));
  EXPECT_EQ(count("cluster_manager.cds.update_rejected"), 1u);
  const auto dump = clustersDump();
  ASSERT_EQ(dump.dynamic_active_clusters_size(), 2);
  const auto& second = dump.dynamic_active_clusters(1);
  const auto& refused = second.has_error_state() ? second : dump.dynamic_active_clusters(0);
  EXPECT_THAT(refused.error_state().details(), HasSubstr("connect_timeout: found"));
  envoy::config::cluster::v3::Cluster named;
  ASSERT_TRUE(refused.error_state().failed_configuration().UnpackTo(&named));
  EXPECT_EQ(named.name(), "b");
  EXPECT_EQ(refused.client_status(), envoy::admin::v3::NACKED);
}

TEST_F(DynamicTest, StaticClustersStay) {
  put("cds.yaml", base::cat("resources:\n", eds("fixed")));
  start();
  EXPECT_THAT(serving(), ElementsAre("fixed"));
  EXPECT_EQ(count("cluster_manager.cds.update_success"), 1u);
  put("cds.yaml", "resources: []\n");
  ASSERT_TRUE(until([&] { return count("cluster_manager.cds.update_success") == 2; }));
  EXPECT_THAT(serving(), ElementsAre("fixed"));
}

TEST_F(DynamicTest, FieldsWithoutEffectAreToldOnce) {
  const std::string odd = "  dns_jitter: 1s\n";
  put("cds.yaml", base::cat("resources:\n", eds("a", odd), eds("b", odd)));
  put("eds.yaml", base::cat("resources:\n", endpoint("a", 1), endpoint("b", 2)));
  start();
  EXPECT_EQ(std::count_if(ignored.begin(), ignored.end(),
                          [](const std::string& line) {
                            return line.starts_with("Cluster \"") &&
                                   line.find("dns_jitter") != std::string::npos;
                          }),
            1);
}

TEST_F(DynamicTest, AControlPlaneNeedsANodeAndACluster) {
  const std::string ads = "dynamic_resources: {ads_config: {api_type: GRPC, "
                          "transport_api_version: V3, grpc_services: [{envoy_grpc: "
                          "{cluster_name: nobody}}]}}\n";
  EXPECT_THAT(std::string(base::message(load(ads))), HasSubstr("node.id: found \"\", expected"));
  EXPECT_EQ(std::string(base::message(load("node: {id: me, cluster: us}\n" + ads))),
            "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: found "
            "\"nobody\", expected a cluster of static_resources");
}

TEST_F(DynamicTest, WhatWasRefusedForOthersIsTriedAgainAsItIs) {
  const std::string later = base::cat(
      "- \"@type\": ", xds::kClusterType,
      "\n  name: b\n  type: EDS\n  eds_cluster_config: {eds_config: ", file("later.yaml"), "}\n");
  put("cds.yaml", base::cat("version_info: \"1\"\nresources:\n", later));
  start();
  EXPECT_EQ(count("cluster_manager.cds.update_rejected"), 1u); // there is no such file
  put("later.yaml", base::cat("resources:\n", endpoint("b", 2)));
  put("cds.yaml", base::cat("version_info: \"2\"\nresources:\n", later));
  ASSERT_TRUE(until([&] { return serving().size() == 2; }));
  EXPECT_THAT(serving(), ElementsAre("b:2", "fixed"));
}

TEST_F(DynamicTest, AStarIsNoName) {
  put("cds.yaml", base::cat("resources:\n- \"@type\": ", xds::kClusterType,
                            "\n  name: a\n  type: EDS\n  eds_cluster_config: {service_name: \"*\", "
                            "eds_config: ",
                            file("eds.yaml"), "}\n"));
  start();
  EXPECT_THAT(serving(), ElementsAre("fixed"));
  ASSERT_EQ(clustersDump().dynamic_active_clusters_size(), 1);
  EXPECT_THAT(clustersDump().dynamic_active_clusters(0).error_state().details(),
              HasSubstr("found the name \"*\", expected the name of one resource"));
}

class Taken final : public config::ResourceSource<Dynamic::Routes>::Receiver {
public:
  absl::Status onResource(const Dynamic::Routes& resource) override {
    log.push_back(base::cat("+", resource.virtual_hosts_size()));
    return refuse ? absl::InvalidArgumentError("virtual_hosts: found no sense, expected some")
                  : absl::OkStatus();
  }
  void onAbsent() override { log.push_back("-"); }
  std::vector<std::string> log;
  bool refuse = false;
};

TEST_F(DynamicTest, ANameIsGivenToAllWhoWatchItAndToThoseWhoComeLater) {
  put("rds.yaml", base::cat("resources:\n- \"@type\": ", xds::kRouteType, "\n  name: r\n"));
  start();
  envoy::config::core::v3::ConfigSource source;
  ASSERT_TRUE(config::mergeText("test", file("rds.yaml"), source, nullptr, {}).ok());
  Taken one;
  Taken two;
  Taken absent;
  const auto watch = [&](const std::string& name, Taken& taken) {
    auto watched = dynamic->routes().watch(source, name, taken, config::FieldPath("rds"),
                                           store.root().child("of").child(name));
    EXPECT_TRUE(watched.ok()) << watched.status();
    return std::move(*watched);
  };
  auto a = watch("r", one);
  ASSERT_TRUE(until([&] { return one.log.size() == 1; }));
  auto b = watch("r", two);
  EXPECT_THAT(two.log, ElementsAre("+0")); // at once

  two.refuse = true;
  put("rds.yaml", base::cat("resources:\n- \"@type\": ", xds::kRouteType,
                            "\n  name: r\n  virtual_hosts: [{name: v, domains: [x]}]\n"));
  ASSERT_TRUE(until([&] { return two.log.size() == 2; }));
  EXPECT_THAT(one.log, ElementsAre("+0", "+1"));
  EXPECT_EQ(count("of.r.update_rejected"), 2u); // of both: the resource is refused
  envoy::admin::v3::RoutesConfigDump dump;
  dynamic->dump(dump);
  ASSERT_EQ(dump.dynamic_route_configs_size(), 1);
  EXPECT_THAT(dump.dynamic_route_configs(0).error_state().details(), HasSubstr("no sense"));

  b.reset();
  put("rds.yaml",
      base::cat("resources:\n- \"@type\": ", xds::kRouteType,
                "\n  name: r\n"
                "  virtual_hosts: [{name: v, domains: [x]}, {name: w, domains: [y]}]\n"));
  ASSERT_TRUE(until([&] { return one.log.size() == 3; }));
  EXPECT_EQ(two.log.size(), 2u);
}

} // namespace
} // namespace moe::discovery
