#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/field_path.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "upstream/host.h"

namespace moe::upstream {

// One lb_endpoint before its name is resolved.
struct EndpointSpec {
  std::string address; // IP or, for DNS clusters, a host name; path of a pipe
  uint32_t port = 0;
  bool pipe = false;
  std::string hostname;
  Host::Description description;
  config::FieldPath path;
};
absl::StatusOr<std::vector<EndpointSpec>>
readEndpoints(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
              const config::FieldPath& path);

// policy: overprovisioning_factor and drop_overloads.
absl::StatusOr<AssignmentPolicy>
readPolicy(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
           const config::FieldPath& path);

HostPtr makeHost(const EndpointSpec& spec, net::AddressPtr address);

// Hosts by priority. Those of `old` with the same description take the place of new ones; of others
// with the same address and host name the state goes on, and with it their pools and counts.
HostSetPtr makeHostSet(std::vector<HostPtr> hosts, const HostSet* old,
                       const AssignmentPolicy& policy);
// What `old` had and `now` has not: connections to these may end.
std::vector<HostStatePtr> hostsGone(const HostSet& old, const HostSet& now);

} // namespace moe::upstream
