#include "upstream/endpoints.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "base/strings.h"

namespace moe::upstream {

using config::fieldError;
using config::FieldPath;

absl::StatusOr<std::vector<EndpointSpec>>
readEndpoints(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
              const FieldPath& path) {
  std::vector<EndpointSpec> out;
  for (int l = 0; l < assignment.endpoints_size(); ++l) {
    const auto& locality = assignment.endpoints(l);
    const FieldPath localityPath = path.field("endpoints").index(static_cast<size_t>(l));
    if (locality.priority() > 128) {
      return fieldError(localityPath.field("priority"), base::cat(locality.priority()), "0 to 128");
    }
    const auto shared = locality.has_locality()
                            ? std::make_shared<const Host::Locality>(locality.locality())
                            : nullptr;
    for (int e = 0; e < locality.lb_endpoints_size(); ++e) {
      const auto& endpoint = locality.lb_endpoints(e);
      EndpointSpec spec;
      spec.path = localityPath.field("lb_endpoints")
                      .index(static_cast<size_t>(e))
                      .field("endpoint")
                      .field("address");
      const auto& address = endpoint.endpoint().address();
      if (address.has_socket_address()) {
        spec.address = address.socket_address().address();
        spec.port = address.socket_address().port_value();
        spec.path = spec.path.field("socket_address");
        if (spec.port == 0 || spec.port > 65535) {
          return fieldError(spec.path.field("port_value"), base::cat(spec.port), "1 to 65535");
        }
      } else if (address.has_pipe()) {
        spec.address = address.pipe().path();
        spec.pipe = true;
      } else {
        return fieldError(spec.path, "neither", "socket_address or pipe");
      }
      spec.hostname = endpoint.endpoint().hostname();
      if (endpoint.has_load_balancing_weight()) {
        spec.description.weight = endpoint.load_balancing_weight().value();
      }
      spec.description.priority = locality.priority();
      spec.description.localityWeight = locality.load_balancing_weight().value();
      spec.description.locality = shared;
      if (endpoint.has_metadata()) {
        spec.description.metadata = std::make_shared<const Host::Metadata>(endpoint.metadata());
      }
      switch (endpoint.health_status()) {
      case envoy::config::core::v3::UNHEALTHY:
      case envoy::config::core::v3::DRAINING:
      case envoy::config::core::v3::TIMEOUT:
        spec.description.healthy = false;
        break;
      default:
        break;
      }
      out.push_back(std::move(spec));
    }
  }
  return out;
}

absl::StatusOr<AssignmentPolicy>
readPolicy(const envoy::config::endpoint::v3::ClusterLoadAssignment& assignment,
           const FieldPath& path) {
  AssignmentPolicy out;
  const auto& policy = assignment.policy();
  const FieldPath at = path.field("policy");
  if (policy.has_overprovisioning_factor()) {
    out.overprovisioningPercent = policy.overprovisioning_factor().value();
  }
  double kept = 1; // each category drops its share of what the ones before have left
  for (int i = 0; i < policy.drop_overloads_size(); ++i) {
    const auto share = config::toFraction(
        policy.drop_overloads(i).drop_percentage(),
        at.field("drop_overloads").index(static_cast<size_t>(i)).field("drop_percentage"));
    if (!share.ok()) {
      return share.status();
    }
    kept *= 1 - static_cast<double>(share->perMillion()) / 1'000'000;
  }
  out.drop = config::Fraction(static_cast<uint32_t>(std::lround((1 - kept) * 1'000'000)));
  return out;
}

HostPtr makeHost(const EndpointSpec& spec, net::AddressPtr address) {
  return std::make_shared<const Host>(
      std::make_shared<const HostState>(std::move(address), spec.hostname), spec.description);
}

namespace {

// The best of what is known at an address: the same host, else one whose state goes on.
HostPtr successor(std::vector<HostPtr>& known, const HostPtr& host) {
  auto found = known.end();
  for (auto at = known.begin(); at != known.end(); ++at) {
    if ((*at)->hostname() != host->hostname()) {
      continue;
    }
    const bool same = (*at)->description() == host->description();
    if (same || found == known.end()) {
      found = at;
    }
    if (same) {
      break;
    }
  }
  if (found == known.end()) {
    return host;
  }
  HostPtr before = std::move(*found);
  known.erase(found); // two equal hosts stay two
  return before->description() == host->description()
             ? before
             : std::make_shared<const Host>(before->state(), host->description());
}

} // namespace

HostSetPtr makeHostSet(std::vector<HostPtr> hosts, const HostSet* old,
                       const AssignmentPolicy& policy) {
  auto set = std::make_shared<HostSet>();
  set->version = old == nullptr ? 1 : old->version + 1;
  set->policy = policy;
  // Several hosts may have one address: two names may resolve to it.
  base::StringMap<std::vector<HostPtr>> known;
  if (old != nullptr) {
    for (const auto& priority : old->priorities) {
      for (const HostPtr& host : priority.hosts) {
        known[host->address()->asString()].push_back(host);
      }
    }
  }
  for (HostPtr& host : hosts) {
    if (const auto at = known.find(host->address()->asString()); at != known.end()) {
      host = successor(at->second, host);
    }
    while (set->priorities.size() <= host->priority()) {
      set->priorities.emplace_back();
    }
    HostSet::Priority& priority = set->priorities[host->priority()];
    priority.hosts.push_back(host);
    if (host->healthy()) {
      priority.healthy.push_back(host);
    }
  }
  return set;
}

std::vector<HostStatePtr> hostsGone(const HostSet& old, const HostSet& now) {
  absl::flat_hash_set<const HostState*> present;
  for (const auto& priority : now.priorities) {
    for (const HostPtr& host : priority.hosts) {
      present.insert(host->state().get());
    }
  }
  std::vector<HostStatePtr> gone;
  for (const auto& priority : old.priorities) {
    for (const HostPtr& host : priority.hosts) {
      if (!present.contains(host->state().get())) {
        gone.push_back(host->state());
      }
    }
  }
  return gone;
}

} // namespace moe::upstream
