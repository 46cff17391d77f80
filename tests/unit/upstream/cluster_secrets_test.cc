// Clusters whose TLS secrets come by SDS.

#include <google/protobuf/util/json_util.h>
#include <spdlog/sinks/null_sink.h>

#include "base/strings.h"
#include "net/loop_fixture.h"
#include "tls/fake_secrets.h"
#include "tls/self_signed.h"
#include "upstream/cluster_manager.h"

namespace moe::upstream {
namespace {

class ClusterSecretsTest : public net::test::LoopTest {
protected:
  ClusterSecretsTest() { workers.add(worker.loop); }
  ~ClusterSecretsTest() override {
    clusters.reset();
    manager.reset();
    settle();
    compiler.reset();
  }

  absl::Status add(const std::string& address, const std::string& more = "",
                   const std::string& type = "STATIC") {
    const std::string context =
        base::cat(R"({"name":"tls","typedConfig":{"@type":"type.googleapis.com/)",
                  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                  R"(","commonTlsContext":{"validationContextSdsSecretConfig":{"name":"ROOTCA",)",
                  R"("sdsConfig":{"ads":{}}}}}})");
    envoy::config::cluster::v3::Cluster proto;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(
            base::cat(R"({"name":"c","type":")", type, R"(",)", more, R"("transportSocket":)",
                      context,
                      R"(,"loadAssignment":{"clusterName":"c","endpoints":[{"lbEndpoints":[)",
                      R"({"endpoint":{"address":{"socketAddress":{"address":")", address,
                      R"(","portValue":80}}}}]}]}})"),
            &proto)
            .ok());
    return manager->addOrUpdate(proto, "c");
  }
  absl::Status send(const std::string& text) {
    tls::test::FakeSecrets::Secret secret;
    secret.set_name("ROOTCA");
    secret.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(text);
    return source.send(secret);
  }
  // Where the worker sends a request now, and what its connection says.
  std::string chosen() {
    settle();
    WorkerCluster* found = clusters->find("c");
    if (found == nullptr) {
      return "no cluster";
    }
    const HostPtr host = found->chooseHost({});
    const auto transport = found->info().createTransport(0, *host, {}, nullptr);
    return base::cat(host->address()->ip(), transport->failure().empty() ? "" : ": ",
                     transport->failure());
  }
  uint64_t counter(const std::string& name) {
    const stats::Counter* found =
        store.findCounter(base::cat("cluster.c.client_ssl_socket_factory.", name));
    return found == nullptr ? 0 : found->value();
  }

  stats::Store store;
  event::WorkerLoops workers;
  tls::test::FakeSecrets source;
  const tls::test::SelfSigned first{"first"};
  const tls::test::SelfSigned second{"second"};
  std::unique_ptr<tls::TransportCompiler> compiler = std::make_unique<tls::TransportCompiler>(
      tls::TransportCompiler::Options{.secrets = &source,
                                      .mainLoop = worker.loop,
                                      .workers = workers,
                                      .concurrency = 1,
                                      .stats = store});
  std::unique_ptr<ClusterManager> manager =
      createClusterManager({.mainLoop = worker.loop,
                            .stats = store,
                            .logger = std::make_shared<base::Logger>(
                                "t", std::make_shared<spdlog::sinks::null_sink_mt>()),
                            .dnsServers = {},
                            .tls = compiler.get()});
  http::HeaderMapPool headers{worker.slab};
  std::unique_ptr<WorkerClusters> clusters = manager->createWorkerClusters(worker, headers);
};

TEST_F(ClusterSecretsTest, ServesOnceItsSecretsAreThere) {
  ASSERT_EQ(add("10.0.0.1"), absl::OkStatus());
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_FALSE(initialized);
  EXPECT_EQ(chosen(), "no cluster");
  ASSERT_EQ(send(tls::test::pem(first.certificate.get())), absl::OkStatus());
  EXPECT_TRUE(initialized);
  EXPECT_EQ(chosen(), "10.0.0.1");
  ASSERT_EQ(send(tls::test::pem(second.certificate.get())), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.1");
  EXPECT_EQ(counter("ssl_context_update_by_sds"), 2u);
  EXPECT_FALSE(send("nothing").ok());
  EXPECT_EQ(counter("ssl_context_update_by_sds"), 2u);
}

TEST_F(ClusterSecretsTest, ConnectionsAreRefusedWithoutASecretThatDoesNotCome) {
  ASSERT_EQ(add("10.0.0.1"), absl::OkStatus());
  source.receivers.at("ROOTCA")->onAbsent();
  EXPECT_EQ(chosen(), "10.0.0.1: TLS error: Secret is not supplied by SDS");
  EXPECT_EQ(counter("upstream_context_secrets_not_ready"), 1u);
  ASSERT_EQ(send(tls::test::pem(first.certificate.get())), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.1");
  EXPECT_EQ(counter("upstream_context_secrets_not_ready"), 1u);
}

TEST_F(ClusterSecretsTest, TheOldClusterServesUntilTheNewOneHasItsSecrets) {
  ASSERT_EQ(add("10.0.0.1"), absl::OkStatus());
  source.receivers.at("ROOTCA")->onAbsent();
  const char* const matches =
      R"("transportSocketMatches":[{"name":"m","match":{"a":"b"},"transportSocket":{"name":"tls",)"
      R"("typedConfig":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.)"
      R"(UpstreamTlsContext","commonTlsContext":{"validationContextSdsSecretConfig":)"
      R"({"name":"other","sdsConfig":{"ads":{}}}}}}}],)";
  ASSERT_EQ(add("10.0.0.2", matches), absl::OkStatus());
  EXPECT_EQ(chosen(), "10.0.0.1: TLS error: Secret is not supplied by SDS");
  source.receivers.at("other")->onAbsent();
  EXPECT_EQ(chosen(), "10.0.0.2: TLS error: Secret is not supplied by SDS");
  // Nothing is left of the old one's contexts, nor of those of a cluster that is removed.
  EXPECT_EQ(source.receivers.size(), 2u);
  manager->remove("c");
  settle();
  EXPECT_TRUE(source.receivers.empty());
}

// The control plane that the secrets come from starts when names are resolved.
TEST_F(ClusterSecretsTest, NamesAreResolvedBeforeSecretsAreThere) {
  ASSERT_EQ(add("127.0.0.1", R"("dnsLookupFamily":"V4_ONLY",)", "STRICT_DNS"), absl::OkStatus());
  bool resolved = false;
  bool initialized = false;
  manager->onResolved([&] { resolved = true; });
  manager->onInitialized([&] { initialized = true; });
  ASSERT_TRUE(until([&] { return resolved; }));
  EXPECT_FALSE(initialized);
  ASSERT_EQ(send(tls::test::pem(first.certificate.get())), absl::OkStatus());
  EXPECT_TRUE(initialized);
  EXPECT_EQ(chosen(), "127.0.0.1");
}

TEST_F(ClusterSecretsTest, AClusterThatIsReplacedWhileItWaitsHoldsUpNobody) {
  ASSERT_EQ(add("10.0.0.1"), absl::OkStatus());
  ASSERT_EQ(add("10.0.0.2"), absl::OkStatus());
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  ASSERT_EQ(send(tls::test::pem(first.certificate.get())), absl::OkStatus());
  EXPECT_TRUE(initialized);
  EXPECT_EQ(chosen(), "10.0.0.2");
  EXPECT_EQ(source.watches, 1);
}

} // namespace
} // namespace moe::upstream
