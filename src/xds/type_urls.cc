#include "xds/type_urls.h"

#include <iterator>

#include "base/strings.h"

namespace moe::xds {
namespace {

struct Service {
  std::string_view type;
  std::string_view service; // below envoy.service.
  std::string_view noun;
  bool stream = true; // has a method for the state of the world
};

// In the order of requests.
constexpr Service kServices[] = {
    {kRuntimeType, "runtime.v3.RuntimeDiscoveryService", "Runtime"},
    {kClusterType, "cluster.v3.ClusterDiscoveryService", "Clusters"},
    {kEndpointType, "endpoint.v3.EndpointDiscoveryService", "Endpoints"},
    {kLocalityEndpointType, "endpoint.v3.LocalityEndpointDiscoveryService", "LocalityEndpoints",
     false},
    {kListenerType, "listener.v3.ListenerDiscoveryService", "Listeners"},
    {kScopedRouteType, "route.v3.ScopedRoutesDiscoveryService", "ScopedRoutes"},
    {kRouteType, "route.v3.RouteDiscoveryService", "Routes"},
    {kVirtualHostType, "route.v3.VirtualHostDiscoveryService", "VirtualHosts", false},
    {kSecretType, "secret.v3.SecretDiscoveryService", "Secrets"},
    {kExtensionType, "extension.v3.ExtensionConfigDiscoveryService", "ExtensionConfigs"},
};

} // namespace

bool isWholeInEveryResponse(std::string_view typeUrl) {
  return typeUrl == kClusterType || typeUrl == kListenerType;
}

int requestRank(std::string_view typeUrl) {
  int rank = 0;
  for (const Service& service : kServices) {
    if (service.type == typeUrl) {
      return rank;
    }
    ++rank;
  }
  return rank;
}

std::string methodOf(std::string_view typeUrl, bool delta) {
  for (const Service& service : kServices) {
    if (service.type == typeUrl && (delta || service.stream)) {
      return base::cat("/envoy.service.", service.service, delta ? "/Delta" : "/Stream",
                       service.noun);
    }
  }
  return "";
}

std::string aggregatedMethod(bool delta) {
  return base::cat("/envoy.service.discovery.v3.AggregatedDiscoveryService/",
                   delta ? "Delta" : "Stream", "AggregatedResources");
}

} // namespace moe::xds
