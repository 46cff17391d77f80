#pragma once

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "upstream/cluster_info.h"
#include "upstream/host.h"

namespace moe::upstream {

// Checks a cluster and fills in Envoy's defaults. Errors carry the field path below `path`.
absl::StatusOr<ClusterSettings> readCluster(const envoy::config::cluster::v3::Cluster& proto,
                                            const config::FieldPath& path);

// One lb_endpoint before its name is resolved.
struct EndpointSpec {
  std::string address; // IP or, for DNS clusters, a host name; path of a pipe
  uint32_t port = 0;
  bool pipe = false;
  std::string hostname;
  uint32_t weight = 1;
  uint32_t priority = 0;
  bool healthy = true;
  envoy::config::core::v3::Locality locality;
  envoy::config::core::v3::Metadata metadata;
  config::FieldPath path;
};
absl::StatusOr<std::vector<EndpointSpec>>
readEndpoints(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
              const config::FieldPath& path);

HostPtr makeHost(const EndpointSpec& spec, net::AddressPtr address);

// Hosts by priority; those of `old` with the same description take the place of new ones, so that
// their pools and counts live on.
HostSetPtr makeHostSet(std::vector<HostPtr> hosts, const HostSet* old, uint32_t overprovisioning);

} // namespace moe::upstream
