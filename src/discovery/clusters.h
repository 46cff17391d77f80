#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "discovery/whole.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "upstream/cluster_manager.h"

namespace moe::discovery {

// The clusters that CDS brings. Those of the bootstrap stay as they are, as in Envoy. Main thread.
class Clusters final : public Collection<envoy::config::cluster::v3::Cluster> {
public:
  Clusters(upstream::ClusterManager& manager,
           const envoy::config::bootstrap::v3::Bootstrap& bootstrap, base::LoggerPtr logger);

  absl::Status set(const envoy::config::cluster::v3::Cluster& cluster,
                   std::string_view version) override;
  void remove(std::string_view name) override;
  bool isStatic(std::string_view name) const { return static_.contains(name); }

private:
  upstream::ClusterManager& manager_;
  std::set<std::string, std::less<>> static_;
  base::LoggerPtr logger_;
};

} // namespace moe::discovery
