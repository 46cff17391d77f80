#include "upstream/worker_clusters.h"

#include "upstream/balancers.h"
#include "upstream/http_pool.h"

namespace moe::upstream {

class WorkerClustersImpl::Cluster final : public WorkerCluster {
public:
  Cluster(event::Worker& worker, http::HeaderMapPool& headers, ClusterInfoPtr info)
      : worker_(worker), headers_(headers), info_(std::move(info)) {}

  const ClusterInfo& info() const override { return *info_; }
  const ClusterInfoPtr& infoPtr() const override { return info_; }

  HostPtr chooseHost(const LoadBalancerContext& context) override {
    HostPtr host = balancer_->chooseHost(context);
    if (host == nullptr) {
      info_->stats().cxNoneHealthy.inc();
    }
    return host;
  }

  HttpPool& httpPool(const HostPtr& host, http::Protocol downstream) override {
    const http::Protocol protocol = info_->protocolFor(downstream);
    Entry& entry = pools_[host.get()];
    std::unique_ptr<HttpPool>& pool = protocol == http::Protocol::Http2 ? entry.http2 : entry.http1;
    if (pool == nullptr) {
      entry.host = host;
      pool = createHttpPool({worker_, headers_}, info_, host, protocol);
    }
    return *pool;
  }

  std::unique_ptr<net::Connection> connectTcp(const HostPtr& host) override {
    ClusterStats& stats = info_->stats();
    if (!info_->breakers().connections.tryTake()) {
      stats.cxOverflow.inc();
      return nullptr;
    }
    stats.cxTotal.inc();
    stats.cxActive.inc();
    host->counts().cxTotal.fetch_add(1, std::memory_order_relaxed);
    host->counts().cxActive.fetch_add(1, std::memory_order_relaxed);
    auto connection = net::Connection::connect(worker_, host->address(), nullptr);
    connection->setBufferLimit(info_->settings().bufferLimit);
    connection->setStats({&stats.cxRxBytes, &stats.cxTxBytes});
    connection->setNoDelay(true);
    return connection;
  }

  void update(HostSetPtr hosts) {
    hosts_ = std::move(hosts);
    balancer_ = createBalancer(*info_, hosts_, worker_.random);
    absl::flat_hash_set<const Host*> present;
    for (const auto& priority : hosts_->priorities) {
      for (const HostPtr& host : priority.hosts) {
        present.insert(host.get());
      }
    }
    for (auto it = pools_.begin(); it != pools_.end();) {
      if (!present.contains(it->first)) {
        if (it->second.drain()) {
          // Not under the feet of a pool that may be calling.
          worker_.loop.post([entry = std::make_shared<Entry>(std::move(it->second))] {});
          pools_.erase(it++);
          continue;
        }
      }
      ++it;
    }
  }

private:
  struct Entry {
    HostPtr host;
    std::unique_ptr<HttpPool> http1; // made when first asked for
    std::unique_ptr<HttpPool> http2;
    // True: nothing is left to end.
    bool drain() {
      bool idle = true;
      for (HttpPool* pool : {http1.get(), http2.get()}) {
        if (pool != nullptr) {
          pool->drain();
          idle = idle && pool->idle();
        }
      }
      return idle;
    }
  };
  event::Worker& worker_;
  http::HeaderMapPool& headers_;
  ClusterInfoPtr info_;
  HostSetPtr hosts_;
  LoadBalancerPtr balancer_;
  absl::flat_hash_map<const Host*, Entry> pools_;
};

void releaseTcp(const ClusterInfo& info, const Host& host) {
  info.stats().cxActive.dec();
  info.stats().cxDestroy.inc();
  info.breakers().connections.release();
  host.counts().cxActive.fetch_sub(1, std::memory_order_relaxed);
}

WorkerClustersImpl::WorkerClustersImpl(event::Worker& worker, http::HeaderMapPool& headers)
    : worker_(worker), headers_(headers) {}
WorkerClustersImpl::~WorkerClustersImpl() = default;

WorkerCluster* WorkerClustersImpl::find(std::string_view name) {
  const auto found = clusters_.find(name);
  return found == clusters_.end() ? nullptr : found->second.get();
}

void WorkerClustersImpl::update(const ClusterInfoPtr& info, HostSetPtr hosts) {
  auto& cluster = clusters_[info->name()];
  if (cluster == nullptr || &cluster->info() != info.get()) {
    cluster = std::make_unique<Cluster>(worker_, headers_, info);
  }
  cluster->update(std::move(hosts));
}

void WorkerClustersImpl::remove(std::string_view name) {
  if (const auto found = clusters_.find(name); found != clusters_.end()) {
    clusters_.erase(found);
  }
}

} // namespace moe::upstream
