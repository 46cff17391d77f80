#pragma once

#include <string>
#include <string_view>

namespace moe::xds {

// Type URLs of what xDS carries.
inline constexpr std::string_view kClusterType =
    "type.googleapis.com/envoy.config.cluster.v3.Cluster";
inline constexpr std::string_view kEndpointType =
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
inline constexpr std::string_view kLocalityEndpointType =
    "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint";
inline constexpr std::string_view kListenerType =
    "type.googleapis.com/envoy.config.listener.v3.Listener";
inline constexpr std::string_view kScopedRouteType =
    "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration";
inline constexpr std::string_view kRouteType =
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
inline constexpr std::string_view kVirtualHostType =
    "type.googleapis.com/envoy.config.route.v3.VirtualHost";
inline constexpr std::string_view kSecretType =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
inline constexpr std::string_view kExtensionType =
    "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
inline constexpr std::string_view kRuntimeType =
    "type.googleapis.com/envoy.service.runtime.v3.Runtime";
// The envelope that carries a name, aliases and a time to live (discovery.proto).
inline constexpr std::string_view kResourceType =
    "type.googleapis.com/envoy.service.discovery.v3.Resource";

// Clusters and listeners: in the state of the world, what a response lacks does not exist. A
// response of any other type may be a part of the whole.
bool isWholeInEveryResponse(std::string_view typeUrl);

// What is asked for first when a stream begins: 0 is first. Resources that others refer to come
// after those that refer to them, since these say which are wanted.
int requestRank(std::string_view typeUrl);

// Full name of the gRPC method that serves one type alone, such as
// "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners"; "" if there is none.
std::string methodOf(std::string_view typeUrl, bool delta);
// The method of aggregated discovery (ADS).
std::string aggregatedMethod(bool delta);

} // namespace moe::xds
