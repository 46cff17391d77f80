#include "xds/config_source.h"

#include <unistd.h>

#include <filesystem>

#include "config/coverage.h"
#include "config/load.h"
#include "xds/channel.h"
#include "xds/fake_control_plane.h"
#include "xds/supported_fields.h"
#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;
using envoy::config::core::v3::ApiConfigSource;
using envoy::config::core::v3::ConfigSource;
using envoy::config::core::v3::GrpcService;

// Clusters that the test knows.
class Clusters final : public ClusterAddresses {
public:
  absl::StatusOr<ClusterConnection> connection(std::string_view cluster) const override {
    const auto at = known.find(cluster);
    if (at == known.end()) {
      return absl::NotFoundError(base::cat("cluster ", cluster, " is not there"));
    }
    return at->second;
  }
  base::StringMap<ClusterConnection> known;
};

template <class M> M parse(const std::string& yaml) {
  M message;
  const absl::Status status = config::loadText("test.yaml", yaml, message);
  EXPECT_TRUE(status.ok()) << status;
  return message;
}

class ConfigSourcesTest : public net::test::LoopTest {
protected:
  void SetUp() override {
    envoy::config::core::v3::Node node;
    node.set_id("me");
    sources = std::make_unique<ConfigSources>(ConfigSources::Options{.loop = worker.loop,
                                                                     .clusters = clusters,
                                                                     .node = node,
                                                                     .stats = store,
                                                                     .logger = noLog()});
    sources->addType(std::string(kRouteType), consumer, nullptr);
  }
  void TearDown() override {
    sources.reset();
    server.reset();
  }
  std::string refusal(const std::string& yaml) {
    auto opened = sources->open(parse<ConfigSource>(yaml), kRouteType, config::FieldPath("rds"),
                                store.root());
    EXPECT_FALSE(opened.ok()) << yaml;
    return std::string(base::message(opened.status()));
  }
  // Answers every request for names with a route each.
  void serve() {
    server->serve = [](grpc::ServerContext&, FakeControlPlane::Sotw& stream) {
      DiscoveryRequest in;
      while (stream.Read(&in)) {
        if (in.response_nonce().empty()) {
          DiscoveryResponse out = response(in.node().id(), {});
          out.set_type_url(in.type_url());
          for (const std::string& name : in.resource_names()) {
            *out.add_resources() = route(name);
          }
          stream.Write(out);
        }
      }
      return grpc::Status::OK;
    };
  }
  void reach(const std::string& address) {
    auto parsed = address.starts_with('/') || address.starts_with('@')
                      ? net::Address::pipe(address)
                      : net::Address::parseIpPort(address);
    ASSERT_TRUE(parsed.ok());
    clusters.known["xds"].addresses = {*parsed};
  }
  absl::Status ads(const std::string& more = "") {
    return sources->setAds(parse<ApiConfigSource>("api_type: GRPC\ntransport_api_version: V3\n"
                                                  "grpc_services:\n"
                                                  "- envoy_grpc: {cluster_name: xds}\n" +
                                                  more),
                           config::FieldPath("dynamic_resources.ads_config"));
  }
  ConfigSources::Opened openAds() {
    auto opened = sources->open(parse<ConfigSource>("{ads: {}, resource_api_version: V3}"),
                                kRouteType, config::FieldPath("rds"), store.root());
    EXPECT_TRUE(opened.ok()) << opened.status();
    return std::move(*opened);
  }
  void expectServed() {
    auto opened = openAds();
    auto a = opened.subscription->watch("a", told.options());
    sources->start();
    ASSERT_TRUE(until([&] { return !told.log.empty(); }));
    EXPECT_THAT(told.take(), ElementsAre("present:me"));
    EXPECT_THAT(consumer.take(), ElementsAre("+a"));
    EXPECT_EQ(store.findGauge("control_plane.connected_state")->value(), 1);
  }

  stats::Store store;
  Clusters clusters;
  TestConsumer consumer;
  Told told;
  std::unique_ptr<FakeControlPlane> server;
  std::unique_ptr<ConfigSources> sources;
};

TEST_F(ConfigSourcesTest, AdsOverTcp) {
  server = std::make_unique<FakeControlPlane>();
  serve();
  reach(base::cat("127.0.0.1:", server->port));
  ASSERT_TRUE(ads().ok());
  expectServed();
}

