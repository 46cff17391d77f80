#include "config/coverage.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace moe::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kListener[] = {
    "envoy.config.listener.v3.Listener.name",
    "envoy.config.listener.v3.Listener.address",
    "envoy.config.listener.v3.Listener.filter_chains",
    "envoy.config.listener.v3.FilterChain.filters",
    "envoy.config.listener.v3.Filter.*",
};
constexpr std::string_view kAddress[] = {
    "envoy.config.core.v3.Address.*",
    "envoy.config.core.v3.SocketAddress.address",
};
constexpr std::string_view kTcp[] = {
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.stat_prefix"};

std::vector<std::string> paths(const std::vector<UncoveredField>& fields) {
  std::vector<std::string> out;
  for (const auto& field : fields)
    out.push_back(field.str());
  return out;
}

envoy::config::listener::v3::Listener load(const char* yaml, LocationMap* places = nullptr) {
  envoy::config::listener::v3::Listener listener;
  auto status = loadText("l.yaml", yaml, listener, places);
  EXPECT_TRUE(status.ok()) << status;
  return listener;
}

TEST(Coverage, NamesEachSetFieldNobodyClaims) {
  LocationMap places;
  auto listener = load(R"(name: a
address: {socket_address: {address: 1.2.3.4, port_value: 1}}
tcp_fast_open_queue_length: 5
filter_chains:
- filters:
  - name: tcp
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
      stat_prefix: x
      cluster: c
)",
                       &places);
  Coverage coverage{kListener, kAddress, kTcp};
  EXPECT_THAT(coverage.unknownEntries(), IsEmpty());
  auto report = coverage.walk(listener, FieldPath(), &places);
  EXPECT_THAT(paths(report.ignored),
              ElementsAre("l.yaml:2:58: address.socket_address.port_value "
                          "(envoy.config.core.v3.SocketAddress.port_value)",
                          "l.yaml:10:16: filter_chains[0].filters[0].typed_config.cluster "
                          "(envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.cluster)",
                          "l.yaml:3:29: tcp_fast_open_queue_length "
                          "(envoy.config.listener.v3.Listener.tcp_fast_open_queue_length)"));
  EXPECT_THAT(report.refused, IsEmpty());
}

TEST(Coverage, UnclaimedMessagesAreNamedOnce) {
  auto listener = load("address: {socket_address: {address: 1.2.3.4, port_value: 1}}");
  auto report = Coverage().walk(listener, FieldPath("l"));
  EXPECT_THAT(paths(report.ignored),
              ElementsAre("l.address (envoy.config.listener.v3.Listener.address)"));
}

TEST(Coverage, TreesClaimAllBelow) {
  constexpr std::string_view kTree[] = {"envoy.config.listener.v3.Listener.**"};
  EXPECT_TRUE(Coverage{kTree}.walk(load("address: {pipe: {path: /x}}")).empty());
}

TEST(Coverage, NeglectedSecurityIsRefused) {
  constexpr std::string_view kFilters[] = {"envoy.config.listener.v3.Listener.filter_chains",
                                           "envoy.config.listener.v3.FilterChain.filters",
                                           "envoy.config.listener.v3.Filter.*"};
  auto listener = load(R"(
filter_chains:
- filters:
  - name: rbac
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC
      stat_prefix: x
  transport_socket:
    name: tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
)");
  auto report = Coverage{kFilters}.walk(listener);
  EXPECT_THAT(report.ignored, IsEmpty());
  EXPECT_THAT(paths(report.refused),
              ElementsAre("filter_chains[0].filters[0].typed_config.stat_prefix "
                          "(envoy.extensions.filters.network.rbac.v3.RBAC.stat_prefix)",
                          "filter_chains[0].transport_socket "
                          "(envoy.config.listener.v3.FilterChain.transport_socket)"))
      << "a socket that holds a TLS context counts, though its own field does not";

  auto lenient = Coverage({kFilters}, {}).walk(listener);
  EXPECT_EQ(lenient.ignored.size(), 2u);
  EXPECT_THAT(lenient.refused, IsEmpty());
}

TEST(Coverage, TypedStructsAreUnwrapped) {
  auto listener = load(R"(
filter_chains:
- filters:
  - name: tcp
    typed_config:
      "@type": type.googleapis.com/udpa.type.v1.TypedStruct
      type_url: type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
      value: {stat_prefix: x, cluster: c}
)");
  Coverage coverage{kListener, kTcp};
  EXPECT_THAT(paths(coverage.walk(listener).ignored),
              ElementsAre("filter_chains[0].filters[0].typed_config.value.cluster "
                          "(envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.cluster)"));
}

TEST(Coverage, MapsAndUnknownTypesAndFields) {
  envoy::config::cluster::v3::Cluster cluster;
  auto& options = *cluster.mutable_typed_extension_protocol_options();
  options["some.key"].set_type_url("type.googleapis.com/no.Such");
  cluster.GetReflection()->MutableUnknownFields(&cluster)->AddVarint(9999, 1);
  constexpr std::string_view kCluster[] = {
      "envoy.config.cluster.v3.Cluster.typed_extension_protocol_options"};
  EXPECT_THAT(paths(Coverage{kCluster}.walk(cluster, FieldPath("c")).ignored),
              ElementsAre("c (envoy.config.cluster.v3.Cluster.#9999)",
                          "c.typed_extension_protocol_options[\"some.key\"] "
                          "(type.googleapis.com/no.Such)"));
}

TEST(Coverage, MisspeltClaimsAreFound) {
  constexpr std::string_view kWrong[] = {"envoy.config.listener.v3.Listener.nmae", "no.Such.*",
                                         "no.Other.**"};
  EXPECT_THAT(Coverage{kWrong}.unknownEntries(),
              ElementsAre("envoy.config.listener.v3.Listener.nmae", "no.Other.**", "no.Such.*"));
}

} // namespace
} // namespace moe::config
