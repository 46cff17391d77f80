#pragma once

#include <memory>

#include "absl/container/flat_hash_set.h"
#include "base/strings.h"
#include "upstream/cluster_manager.h"

namespace moe::upstream {

// The clusters of one worker; changed only by closures that the main thread posts.
class WorkerClustersImpl final : public WorkerClusters {
public:
  WorkerClustersImpl(event::Worker& worker, http::HeaderMapPool& headers);
  ~WorkerClustersImpl() override;

  WorkerCluster* find(std::string_view name) override;

  // New hosts of a cluster, or a new cluster.
  void update(const ClusterInfoPtr& info, HostSetPtr hosts);
  void remove(std::string_view name);

private:
  class Cluster;
  event::Worker& worker_;
  http::HeaderMapPool& headers_;
  base::StringMap<std::unique_ptr<Cluster>> clusters_;
};

} // namespace moe::upstream
