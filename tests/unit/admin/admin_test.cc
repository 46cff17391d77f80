#include "admin/admin.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include "envoy/admin/v3/clusters.pb.h"
#include "envoy/admin/v3/listeners.pb.h"
#include "envoy/admin/v3/memory.pb.h"

namespace moe::admin {
namespace {

using envoy::admin::v3::ServerInfo;
using testing::HasSubstr;

template <class T> T parse(const std::string& json) {
  T out;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &out);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return out;
}

class AdminTest : public testing::Test {
protected:
  AdminTest() {
    bootstrap_.mutable_node()->set_id("me");
    auto& cluster = *bootstrap_.mutable_static_resources()->add_clusters();
    cluster.set_name("web");
    cluster.set_type(envoy::config::cluster::v3::Cluster::STATIC);
    cluster.mutable_load_assignment()->set_cluster_name("web");
    auto& address = *cluster.mutable_load_assignment()
                         ->add_endpoints()
                         ->add_lb_endpoints()
                         ->mutable_endpoint()
                         ->mutable_address()
                         ->mutable_socket_address();
    address.set_address("10.0.0.1");
    address.set_port_value(80);
    bootstrap_.mutable_static_resources()->add_listeners()->set_name("front");
    clusters_ = upstream::createClusterManager(
        {.mainLoop = worker_.loop, .stats = stats_, .logger = logger_, .dnsServers = {}});
    EXPECT_TRUE(clusters_->addClusters(bootstrap_).ok());
    envoy::admin::v3::CommandLineOptions options;
    options.set_concurrency(3);
    admin_ = std::make_unique<Admin>(Context{
        .worker = worker_,
        .stats = stats_,
        .bootstrap = bootstrap_,
        .clusters = *clusters_,
        .logger = logger_,
        .options = options,
        .state = [this] { return state_; },
        .quit = [this] { quit_ = true; },
        .listeners =
            [] {
              return std::vector<BoundListener>{
                  {"front", *net::Address::parseIp("127.0.0.1", 8080)}};
            },
        .ignoredFields = [] { return std::vector<std::string>{"a.b", "c.d"}; },
    });
  }

  Response get(std::string_view target) { return admin_->handle("GET", target, ""); }
  Response post(std::string_view target) { return admin_->handle("POST", target, ""); }