TEST_F(ConfigSourcesTest, AdsOverTcpV6) {
  server = std::make_unique<FakeControlPlane>("[::1]:0");
  if (server->port == 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  serve();
  reach(base::cat("[::1]:", server->port));
  ASSERT_TRUE(ads().ok());
  expectServed();
}

TEST_F(ConfigSourcesTest, AdsOverAUnixSocket) {
  std::string folder = std::filesystem::temp_directory_path() / "moe xds#XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  server = std::make_unique<FakeControlPlane>("unix:" + folder + "/a.sock");
  serve();
  reach(folder + "/a.sock");
  ASSERT_TRUE(ads().ok());
  expectServed();
  std::filesystem::remove_all(folder);
}

TEST_F(ConfigSourcesTest, TriesTheAddressesInTurn) {
  server = std::make_unique<FakeControlPlane>();
  serve();
  clusters.known["xds"].addresses = {*net::Address::parseIp("127.0.0.1", 1),
                                     *net::Address::parseIp("127.0.0.1", server->port)};
  ASSERT_TRUE(ads().ok());
  expectServed();
}

TEST_F(ConfigSourcesTest, AClusterThatComesLaterIsFound) {
  server = std::make_unique<FakeControlPlane>();
  serve();
  ASSERT_TRUE(ads().ok());
  auto opened = openAds();
  auto a = opened.subscription->watch("a", told.options());
  sources->start();
  auto later = worker.loop.createTimer([&] { reach(base::cat("127.0.0.1:", server->port)); });
  later->enable(std::chrono::milliseconds(20));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:me"));
}

TEST_F(ConfigSourcesTest, StreamsAreSharedAndEndWithTheirLastUser) {
  sources->start();
  const std::string yaml = "api_config_source:\n  api_type: DELTA_GRPC\n"
                           "  transport_api_version: V3\n"
                           "  grpc_services: [{envoy_grpc: {cluster_name: xds}}]\n"
                           "resource_api_version: V3\ninitial_fetch_timeout: 3s\n";
  const auto open = [&](const std::string& text) {
    auto opened = sources->open(parse<ConfigSource>(text), kRouteType, config::FieldPath("rds"),
                                store.root().child("x"));
    EXPECT_TRUE(opened.ok()) << opened.status();
    return std::move(*opened);
  };
  {
    const auto first = open(yaml);
    const auto second = open(yaml);
    EXPECT_EQ(first.subscription, second.subscription);
    EXPECT_EQ(first.initialFetchTimeout, std::chrono::seconds(3));
    EXPECT_EQ(sources->carriers(), 1u);
    EXPECT_NE(store.findGauge("x.control_plane.connected_state"), nullptr);
  }
  EXPECT_EQ(sources->carriers(), 0u);
  settle();
  const auto again = open(yaml); // held until after the end: it is no hang
  sources.reset();
}

TEST_F(ConfigSourcesTest, RefusesByField) {
  EXPECT_EQ(refusal("{ads: {}}"), "rds.resource_api_version: found AUTO, expected V3");
  EXPECT_THAT(refusal("{ads: {}, resource_api_version: V3}"),
              HasSubstr("rds.ads: found ads, expected dynamic_resources.ads_config"));
  EXPECT_THAT(refusal("{self: {}, resource_api_version: V3}"), HasSubstr("rds.self: found self"));
  EXPECT_THAT(refusal("{resource_api_version: V3}"), HasSubstr("rds: found no source"));
  EXPECT_THAT(refusal("{path: /none.yaml, resource_api_version: V3}"),
              HasSubstr("rds.path: found \"/none.yaml\""));
  const auto api = [&](const std::string& fields) {
    return refusal("resource_api_version: V3\napi_config_source:\n" + fields);
  };
  const std::string cluster = "  grpc_services: [{envoy_grpc: {cluster_name: xds}}]\n";
  EXPECT_THAT(api("  api_type: REST\n  transport_api_version: V3\n" + cluster),
              HasSubstr("rds.api_config_source.api_type: found REST, expected GRPC"));
  EXPECT_THAT(api("  api_type: GRPC\n" + cluster),
              HasSubstr("rds.api_config_source.transport_api_version: found AUTO"));
  EXPECT_THAT(api("  api_type: GRPC\n  transport_api_version: V3\n"),
              HasSubstr("grpc_services: found 0 services"));
  EXPECT_THAT(
      api("  api_type: GRPC\n  transport_api_version: V3\n  cluster_names: [x]\n" + cluster),
      HasSubstr("cluster_names: found \"x\""));
  EXPECT_THAT(api("  api_type: GRPC\n  transport_api_version: V3\n  rate_limit_settings: "
                  "{max_tokens: 0}\n" +
                  cluster),
              HasSubstr("rate_limit_settings.max_tokens: found 0"));
  auto unknown = sources->open(parse<ConfigSource>("{ads: {}, resource_api_version: V3}"),
                               kSecretType, config::FieldPath("sds"), store.root());
  EXPECT_THAT(std::string(base::message(unknown.status())), HasSubstr("sds: found \"type.google"));
}

TEST(ChannelSourceTest, RefusesWhatItCannotHonour) {
  Clusters clusters;
  const auto refusal = [&](const std::string& yaml) {
    auto made = ChannelSource::create(parse<GrpcService>(yaml), config::FieldPath("g"), clusters);
    EXPECT_FALSE(made.ok()) << yaml;
    return std::string(base::message(made.status()));
  };
  const auto google = [&](const std::string& more) {
    return refusal("google_grpc: {target_uri: \"x:1\", stat_prefix: x, " + more + "}");
  };
  EXPECT_THAT(refusal("{}"), HasSubstr("g: found neither, expected envoy_grpc or google_grpc"));
  EXPECT_THAT(google("call_credentials: [{access_token: x}]"),
              HasSubstr("g.google_grpc.call_credentials: found"));
  EXPECT_THAT(google("channel_credentials: {google_default: {}}"),
              HasSubstr("g.google_grpc.channel_credentials.google_default: found"));
  EXPECT_THAT(google("credentials_factory_name: x"), HasSubstr("credentials_factory_name: found"));
  EXPECT_THAT(google("channel_args: {args: {n: {int_value: 5000000000}}}"),
              HasSubstr("channel_args.args[\"n\"]: found 5000000000"));
  EXPECT_THAT(google("channel_credentials: {ssl_credentials: {root_certs: {filename: /none}}}"),
              HasSubstr("ssl_credentials.root_certs.filename: found \"/none\""));
  EXPECT_THAT(google("channel_credentials: {ssl_credentials: {private_key: {inline_string: x}}}"),
              HasSubstr("ssl_credentials: found only one of"));
  const std::string service = "envoy_grpc: {cluster_name: x}\n";
  EXPECT_THAT(refusal(service + "initial_metadata: [{key: \":path\", value: x}]"),
              HasSubstr("g.initial_metadata[0].key: found \":path\""));
  EXPECT_THAT(
      refusal(service + "initial_metadata: [{key: a, value: \"%HOSTNAME%\"}]"),
      HasSubstr("g.initial_metadata[0].value: found \"%HOSTNAME%\", expected a text without"));
  EXPECT_THAT(refusal(service + "initial_metadata: [{key: a, value: \"\\n\"}]"),
              HasSubstr("g.initial_metadata[0].value: found"));
  EXPECT_THAT(refusal(service + "timeout: -1s"), HasSubstr("g.timeout"));
  EXPECT_THAT(refusal(service + "retry_policy: {retry_back_off: {base_interval: 2s, max_interval: "
                                "1s}}"),
              HasSubstr("g.retry_policy.retry_back_off.max_interval: found 1000 ms"));
}

TEST(ChannelSourceTest, BackoffOfEitherPolicy) {
  Clusters clusters;
  const auto backoff = [&](const std::string& yaml) {
    auto made = ChannelSource::create(parse<GrpcService>(yaml), config::FieldPath("g"), clusters);
    EXPECT_TRUE(made.ok()) << made.status();
    return (*made)->backoff();
  };
  EXPECT_EQ(backoff("envoy_grpc: {cluster_name: x}").base, std::chrono::milliseconds(500));
  EXPECT_EQ(backoff("envoy_grpc: {cluster_name: x}").max, std::chrono::seconds(30));
  const std::string policy = "retry_policy: {retry_back_off: {base_interval: 2s}}";
  EXPECT_EQ(backoff("envoy_grpc: {cluster_name: x, " + policy + "}").max, std::chrono::seconds(20));
  EXPECT_EQ(backoff("envoy_grpc: {cluster_name: x}\n" + policy).base, std::chrono::seconds(2));
}

TEST(SupportedFieldsTest, NameFieldsOfTheApi) {
  EXPECT_THAT(config::Coverage({kFields}).unknownEntries(), IsEmpty());
}

} // namespace
} // namespace moe::xds
