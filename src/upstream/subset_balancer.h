#pragma once

#include "base/random.h"
#include "upstream/cluster_info.h"
#include "upstream/load_balancer.h"

namespace moe::upstream {

// Envoy's lb_subset_config: hosts are grouped by the values of each selector's metadata keys; a
// request whose criteria have exactly a selector's keys goes to the group of its values, or else by
// that selector's fallback policy, or else the cluster's.
LoadBalancerPtr createSubsetBalancer(const ClusterInfo& info, const HostSetPtr& hosts,
                                     base::Random& random);

} // namespace moe::upstream