  event::Worker worker_{0};
  stats::Store stats_;
  base::LoggerPtr logger_ =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  envoy::config::bootstrap::v3::Bootstrap bootstrap_;
  std::unique_ptr<upstream::ClusterManager> clusters_;
  State state_ = ServerInfo::LIVE;
  bool quit_ = false;
  std::unique_ptr<Admin> admin_;
};

TEST_F(AdminTest, ReadyOnlyWhenLive) {
  EXPECT_EQ(get("/ready").status, 200u);
  EXPECT_EQ(get("/ready").body, "LIVE\n");
  for (const State state :
       {ServerInfo::DRAINING, ServerInfo::PRE_INITIALIZING, ServerInfo::INITIALIZING}) {
    state_ = state;
    EXPECT_EQ(get("/ready").status, 503u);
    EXPECT_EQ(get("/ready").body, ServerInfo::State_Name(state) + "\n");
  }
}

TEST_F(AdminTest, HealthCheckFailMakesItDraining) {
  EXPECT_EQ(get("/healthcheck/fail").status, 405u);
  EXPECT_EQ(get("/ready").status, 200u);
  EXPECT_EQ(post("/healthcheck/fail").status, 200u);
  EXPECT_EQ(get("/ready").body, "DRAINING\n");
  EXPECT_THAT(get("/stats").body, HasSubstr("server.state: 1\n"));
  EXPECT_EQ(post("/healthcheck/ok").status, 200u);
  EXPECT_EQ(get("/ready").body, "LIVE\n");
}

TEST_F(AdminTest, UnknownPathsListTheKnown) {
  const Response response = get("/nothing?x=%zz");
  EXPECT_EQ(response.status, 404u);
  EXPECT_THAT(response.body, HasSubstr("found no /nothing"));
  EXPECT_THAT(response.body, HasSubstr("  /config_dump: "));
  EXPECT_THAT(get("/").body, HasSubstr("<a href=\"/clusters\">"));
  EXPECT_THAT(get("/").body, HasSubstr("<form method=post action=\"/quitquitquit\">"));
  EXPECT_THAT(get("/help").body, HasSubstr("  /quitquitquit: "));
}

TEST_F(AdminTest, QuitNeedsPost) {
  const Response refused = get("/quitquitquit");
  EXPECT_EQ(refused.status, 405u);
  EXPECT_EQ(refused.allow, "POST");
  EXPECT_EQ(refused.body, "/quitquitquit: found GET, expected POST\n");
  EXPECT_FALSE(quit_);
  EXPECT_EQ(post("/quitquitquit").status, 200u);
  EXPECT_TRUE(quit_);
}

TEST_F(AdminTest, LoggingShowsAndChangesTheLevel) {
  logger_->set_level(spdlog::level::info);
  EXPECT_EQ(get("/logging").body, "active loggers:\n  moe: info\n");
  EXPECT_EQ(get("/logging?level=debug").status, 405u);
  EXPECT_EQ(logger_->level(), spdlog::level::info);
  EXPECT_EQ(post("/logging?level=debug").body, "active loggers:\n  moe: debug\n");
  EXPECT_EQ(logger_->level(), spdlog::level::debug);
  const Response bad = post("/logging?level=loud");
  EXPECT_EQ(bad.status, 400u);
  EXPECT_THAT(bad.body, HasSubstr("found \"loud\", expected trace, debug"));
  EXPECT_EQ(logger_->level(), spdlog::level::debug);
}

TEST_F(AdminTest, StatsByFilterFormatAndType) {
  stats_.root().counter("one.two").add(5);
  EXPECT_EQ(get("/stats?filter=^one").body, "one.two: 5\n");
  EXPECT_EQ(get("/stats?filter=%5Eone&format=json").body,
            R"({"stats":[{"name":"one.two","value":5}]})");
  EXPECT_EQ(get("/stats?filter=^one&type=Gauges").body, "");
  for (const char* target :
       {"/stats?format=prometheus&filter=^one", "/stats/prometheus?filter=^one"}) {
    EXPECT_EQ(get(target).body, "# TYPE envoy_one_two counter\nenvoy_one_two{} 5\n");
    EXPECT_THAT(get(target).contentType, HasSubstr("version=0.0.4"));
  }
  for (const char* target : {"/stats?filter=(", "/stats?format=xml", "/stats?type=Charts",
                             "/stats?used", "/stats?filter=%g", "/stats/prometheus?format=json"}) {
    const Response bad = get(target);
    EXPECT_EQ(bad.status, 400u) << target;
    EXPECT_THAT(bad.body, HasSubstr("expected")) << target;
  }
}

// What Istio's agent asks for its readiness.
TEST_F(AdminTest, ServerStatsShowEvenAtZero) {
  const std::string text = get("/stats?usedonly&filter=^(server\\.state|server\\.conc)").body;
  EXPECT_EQ(text, "server.concurrency: 3\nserver.state: 0\n");
  EXPECT_THAT(get("/stats").body, HasSubstr("server.live: 1\n"));
  EXPECT_THAT(get("/stats").body, HasSubstr("cluster_manager.active_clusters: 1\n"));
}

TEST_F(AdminTest, ClustersNameTheirEndpoints) {
  clusters_->forEach([](const upstream::ClusterInfo&, const upstream::HostSet& hosts) {
    hosts.priorities[0].hosts[0]->counts().cxActive = 4;
  });
  const std::string text = get("/clusters").body;
  EXPECT_THAT(text, HasSubstr("web::default_priority::max_connections::1024\n"));
  EXPECT_THAT(text, HasSubstr("web::added_via_api::false\n"));
  EXPECT_THAT(text, HasSubstr("web::10.0.0.1:80::cx_active::4\n"));
  EXPECT_THAT(text, HasSubstr("web::10.0.0.1:80::health_flags::healthy\n"));
  const auto json = parse<envoy::admin::v3::Clusters>(get("/clusters?format=json").body);
  ASSERT_EQ(json.cluster_statuses_size(), 1);
  ASSERT_EQ(json.cluster_statuses(0).host_statuses_size(), 1);
  const auto& host = json.cluster_statuses(0).host_statuses(0);
  EXPECT_EQ(host.address().socket_address().address(), "10.0.0.1");
  EXPECT_EQ(host.stats(0).name(), "cx_active");
  EXPECT_EQ(host.stats(0).value(), 4u);
  EXPECT_EQ(get("/clusters?format=yaml").status, 400u);
}

TEST_F(AdminTest, ListenersAsTextAndJson) {
  EXPECT_EQ(get("/listeners").body, "front::127.0.0.1:8080\n");
  const auto json = parse<envoy::admin::v3::Listeners>(get("/listeners?format=json").body);
  ASSERT_EQ(json.listener_statuses_size(), 1);
  EXPECT_EQ(json.listener_statuses(0).local_address().socket_address().port_value(), 8080u);
}

TEST_F(AdminTest, ConfigDumpHasEveryPart) {
  const auto dump = parse<envoy::admin::v3::ConfigDump>(get("/config_dump?include_eds").body);
  ASSERT_EQ(dump.configs_size(), 7);
  envoy::admin::v3::BootstrapConfigDump bootstrap;
  ASSERT_TRUE(dump.configs(0).UnpackTo(&bootstrap));
  EXPECT_EQ(bootstrap.bootstrap().node().id(), "me");
  envoy::admin::v3::ClustersConfigDump clusters;
  ASSERT_TRUE(dump.configs(1).UnpackTo(&clusters));
  EXPECT_EQ(clusters.static_clusters_size(), 1);
  envoy::admin::v3::EndpointsConfigDump endpoints;
  ASSERT_TRUE(dump.configs(2).UnpackTo(&endpoints));
  EXPECT_EQ(endpoints.static_endpoint_configs_size(), 1);
  envoy::admin::v3::ListenersConfigDump listeners;
  ASSERT_TRUE(dump.configs(4).UnpackTo(&listeners));
  EXPECT_EQ(listeners.static_listeners_size(), 1);
  EXPECT_EQ(get("/config_dump?resource=static_listeners").status, 400u);
}

TEST_F(AdminTest, ServerInfoAndMemory) {
  const auto info = parse<ServerInfo>(get("/server_info").body);
  EXPECT_EQ(info.state(), ServerInfo::LIVE);
  EXPECT_EQ(info.command_line_options().concurrency(), 3u);
  EXPECT_EQ(info.node().id(), "me");
  EXPECT_THAT(info.version(), testing::StartsWith("moe/"));
  const auto memory = parse<envoy::admin::v3::Memory>(get("/memory").body);
  EXPECT_GT(memory.total_physical_bytes(), 0u);
}

TEST_F(AdminTest, IgnoredFieldsAndAddedEndpoints) {
  EXPECT_EQ(get("/ignored_fields").body, "a.b\nc.d\n");
  admin_->add({.path = "/more",
               .help = "one more",
               .access = Endpoint::Access::Changes,
               .handler = [](const Request& request) { return Response{.body = request.body}; }});
  EXPECT_EQ(admin_->handle("POST", "/more", "text").body, "text");
  EXPECT_EQ(get("/more").status, 405u);
  EXPECT_THAT(get("/help").body, HasSubstr("/more: one more"));
}

} // namespace
} // namespace moe::admin
