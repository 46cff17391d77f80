// Small extracts in the shape of what Istio's agent renders and its control plane sends.
#include <envoy/config/bootstrap/v3/bootstrap.pb.h>
#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "config/coverage.h"
#include "config/load.h"
#include "config/typed_config.h"
#include "config/validate.h"

namespace moe::config {
namespace {

using envoy::config::bootstrap::v3::Bootstrap;
using envoy::config::listener::v3::Listener;
using HttpConnectionManager =
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

constexpr const char* kBootstrap = R"json({
	"node": {
		"id": "sidecar~10.0.0.1~app.default~default.svc.cluster.local",
		"cluster": "app.default",
		"locality": {},
		"metadata": {"NAMESPACE": "default", "PROXY_CONFIG": {"drainDuration": "45s",
		  "concurrency": 2, "flags": [true, null, 1.5, "caf\u00e9 \ud83d\ude00"]}}
	},
	"layered_runtime": {"layers": [
		{"name": "deprecation", "static_layer": {"re2.max_program_size.error_level": "32768"}},
		{"name": "admin", "admin_layer": {}}]},
	"stats_config": {"use_all_default_tags": false,
		"stats_tags": [{"tag_name": "cluster_name", "regex": "^cluster\\.((.+?(\\..+?\\.svc)?)\\.)"}],
		"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": "reporter="}]}}},
	"admin": {"access_log": [{"name": "f", "typed_config": {
		"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
		"path": "/dev/null"}}], "profile_path": "/var/lib/envoy.prof",
		"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}},
	"dynamic_resources": {"lds_config": {"ads": {}, "initial_fetch_timeout": "0s",
		"resource_api_version": "V3"},
		"ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3",
			"grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}]}},
	"static_resources": {"clusters": [{
		"name": "xds-grpc", "type": "STATIC", "connect_timeout": "1s",
		"typed_extension_protocol_options": {
			"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
				"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
				"explicit_http_config": {"http2_protocol_options": {}}}},
		"circuit_breakers": {"thresholds": [{"priority": "DEFAULT", "max_connections": 100000}]},
		"upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 300}},
		"max_requests_per_connection": 1,
		"load_assignment": {"cluster_name": "xds-grpc", "endpoints": [{"lb_endpoints": [
			{"endpoint": {"address": {"pipe": {"path": "./etc/istio/proxy/XDS"}}}}]}]}}]}
})json";

constexpr const char* kListener = R"json({
  "name": "virtualInbound",
  "address": {"socketAddress": {"address": "0.0.0.0", "portValue": 15006}},
  "filterChains": [{
    "filterChainMatch": {"destinationPort": 8080, "transportProtocol": "tls",
                         "applicationProtocols": ["istio", "h2"],
                         "prefixRanges": [{"addressPrefix": "0.0.0.0", "prefixLen": 0}]},
    "filters": [{
      "name": "envoy.filters.network.http_connection_manager",
      "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "statPrefix": "inbound_0.0.0.0_8080;",
        "routeConfig": {"name": "inbound|8080||", "virtualHosts": [{
          "name": "inbound|http|8080", "domains": ["*"],
          "routes": [{"name": "default", "match": {"prefix": "/"},
            "route": {"cluster": "inbound|8080||", "timeout": "0s",
                      "maxStreamDuration": {"maxStreamDuration": "0s"}},
            "decorator": {"operation": "app:80/*"}}]}], "validateClusters": false},
        "httpFilters": [
          {"name": "istio.metadata_exchange", "typedConfig": {
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "typeUrl": "type.googleapis.com/io.istio.http.peer_metadata.Config",
            "value": {"upstream_discovery": [{"istio_headers": {}}]}}},
          {"name": "envoy.filters.http.fault", "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"}},
          {"name": "envoy.filters.http.router", "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "tracing": {"clientSampling": {"value": 100}, "randomSampling": {"value": 1}},
        "serverName": "istio-envoy", "useRemoteAddress": false,
        "forwardClientCertDetails": "APPEND_FORWARD",
        "setCurrentClientCertDetails": {"subject": true, "dns": true, "uri": true},
        "pathWithEscapedSlashesAction": "KEEP_UNCHANGED"}}],
    "transportSocket": {"name": "envoy.transport_sockets.tls", "typedConfig": {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      "commonTlsContext": {"alpnProtocols": ["h2", "http/1.1"], "tlsCertificateSdsSecretConfigs": [
        {"name": "default", "sdsConfig": {"apiConfigSource": {"apiType": "GRPC",
          "transportApiVersion": "V3", "grpcServices": [{"envoyGrpc": {"clusterName": "sds-grpc"}}]},
          "initialFetchTimeout": "0s", "resourceApiVersion": "V3"}}]},
      "requireClientCertificate": true}}
  }],
  "listenerFilters": [{"name": "envoy.filters.listener.original_dst", "typedConfig": {
    "@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"}}],
  "listenerFiltersTimeout": "0s", "continueOnListenerFiltersTimeout": true,
  "trafficDirection": "INBOUND", "bindToPort": false})json";

