#pragma once

#include "base/random.h"
#include "upstream/cluster_info.h"
#include "upstream/load_balancer.h"

namespace moe::upstream {

// A balancer of the cluster's policy (ROUND_ROBIN, RANDOM, LEAST_REQUEST) over all hosts of the
// snapshot: priorities with spill-over (140 %), and all hosts of a priority when fewer than the
// panic threshold are healthy (Envoy's common_lb_config, default 50 %). `random` outlives it.
LoadBalancerPtr createPlainBalancer(const ClusterInfo& info, HostSetPtr hosts,
                                    base::Random& random);

// createPlainBalancer, split by lb_subset_config if the cluster has one.
LoadBalancerPtr createBalancer(const ClusterInfo& info, HostSetPtr hosts, base::Random& random);

} // namespace moe::upstream
