#pragma once

#include "config/resource_source.h"
#include "upstream/main_cluster.h"

namespace moe::upstream {

// Where the endpoints of EDS clusters come from.
using EndpointSource = config::ResourceSource<envoy::config::endpoint::v3::ClusterLoadAssignment>;

// EDS: hosts come from `source`, by eds_cluster_config. Ready after the first answer, or none.
std::unique_ptr<MainCluster> createEdsCluster(ClusterInfoPtr info, HostSetPtr before,
                                              EndpointSource& source, event::Loop& loop,
                                              config::FieldPath path, MainCluster::Events& events);

} // namespace moe::upstream
