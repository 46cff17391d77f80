#include "upstream/cluster_manager.h"

#include <map>

#include "config/deterministic.h"
#include "event/endings.h"
#include "upstream/cluster_config.h"
#include "upstream/dns_cluster.h"
#include "upstream/eds_cluster.h"
#include "upstream/endpoints.h"
#include "upstream/worker_clusters.h"

namespace moe::upstream {
namespace {

using ClusterProto = envoy::config::cluster::v3::Cluster;
using config::FieldPath;

class ClusterManagerImpl final : public ClusterManager, private MainCluster::Events {
public:
  explicit ClusterManagerImpl(ClusterManagerOptions options) : options_(std::move(options)) {}
  ~ClusterManagerImpl() override {
    active_.clear();
    warming_.clear();
    endings_->runAll();
  }

  absl::Status addClusters(const envoy::config::bootstrap::v3::Bootstrap& bootstrap) override {
    const FieldPath path = FieldPath("static_resources").field("clusters");
    for (int i = 0; i < bootstrap.static_resources().clusters_size(); ++i) {
      const ClusterProto& cluster = bootstrap.static_resources().clusters(i);
      const FieldPath at = path.index(static_cast<size_t>(i));
      if (has(cluster.name())) {
        return config::fieldError(at.field("name"), base::cat("\"", cluster.name(), "\" again"),
                                  "a name that no other cluster has");
      }
      if (absl::Status status = addOrUpdate(cluster, at.str()); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status addOrUpdate(const ClusterProto& proto, std::string_view pathText) override {
    if (isThere(proto)) {
      return absl::OkStatus(); // written in another order, maybe
    }
    auto made = make(proto, FieldPath(pathText));
    if (!made.ok()) {
      return made.status();
    }
    // Until it is ready the one before serves, if there is one. Two that warm are one too many.
    auto& place = warming_[proto.name()];
    auto before = std::exchange(place, std::move(*made));
    const bool known = before != nullptr || active_.contains(proto.name());
    const absl::Status status = place->start();
    if (status.ok()) {
      (known ? modified_ : added_).inc();
    } else {
      before != nullptr ? void(warming_[proto.name()] = std::move(before))
                        : void(warming_.erase(proto.name()));
    }
    checkInitialized(); // the one before may have been what was waited for
    return status;
  }

  bool remove(std::string_view name) override {
    bool found = false;
    if (const auto warming = warming_.find(name); warming != warming_.end()) {
      warming_.erase(warming);
      found = true;
    }
    if (const auto active = active_.find(name); active != active_.end()) {
      for (const Slot& slot : slots_) {
        slot.loop->post(
            [clusters = slot.clusters, name = std::string(name)] { clusters->remove(name); });
      }
      active_.erase(active);
      found = true;
    }
    if (found) {
      removed_.inc();
    }
    checkInitialized(); // nobody waits for it any more
    return found;
  }

  bool has(std::string_view name) const override {
    return active_.contains(name) || warming_.contains(name);
  }

  std::unique_ptr<WorkerClusters> createWorkerClusters(event::Worker& worker,
                                                       http::HeaderMapPool& headers) override {
    auto clusters = std::make_unique<WorkerClustersImpl>(worker, headers);
    for (const auto& [name, cluster] : active_) {
      clusters->update(cluster->info(), cluster->hosts(), {});
    }
    slots_.push_back({&worker.loop, clusters.get()});
    return clusters;
  }

  void onResolved(std::function<void()> callback) override {
    resolved_ = std::move(callback);
    checkInitialized();
  }

  void onInitialized(std::function<void()> callback) override {
    initialized_ = std::move(callback);
    checkInitialized();
  }

  void forEach(const std::function<void(const ClusterInfo&, const HostSet&)>& f) const override {
    for (const auto& [name, cluster] : active_) {
      f(*cluster->info(), *cluster->hosts());
    }
  }

  void
  forEachWarming(const std::function<void(const ClusterInfo&, const HostSet&)>& f) const override {
    for (const auto& [name, cluster] : warming_) {
      f(*cluster->info(), *cluster->hosts());
    }
  }

  bool visit(std::string_view name,
             const std::function<void(const ClusterInfo&, const HostSet&)>& f) const override {
    for (const Clusters* clusters : {&active_, &warming_}) {
      if (const auto found = clusters->find(name); found != clusters->end()) {
        f(*found->second->info(), *found->second->hosts());
        return true;
      }
    }
    return false;
  }

private:
  struct Slot {
    event::Loop* loop;
    WorkerClustersImpl* clusters; // lives until its loop has ended
  };
  using Clusters = std::map<std::string, std::unique_ptr<MainCluster>, std::less<>>;

  absl::StatusOr<std::unique_ptr<MainCluster>> make(const ClusterProto& proto,
                                                    const FieldPath& path) {
    auto warming = std::make_unique<config::Warming>(); // for secrets
    auto made = make(proto, path, *warming);
    if (made.ok()) {
      (*made)->waitFor(std::move(warming));
    }
    return made;
  }

  absl::StatusOr<std::unique_ptr<MainCluster>>
  make(const ClusterProto& proto, const FieldPath& path, config::Warming& warming) {
    const stats::Scope scope =
        options_.stats.root().leasedChild("cluster", "envoy_cluster_name", proto.name());
    absl::StatusOr<ClusterSettings> settings;
    if (options_.tls == nullptr) {
      settings = readCluster(proto, path);
    } else {
      const ClusterTls tls{*options_.tls, {.scope = scope, .warming = &warming}};
      settings = readCluster(proto, path, &tls);
    }
    if (!settings.ok()) {
      return settings.status();
    }
    auto endpoints = readEndpoints(proto.load_assignment(), path.field("load_assignment"));
    if (!endpoints.ok()) {
      return endpoints.status();
    }
    auto policy = readPolicy(proto.load_assignment(), path.field("load_assignment"));
    if (!policy.ok()) {
      return policy.status();
    }
    auto info = endings_->keep(std::make_shared<const ClusterInfo>(std::move(*settings), scope));
    const auto active = active_.find(proto.name());
    HostSetPtr before =
        active == active_.end() || asksForOthers(active->second->info()->proto(), proto)
            ? nullptr
            : active->second->hosts();
    if (proto.type() == ClusterProto::STATIC || proto.type() == ClusterProto::ORIGINAL_DST) {
      return createStaticCluster(std::move(info), std::move(before), std::move(*endpoints), *policy,
                                 *this);
    }
    if (proto.type() == ClusterProto::EDS) {
      if (options_.endpoints == nullptr) {
        return config::fieldError(path.field("type"), "EDS",
                                  "STATIC or STRICT_DNS: there is no source of endpoints");
      }
      return createEdsCluster(std::move(info), std::move(before), *options_.endpoints,
                              options_.mainLoop, path, *this);
    }
    if (resolver_ == nullptr) {
      auto resolver = createDnsResolver(options_.mainLoop, options_.dnsServers);
      if (!resolver.ok()) {
        return config::underField(path, resolver.status());
      }
      resolver_ = std::move(*resolver);
    }
    return createDnsCluster(std::move(info), std::move(before), std::move(*endpoints), *policy,
                            *resolver_, options_.mainLoop, options_.logger, *this);
  }

  void onHosts(MainCluster& cluster, const std::vector<HostStatePtr>& gone) override {
    if (cluster.ready()) {
      publish(cluster, gone);
    }
  }

  void onReady(MainCluster& cluster) override {
    const auto found = warming_.find(cluster.name());
    auto& place = active_[cluster.name()];
    const auto before = std::exchange(place, std::move(found->second));
    warming_.erase(found);
    publish(cluster, {}); // the workers let its predecessor's connections finish
    checkInitialized();
  }

  void publish(MainCluster& cluster, const std::vector<HostStatePtr>& gone) {
    for (const Slot& slot : slots_) {
      slot.loop->post([clusters = slot.clusters, info = cluster.info(), hosts = cluster.hosts(),
                       gone]() mutable { clusters->update(info, std::move(hosts), gone); });
    }
  }

  // What would serve in the end is the same already.
  bool isThere(const ClusterProto& proto) const {
    for (const Clusters* clusters : {&warming_, &active_}) {
      if (const auto found = clusters->find(proto.name()); found != clusters->end()) {
        return config::deterministic(found->second->info()->proto()) ==
               config::deterministic(proto);
      }
    }
    return false;
  }

  // Endpoints of another name are none of this cluster's, even while it waits for its own.
  static bool asksForOthers(const ClusterProto& before, const ClusterProto& now) {
    const auto nameOf = [](const ClusterProto& proto) {
      const std::string& name = proto.eds_cluster_config().service_name();
      return name.empty() ? proto.name() : name;
    };
    return now.type() == ClusterProto::EDS &&
           (before.type() != ClusterProto::EDS || nameOf(before) != nameOf(now));
  }

  void onKnown(MainCluster& /*cluster*/) override { checkInitialized(); }

  // Its secrets may come from what starts when names are resolved.
  static bool awaitsDns(const MainCluster& cluster) {
    const auto type = cluster.info()->proto().type();
    return !cluster.known() &&
           (type == ClusterProto::STRICT_DNS || type == ClusterProto::LOGICAL_DNS);
  }

  void checkInitialized() {
    activeClusters_.set(static_cast<int64_t>(active_.size()));
    warmingClusters_.set(static_cast<int64_t>(warming_.size()));
    // Thousands warm at once: they are looked at only while somebody waits.
    if (resolved_ != nullptr &&
        std::none_of(warming_.begin(), warming_.end(),
                     [](const auto& entry) { return awaitsDns(*entry.second); })) {
      std::exchange(resolved_, nullptr)();
    }
    if (!warming_.empty()) {
      return;
    }
    if (auto callback = std::exchange(initialized_, nullptr)) {
      callback();
    }
  }

  ClusterManagerOptions options_;
  // What workers and requests let go of last ends here: a cluster is large.
  const std::shared_ptr<event::Endings> endings_ =
      std::make_shared<event::Endings>(options_.mainLoop);
  std::unique_ptr<DnsResolver> resolver_;
  Clusters active_;
  Clusters warming_; // not complete yet
  std::vector<Slot> slots_;
  std::function<void()> resolved_;
  std::function<void()> initialized_;
  const stats::Scope scope_ = options_.stats.root().child("cluster_manager");
  stats::Counter& added_ = scope_.counter("cluster_added");
  stats::Counter& modified_ = scope_.counter("cluster_modified");
  stats::Counter& removed_ = scope_.counter("cluster_removed");
  stats::Gauge& activeClusters_ = scope_.gauge("active_clusters");
  stats::Gauge& warmingClusters_ = scope_.gauge("warming_clusters");
};

} // namespace

std::unique_ptr<ClusterManager> createClusterManager(ClusterManagerOptions options) {
  return std::make_unique<ClusterManagerImpl>(std::move(options));
}

} // namespace moe::upstream