/// The same text through protobuf's own JSON reader must give the same message.
template <class M> void expectAsProtobufReadsIt(const char* text) {
  M ours, theirs;
  auto status = loadText("t.json", text, ours);
  ASSERT_TRUE(status.ok()) << status;
  auto reference = google::protobuf::util::JsonStringToMessage(text, &theirs);
  ASSERT_TRUE(reference.ok()) << reference.ToString();
  google::protobuf::util::MessageDifferencer differencer;
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(theirs, ours)) << difference;
  EXPECT_TRUE(validate(ours).ok()) << validate(ours);
}

TEST(Istio, BootstrapReadsAsProtobufReadsIt) { expectAsProtobufReadsIt<Bootstrap>(kBootstrap); }
TEST(Istio, ListenerReadsAsProtobufReadsIt) { expectAsProtobufReadsIt<Listener>(kListener); }

TEST(Istio, YamlReaderAgreesWithJsonReader) {
  Listener json, yaml;
  ASSERT_TRUE(loadText("t.json", kListener, json).ok());
  // A comment makes it YAML only.
  ASSERT_TRUE(loadText("t.yaml", std::string("# flow style\n") + kListener, yaml).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(json, yaml));
}

TEST(Istio, ConfigYamlGoesOverTheBootstrap) {
  Bootstrap bootstrap;
  LocationMap places;
  ASSERT_TRUE(loadText("bootstrap.json", kBootstrap, bootstrap, &places).ok());
  ASSERT_TRUE(mergeText("--config-yaml", R"({"admin": {"address": {"socket_address":
      {"address": "127.0.0.1", "port_value": 15009}}}})",
                        bootstrap, &places)
                  .ok());
  EXPECT_EQ(bootstrap.admin().address().socket_address().port_value(), 15009u);
  EXPECT_EQ(bootstrap.static_resources().clusters(0).name(), "xds-grpc");
  EXPECT_EQ(places.find("admin.address.socket_address.port_value")->str(), "--config-yaml:2:46");
  EXPECT_EQ(places.find("static_resources.clusters[0].name")->line, 24);
}

TEST(Istio, PeerMetadataIsKeptAsTypedStruct) {
  Listener listener;
  ASSERT_TRUE(loadText("t.json", kListener, listener).ok());
  auto manager =
      unpackTo<HttpConnectionManager>(listener.filter_chains(0).filters(0).typed_config());
  ASSERT_TRUE(manager.ok()) << manager.status();
  auto inner = unpack(manager->http_filters(0).typed_config(), FieldPath("http_filters").index(0));
  ASSERT_TRUE(inner.ok()) << inner.status();
  EXPECT_EQ(inner->typeName, "io.istio.http.peer_metadata.Config");
  EXPECT_EQ(inner->path.str(), "http_filters[0].value");
}

TEST(Istio, TlsThatNobodyActsOnIsRefused) {
  Listener listener;
  ASSERT_TRUE(loadText("t.json", kListener, listener).ok());
  constexpr std::string_view kChains[] = {"envoy.config.listener.v3.Listener.*",
                                          "envoy.config.listener.v3.FilterChain.*",
                                          "envoy.config.core.v3.TransportSocket.*"};
  auto report = Coverage{kChains}.walk(listener);
  std::vector<std::string> refused;
  for (const auto& field : report.refused)
    refused.push_back(field.path.str());
  EXPECT_THAT(refused,
              ::testing::ElementsAre(
                  "filter_chains[0].transport_socket.typed_config.common_tls_context",
                  "filter_chains[0].transport_socket.typed_config.require_client_certificate"));
}

} // namespace
} // namespace moe::config
