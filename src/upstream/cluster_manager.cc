#include "upstream/cluster_manager.h"

#include <algorithm>
#include <map>

#include "config/duration.h"
#include "upstream/cluster_config.h"
#include "upstream/dns.h"
#include "upstream/worker_clusters.h"

namespace moe::upstream {
namespace {

using ClusterProto = envoy::config::cluster::v3::Cluster;
using config::FieldPath;

DnsFamily dnsFamilyOf(const ClusterProto& proto) {
  switch (proto.dns_lookup_family()) {
  case ClusterProto::V4_ONLY:
    return DnsFamily::V4Only;
  case ClusterProto::V6_ONLY:
    return DnsFamily::V6Only;
  case ClusterProto::V4_PREFERRED:
    return DnsFamily::V4Preferred;
  case ClusterProto::ALL:
    return DnsFamily::All;
  default:
    return DnsFamily::Auto;
  }
}

// A cluster on the main thread: its hosts, resolved as its type says.
class MainCluster {
public:
  using Changed = std::function<void(MainCluster&)>;
  MainCluster(ClusterInfoPtr info, std::vector<EndpointSpec> endpoints,
              ClusterManagerOptions& options, Changed changed)
      : info_(std::move(info)), options_(options), changed_(std::move(changed)) {
    for (EndpointSpec& spec : endpoints) {
      targets_.push_back(std::make_unique<Target>(Target{std::move(spec), {}, nullptr, 0, false}));
    }
    const auto& policy = info_->proto().load_assignment().policy();
    if (policy.has_overprovisioning_factor()) {
      overprovisioning_ = policy.overprovisioning_factor().value();
    }
  }

  // STATIC: all addresses are IPs.
  absl::Status startStatic() {
    std::vector<HostPtr> hosts;
    for (const auto& target : targets_) {
      const EndpointSpec& spec = target->spec;
      auto address = spec.pipe
                         ? net::Address::pipe(spec.address)
                         : net::Address::parseIp(spec.address, static_cast<uint16_t>(spec.port));
      if (!address.ok()) {
        return config::fieldError(spec.path.field(spec.pipe ? "path" : "address"),
                                  base::message(address.status()));
      }
      hosts.push_back(makeHost(spec, *address));
    }
    setHosts(std::move(hosts));
    ready_ = true;
    return absl::OkStatus();
  }

  // STRICT_DNS: begins to resolve; `readyCallback` once every name was tried.
  absl::Status startDns(DnsResolver& resolver, std::function<void()> readyCallback) {
    const ClusterProto& proto = info_->proto();
    auto refresh = config::toMillisOr(proto.has_dns_refresh_rate(), proto.dns_refresh_rate(),
                                      base::Milliseconds(5000), FieldPath("dns_refresh_rate"));
    if (!refresh.ok()) {
      return refresh.status();
    }
    refresh_ = std::max(*refresh, base::Milliseconds(1));
    resolver_ = &resolver;
    readyCallback_ = std::move(readyCallback);
    setHosts({});
    for (const auto& target : targets_) {
      if (target->spec.hostname.empty()) {
        target->spec.hostname = target->spec.address; // for auto_host_rewrite
      }
      target->timer = options_.mainLoop.createTimer([this, t = target.get()] { resolve(*t); });
    }
    for (const auto& target : targets_) {
      resolve(*target);
    }
    if (targets_.empty()) {
      becomeReady();
    }
    return absl::OkStatus();
  }

  const ClusterInfoPtr& info() const { return info_; }
  const HostSetPtr& hosts() const { return hosts_; }
  bool ready() const { return ready_; }

private:
  struct Target {
    EndpointSpec spec;
    std::vector<HostPtr> hosts;
    std::unique_ptr<event::Timer> timer;
    uint32_t failures = 0;
    bool tried = false;
  };

  void resolve(Target& target) {
    attempts().inc();
    // The answer may come when this cluster has been removed or replaced, and its targets with it.
    resolver_->resolve(
        target.spec.address, dnsFamilyOf(info_->proto()),
        [this, alive = std::weak_ptr<bool>(alive_), &target](const DnsAnswer& answer) {
          if (!alive.expired()) {
            resolved(target, answer);
          }
        });
  }

