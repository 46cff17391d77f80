#include "upstream/worker_clusters.h"

#include "upstream/balancers.h"
#include "upstream/http_pool.h"
#include "upstream/original_dst.h"

namespace moe::upstream {

class WorkerClustersImpl::Cluster final : public WorkerCluster {
public:
  Cluster(WorkerClustersImpl& owner, ClusterInfoPtr info) : owner_(owner), info_(std::move(info)) {
    if (info_->settings().originalDst.has_value()) {
      originalDst_ = std::make_unique<OriginalDstHosts>(
          owner_.worker_, info_, [this](const Host& host) { return dropUnused(host); });
    }
  }

  const ClusterInfo& info() const override { return *info_; }
  const ClusterInfoPtr& infoPtr() const override { return info_; }

  HostPtr chooseHost(const LoadBalancerContext& context) override {
    const config::Fraction drop = hosts_->policy.drop;
    dropped_ = !drop.never() && context.mayDrop && drop.covers(owner_.worker_.random.next());
    if (dropped_) {
      info_->stats().rqDropOverload.inc();
      return nullptr;
    }
    HostPtr host =
        originalDst_ != nullptr ? originalDst_->choose(context) : balancer().chooseHost(context);
    if (host == nullptr) {
      info_->stats().cxNoneHealthy.inc();
    }
    return host;
  }

  bool dropped() const override { return dropped_; }

  HttpPool& httpPool(const HostPtr& host, http::Protocol downstream) override {
    const PoolProtocol protocol = info_->protocolFor(downstream);
    Pools& pools = poolsOf(host);
    // By ALPN, one pool has connections of both kinds.
    std::unique_ptr<HttpPool>& pool = protocol == PoolProtocol::Http2 ? pools.http2 : pools.http1;
    if (pool == nullptr) {
      pool = createHttpPool({owner_.worker_, owner_.headers_}, info_, host, protocol);
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
    auto connection = net::Connection::connect(
        owner_.worker_, host->address(), info_->settings().sourceAddress,
        info_->createTransport(owner_.worker_.index, *host, {}, sessionsOf(host)));
    connection->setBufferLimit(info_->settings().bufferLimit);
    connection->setStats({&stats.cxRxBytes, &stats.cxTxBytes});
    connection->setNoDelay(true);
    return connection;
  }

  void update(HostSetPtr hosts, const std::vector<HostStatePtr>& gone) {
    hosts_ = std::move(hosts);
    balancer_ = nullptr;
    for (const HostStatePtr& state : gone) {
      if (const auto found = pools_.find(state); found != pools_.end()) {
        Pools pools = std::move(found->second);
        pools_.erase(found);
        finish(pools);
      }
    }
  }

  void finishAll() {
    auto pools = std::move(pools_);
    pools_.clear();
    for (auto& [state, each] : pools) {
      finish(each);
    }
  }

private:
  struct Pools {
    HostPtr host;                                     // as it was last described
    std::shared_ptr<tls::ClientSessions> tcpSessions; // null without TLS
    std::unique_ptr<HttpPool> http1;                  // made when first asked for
    std::unique_ptr<HttpPool> http2;
  };
  Pools& poolsOf(const HostPtr& host) {
    Pools& pools = pools_[host->state()];
    if (pools.host != host) {
      // A new description may ask for another transport: nothing goes by the old one any more.
      if (pools.host != nullptr && info_->settings().transports != nullptr &&
          info_->settings().transports->differ(*pools.host, *host)) {
        finish(pools);
        pools.tcpSessions = nullptr;
      }
      pools.host = host;
    }
    return pools;
  }
  std::shared_ptr<tls::ClientSessions> sessionsOf(const HostPtr& host) {
    if (info_->settings().transports == nullptr) {
      return nullptr;
    }
    std::shared_ptr<tls::ClientSessions>& sessions = poolsOf(host).tcpSessions;
    if (sessions == nullptr) {
      sessions = std::make_shared<tls::ClientSessions>();
    }
    return sessions;
  }
  LoadBalancer& balancer() {
    if (balancer_ == nullptr) {
      balancer_ = createBalancer(*info_, hosts_, owner_.worker_.random);
    }
    return *balancer_;
  }
  // Nothing is connected to it: its pools go.
  bool dropUnused(const Host& host) {
    if (host.counts().cxActive.load(std::memory_order_relaxed) != 0) {
      return false;
    }
    if (const auto found = pools_.find(host.state()); found != pools_.end()) {
      Pools pools = std::move(found->second);
      pools_.erase(found);
      finish(pools);
    }
    return true;
  }
  void finish(Pools& pools) {
    owner_.finish(std::move(pools.http1));
    owner_.finish(std::move(pools.http2));
  }

  WorkerClustersImpl& owner_;
  ClusterInfoPtr info_;
  HostSetPtr hosts_;
  bool dropped_ = false;
  LoadBalancerPtr balancer_; // null: to be made for hosts_
  absl::flat_hash_map<HostStatePtr, Pools> pools_;
  std::unique_ptr<OriginalDstHosts> originalDst_; // null: another type of cluster
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

void WorkerClustersImpl::update(const ClusterInfoPtr& info, HostSetPtr hosts,
                                const std::vector<HostStatePtr>& gone) {
  auto& cluster = clusters_[info->name()];
  if (cluster == nullptr || &cluster->info() != info.get()) {
    if (cluster != nullptr) {
      cluster->finishAll();
    }
    cluster = std::make_unique<Cluster>(*this, info);
  }
  cluster->update(std::move(hosts), gone);
}

void WorkerClustersImpl::remove(std::string_view name) {
  if (const auto found = clusters_.find(name); found != clusters_.end()) {
    found->second->finishAll();
    clusters_.erase(found);
  }
}

void WorkerClustersImpl::finish(std::unique_ptr<HttpPool> pool) {
  if (pool == nullptr) {
    return;
  }
  HttpPool* const key = pool.get();
  finishing_.emplace(key, std::move(pool));
  key->finish([this, key] {
    const auto found = finishing_.find(key);
    worker_.loop.deferredDelete(std::move(found->second));
    finishing_.erase(found);
  });
}

} // namespace moe::upstream
