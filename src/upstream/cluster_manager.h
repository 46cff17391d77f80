#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "config/resource_source.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "event/worker.h"
#include "http/codec.h"
#include "stats/stats.h"
#include "upstream/cluster_info.h"
#include "upstream/load_balancer.h"
#include "upstream/pool.h"

namespace moe::upstream {

// One cluster as one worker sees it: its balancer and its pools. Found anew for every request;
// stays valid during one callback on the worker's loop.
class WorkerCluster {
public:
  virtual ~WorkerCluster() = default;
  virtual const ClusterInfo& info() const = 0;
  // Kept alive by requests that use it after the cluster has gone.
  virtual const ClusterInfoPtr& infoPtr() const = 0;
  // Null: no host fits, or dropped() says why.
  virtual HostPtr chooseHost(const LoadBalancerContext& context) = 0;
  // The last chooseHost() gave none because of drop_overloads.
  virtual bool dropped() const = 0;
  // `downstream`: what the request came in, for clusters that speak the same upstream.
  virtual HttpPool& httpPool(const HostPtr& host, http::Protocol downstream) = 0;
  // A new TCP connection, counted and limited (max_connections); null when over the limit. The
  // caller keeps the connect timeout, and calls releaseTcp when the connection has ended.
  virtual std::unique_ptr<net::Connection> connectTcp(const HostPtr& host) = 0;
};

// Gives back what connectTcp took.
void releaseTcp(const ClusterInfo& info, const Host& host);

// All clusters of one worker. On the worker's thread.
class WorkerClusters {
public:
  virtual ~WorkerClusters() = default;
  // Null: no such cluster. No lock; one hash look-up.
  virtual WorkerCluster* find(std::string_view name) = 0;
};

// Owns the clusters on the main thread: builds them from configuration, finds their hosts, and
// posts snapshots to the workers. A cluster serves once its hosts are known, or known not to come;
// until then, so does the one that it replaces.
class ClusterManager {
public:
  virtual ~ClusterManager() = default;

  // Adds static_resources.clusters; errors name the field.
  virtual absl::Status addClusters(const envoy::config::bootstrap::v3::Bootstrap& bootstrap) = 0;
  // One cluster more or anew (xDS), with the path that errors name.
  virtual absl::Status addOrUpdate(const envoy::config::cluster::v3::Cluster& cluster,
                                   std::string_view path) = 0;
  virtual bool remove(std::string_view name) = 0;
  virtual bool has(std::string_view name) const = 0;

  // Makes the part that lives on a worker. Called on the main thread before the worker runs; the
  // result is used on the worker's thread, and destroyed there or after its thread has ended.
  virtual std::unique_ptr<WorkerClusters> createWorkerClusters(event::Worker& worker,
                                                               http::HeaderMapPool& headers) = 0;
  // Calls once when the clusters that are found by DNS have had their first resolution, or its
  // failure: a control plane may be one of them. Others may wait for what it brings.
  virtual void onResolved(std::function<void()> callback) = 0;
  // Calls once when every cluster that is there serves; main thread.
  virtual void onInitialized(std::function<void()> callback) = 0;
  // For the admin interface: every cluster with its hosts now; main thread.
  virtual void forEach(const std::function<void(const ClusterInfo&, const HostSet&)>& f) const = 0;
  // The same of those that do not serve yet, whether or not one of their name does.
  virtual void
  forEachWarming(const std::function<void(const ClusterInfo&, const HostSet&)>& f) const = 0;
  // The one that serves under this name, or warms if none does. False: there is none.
  virtual bool visit(std::string_view name,
                     const std::function<void(const ClusterInfo&, const HostSet&)>& f) const = 0;
};

struct ClusterManagerOptions {
  event::Loop& mainLoop;
  stats::Store& stats;
  base::LoggerPtr logger;
  std::vector<std::string> dnsServers; // "address:port"; empty: the system's
  config::ResourceSource<envoy::config::endpoint::v3::ClusterLoadAssignment>* endpoints =
      nullptr;                           // for EDS; outlives the manager. Null: EDS is refused
  tls::TransportCompiler* tls = nullptr; // outlives the manager; null: TLS is an error
};
std::unique_ptr<ClusterManager> createClusterManager(ClusterManagerOptions options);

} // namespace moe::upstream