  stats::Counter& attempts() { return scope().counter("update_attempt"); }
  stats::Scope scope() {
    return options_.stats.root().child("cluster", "envoy_cluster_name", info_->name());
  }

  void resolved(Target& target, const DnsAnswer& answer) {
    const bool tried = std::exchange(target.tried, true);
    base::Milliseconds next = refresh_;
    if (answer.status.ok()) {
      scope().counter("update_success").inc();
      target.failures = 0;
      if (info_->proto().respect_dns_ttl() && answer.ttlSeconds > 0) {
        next = base::Milliseconds(int64_t{answer.ttlSeconds} * 1000);
      }
      if (answer.addresses.empty() && (!tried || !target.hosts.empty())) {
        MOE_LOG(*options_.logger, warn, "cluster {}: \"{}\" has no address", info_->name(),
                target.spec.address);
      }
      target.hosts.clear();
      for (const net::AddressPtr& address : inOrder(answer.addresses)) {
        target.hosts.push_back(
            makeHost(target.spec, address->withPort(static_cast<uint16_t>(target.spec.port))));
      }
      std::vector<HostPtr> all;
      for (const auto& each : targets_) {
        all.insert(all.end(), each->hosts.begin(), each->hosts.end());
      }
      setHosts(std::move(all));
    } else {
      // What was known stays in use (Envoy does the same); asked again, ever more slowly.
      scope().counter("update_failure").inc();
      MOE_LOG(*options_.logger, warn, "cluster {}: {}", info_->name(),
              base::message(answer.status));
      target.failures = std::min(target.failures + 1, 6u);
      next = std::min(refresh_ * (1 << (target.failures - 1)), refresh_ * 12);
    }
    target.timer->enable(next);
    if (!ready_ &&
        std::all_of(targets_.begin(), targets_.end(), [](const auto& t) { return t->tried; })) {
      becomeReady(); // Last: may end this object.
    }
  }

  // A server may give the same addresses in another order each time (and some give one twice): that
  // is no change.
  static std::vector<net::AddressPtr> inOrder(std::vector<net::AddressPtr> addresses) {
    const auto text = [](const net::AddressPtr& a) -> const std::string& { return a->asString(); };
    std::sort(addresses.begin(), addresses.end(),
              [&](const auto& a, const auto& b) { return text(a) < text(b); });
    addresses.erase(std::unique(addresses.begin(), addresses.end(),
                                [&](const auto& a, const auto& b) { return text(a) == text(b); }),
                    addresses.end());
    return addresses;
  }

  void becomeReady() {
    ready_ = true;
    if (auto callback = std::exchange(readyCallback_, nullptr)) {
      callback();
    }
  }

  void setHosts(std::vector<HostPtr> hosts) {
    HostSetPtr next = makeHostSet(std::move(hosts), hosts_.get(), overprovisioning_);
    if (hosts_ != nullptr && same(*hosts_, *next)) {
      scope().counter("update_no_rebuild").inc();
      return;
    }
    hosts_ = std::move(next);
    size_t total = 0;
    size_t healthy = 0;
    for (const auto& priority : hosts_->priorities) {
      total += priority.hosts.size();
      healthy += priority.healthy.size();
    }
    info_->stats().membershipTotal.set(static_cast<int64_t>(total));
    info_->stats().membershipHealthy.set(static_cast<int64_t>(healthy));
    info_->stats().membershipChange.inc();
    changed_(*this);
  }

  static bool same(const HostSet& a, const HostSet& b) {
    return std::equal(a.priorities.begin(), a.priorities.end(), b.priorities.begin(),
                      b.priorities.end(),
                      [](const auto& x, const auto& y) { return x.hosts == y.hosts; });
  }

