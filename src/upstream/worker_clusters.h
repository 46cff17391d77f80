#pragma once

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "base/strings.h"
#include "upstream/cluster_manager.h"

namespace moe::upstream {

// The clusters of one worker; changed only by closures that the main thread posts.
class WorkerClustersImpl final : public WorkerClusters {
public:
  WorkerClustersImpl(event::Worker& worker, http::HeaderMapPool& headers);
  ~WorkerClustersImpl() override;

  WorkerCluster* find(std::string_view name) override;

  // New hosts of a cluster, or a new cluster (another `info`), whose old connections finish.
  // `gone`: hosts that it had. Pointers are taken; balancers and pools are made when they are asked
  // for.
  void update(const ClusterInfoPtr& info, HostSetPtr hosts, const std::vector<HostStatePtr>& gone);
  void remove(std::string_view name);
  // Pools that only wait for their last requests.
  size_t finishing() const { return finishing_.size(); }

private:
  class Cluster;
  void finish(std::unique_ptr<HttpPool> pool);
  event::Worker& worker_;
  http::HeaderMapPool& headers_;
  absl::flat_hash_map<HttpPool*, std::unique_ptr<HttpPool>> finishing_;
  base::StringMap<std::unique_ptr<Cluster>> clusters_;
};

} // namespace moe::upstream
