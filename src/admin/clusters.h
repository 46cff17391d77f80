#pragma once

#include <set>
#include <string>

#include "admin/context.h"
#include "envoy/admin/v3/clusters.pb.h"

namespace moe::admin {

// Envoy's /clusters: "cluster::endpoint::name::value" lines. Main thread.
std::string clustersText(const Context& context);
// The same for ?format=json.
envoy::admin::v3::Clusters clustersProto(const Context& context);

// The clusters of the bootstrap; the others came from a control plane.
std::set<std::string> staticClusters(const Context& context);

} // namespace moe::admin