  ClusterInfoPtr info_;
  ClusterManagerOptions& options_;
  Changed changed_;
  std::vector<std::unique_ptr<Target>> targets_;
  HostSetPtr hosts_;
  DnsResolver* resolver_ = nullptr;
  base::Milliseconds refresh_{5000};
  uint32_t overprovisioning_ = 140;
  std::function<void()> readyCallback_;
  bool ready_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class ClusterManagerImpl final : public ClusterManager {
public:
  explicit ClusterManagerImpl(ClusterManagerOptions options) : options_(std::move(options)) {}

  absl::Status addClusters(const envoy::config::bootstrap::v3::Bootstrap& bootstrap) override {
    const FieldPath path = FieldPath("static_resources").field("clusters");
    for (int i = 0; i < bootstrap.static_resources().clusters_size(); ++i) {
      const ClusterProto& cluster = bootstrap.static_resources().clusters(i);
      const FieldPath at = path.index(static_cast<size_t>(i));
      if (clusters_.contains(cluster.name())) {
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
    const FieldPath path(pathText);
    auto settings = readCluster(proto, path);
    if (!settings.ok()) {
      return settings.status();
    }
    auto endpoints = readEndpoints(proto.load_assignment(), path.field("load_assignment"));
    if (!endpoints.ok()) {
      return endpoints.status();
    }
    auto info = std::make_shared<const ClusterInfo>(
        std::move(*settings),
        options_.stats.root().child("cluster", "envoy_cluster_name", proto.name()));
    auto cluster = std::make_unique<MainCluster>(info, std::move(*endpoints), options_,
                                                 [this](MainCluster& c) { publish(c); });
    MainCluster& made = *cluster;
    absl::Status status;
    if (proto.type() == ClusterProto::STATIC) {
      status = made.startStatic();
    } else {
      if (resolver_ == nullptr) {
        auto resolver = createDnsResolver(options_.mainLoop, options_.dnsServers);
        if (!resolver.ok()) {
          return config::underField(path, resolver.status());
        }
        resolver_ = std::move(*resolver);
      }
      status = made.startDns(*resolver_, [this] { checkInitialized(); });
    }
    if (!status.ok()) {
      return status;
    }
    clusters_.insert_or_assign(proto.name(), std::move(cluster));
    checkInitialized(); // the one before may have been what was waited for
    return absl::OkStatus();
  }

  bool remove(std::string_view name) override {
    const auto found = clusters_.find(name);
    if (found == clusters_.end()) {
      return false;
    }
    for (const Slot& slot : slots_) {
      slot.loop->post(
          [clusters = slot.clusters, name = std::string(name)] { clusters->remove(name); });
    }
    clusters_.erase(found);
    checkInitialized(); // nobody waits for it any more
    return true;
  }

  bool has(std::string_view name) const override { return clusters_.contains(name); }

  std::unique_ptr<WorkerClusters> createWorkerClusters(event::Worker& worker,
                                                       http::HeaderMapPool& headers) override {
    auto clusters = std::make_unique<WorkerClustersImpl>(worker, headers);
    for (const auto& [name, cluster] : clusters_) {
      clusters->update(cluster->info(), cluster->hosts());
    }
    slots_.push_back({&worker.loop, clusters.get()});
    return clusters;
  }

  void onInitialized(std::function<void()> callback) override {
    initialized_ = std::move(callback);
    checkInitialized();
  }

  void forEach(const std::function<void(const ClusterInfo&, const HostSet&)>& f) const override {
    for (const auto& [name, cluster] : clusters_) {
      f(*cluster->info(), *cluster->hosts());
    }
  }

private:
  struct Slot {
    event::Loop* loop;
    WorkerClustersImpl* clusters; // lives until its loop has ended
  };

  void publish(MainCluster& cluster) {
    for (const Slot& slot : slots_) {
      slot.loop->post([clusters = slot.clusters, info = cluster.info(), hosts = cluster.hosts()] {
        clusters->update(info, hosts);
      });
    }
  }

  void checkInitialized() {
    for (const auto& [name, cluster] : clusters_) {
      if (!cluster->ready()) {
        return;
      }
    }
    if (auto callback = std::exchange(initialized_, nullptr)) {
      callback();
    }
  }

  ClusterManagerOptions options_;
  std::unique_ptr<DnsResolver> resolver_;
  std::map<std::string, std::unique_ptr<MainCluster>, std::less<>> clusters_;
  std::vector<Slot> slots_;
  std::function<void()> initialized_;
};

} // namespace

std::unique_ptr<ClusterManager> createClusterManager(ClusterManagerOptions options) {
  return std::make_unique<ClusterManagerImpl>(std::move(options));
}

} // namespace moe::upstream
