#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "xds/certificates.h"
#include "xds/fake_control_plane.h"
#include "xds/grpc_stream.h"
#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;
using envoy::config::core::v3::GrpcService;

class OneCluster final : public ClusterAddresses {
public:
  absl::StatusOr<ClusterConnection> connection(std::string_view /*cluster*/) const override {
    return cluster;
  }
  ClusterConnection cluster;
};

// Notes what the first attempt led to.
class FirstResult final : public StreamEvents {
public:
  void onStreamStart() override {}
  void onResponse(std::unique_ptr<google::protobuf::Message> response) override {
    got = static_cast<DiscoveryResponse&>(*response).version_info();
  }
  void onReady() override {}
  void onStreamEnd(const absl::Status& status) override { failed = status.ToString(); }
  std::string got;
  std::string failed;
};

// A control plane that wants a client certificate.
class ChannelTlsTest : public net::test::LoopTest {
protected:
  void SetUp() override {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = kCa;
    options.pem_key_cert_pairs.push_back({kServerKey, kServerCertificate});
    server = std::make_unique<FakeControlPlane>("127.0.0.1:0", grpc::SslServerCredentials(options));
    server->serve = [](grpc::ServerContext& context, FakeControlPlane::Sotw& stream) {
      DiscoveryResponse out;
      for (const auto& name : context.auth_context()->GetPeerIdentity()) {
        out.set_version_info(std::string(name.data(), name.size()));
      }
      stream.Write(out);
      DiscoveryRequest in;
      stream.Read(&in);
      return grpc::Status::OK;
    };
    clusters.cluster.addresses = {*net::Address::parseIp("127.0.0.1", server->port)};
    clusters.cluster.tls = ClusterConnection::Tls{.roots = kCa,
                                                  .certificateChain = kClientCertificate,
                                                  .privateKey = kClientKey,
                                                  .serverName = "xds.test",
                                                  .subjectAltNames = {}};
    service.mutable_envoy_grpc()->set_cluster_name("outbound|15012||istiod");
  }
  // The identity that the control plane saw, or how the attempt failed.
  std::string connect() {
    CompletionThread thread;
    FirstResult result;
    auto channels = ChannelSource::create(service, config::FieldPath(), clusters);
    EXPECT_TRUE(channels.ok()) << channels.status();
    GrpcStream stream({.loop = worker.loop,
                       .thread = thread,
                       .channels = std::move(*channels),
                       .method = aggregatedMethod(false)});
    stream.start(result);
    EXPECT_TRUE(until([&] { return !result.got.empty() || !result.failed.empty(); }));
    return result.got.empty() ? result.failed : result.got;
  }

  std::unique_ptr<FakeControlPlane> server;
  OneCluster clusters;
  GrpcService service;
};

constexpr std::string_view kMe = "spiffe://test/app";

TEST_F(ChannelTlsTest, ByAClustersSettings) { EXPECT_EQ(connect(), kMe); }

TEST_F(ChannelTlsTest, NamesThatTheCertificateMustHave) {
  clusters.cluster.tls->subjectAltNames = {"other", "spiffe://test/istiod"};
  EXPECT_EQ(connect(), kMe);
  clusters.cluster.tls->subjectAltNames = {"xds.test"};
  EXPECT_EQ(connect(), kMe);
  clusters.cluster.tls->subjectAltNames = {"spiffe://test/other"};
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE"));
}

TEST_F(ChannelTlsTest, AStrangersCertificateIsRefused) {
  clusters.cluster.tls->roots = kOtherCa;
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE"));
}

TEST_F(ChannelTlsTest, WithoutTrustedCaNothingIsVerified) {
  clusters.cluster.tls->roots = "";
  EXPECT_EQ(connect(), kMe);
}

TEST_F(ChannelTlsTest, WithoutAClientCertificateTheServerRefuses) {
  clusters.cluster.tls->certificateChain = "";
  clusters.cluster.tls->privateKey = "";
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE"));
}

TEST_F(ChannelTlsTest, ClearTextToTlsFails) {
  clusters.cluster.tls.reset();
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE"));
}

TEST_F(ChannelTlsTest, GoogleGrpcWithFilesThatAreRenewed) {
  std::string folder = std::filesystem::temp_directory_path() / "moe-tls-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/ca.pem") << kOtherCa;
  auto* google = service.mutable_google_grpc();
  google->set_target_uri(base::cat("127.0.0.1:", server->port));
  auto* ssl = google->mutable_channel_credentials()->mutable_ssl_credentials();
  ssl->mutable_root_certs()->set_filename(folder + "/ca.pem");
  ssl->mutable_private_key()->set_inline_string(kClientKey);
  ssl->mutable_cert_chain()->set_inline_bytes(kClientCertificate);
  (*google->mutable_channel_args()->mutable_args())["grpc.ssl_target_name_override"]
      .set_string_value("xds.test");
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE"));
  std::ofstream(folder + "/ca.pem") << kCa;
  EXPECT_EQ(connect(), kMe);
  (*google->mutable_channel_args()->mutable_args())["grpc.ssl_target_name_override"]
      .set_string_value("other.test");
  EXPECT_THAT(connect(), HasSubstr("UNAVAILABLE")); // the name is verified
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace moe::xds
