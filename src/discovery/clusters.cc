#include "discovery/clusters.h"

namespace moe::discovery {

Clusters::Clusters(upstream::ClusterManager& manager,
                   const envoy::config::bootstrap::v3::Bootstrap& bootstrap, base::LoggerPtr logger)
    : manager_(manager), logger_(std::move(logger)) {
  for (const auto& cluster : bootstrap.static_resources().clusters()) {
    static_.insert(cluster.name());
  }
}

absl::Status Clusters::set(const envoy::config::cluster::v3::Cluster& cluster,
                           std::string_view version) {
  if (isStatic(cluster.name())) {
    MOE_LOG(*logger_, warn, "cds: cluster \"{}\" is one of the bootstrap and stays as it is",
            cluster.name());
    return absl::OkStatus();
  }
  const bool known = manager_.has(cluster.name());
  absl::Status status = manager_.addOrUpdate(cluster, "");
  if (status.ok()) {
    MOE_LOG(*logger_, info, "cds: cluster \"{}\" {} (version \"{}\")", cluster.name(),
            known ? "changed" : "added", version);
  }
  return status;
}

void Clusters::remove(std::string_view name) {
  if (!isStatic(name) && manager_.remove(name)) {
    MOE_LOG(*logger_, info, "cds: cluster \"{}\" removed", name);
  }
}

} // namespace moe::discovery
