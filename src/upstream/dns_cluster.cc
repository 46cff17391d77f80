#include "upstream/dns_cluster.h"

#include "config/duration.h"

namespace moe::upstream {
namespace {

using ClusterProto = envoy::config::cluster::v3::Cluster;

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

// A server may give the same addresses in another order each time (and some give one twice): that
// is no change.
std::vector<net::AddressPtr> inOrder(std::vector<net::AddressPtr> addresses) {
  const auto text = [](const net::AddressPtr& a) -> const std::string& { return a->asString(); };
  std::sort(addresses.begin(), addresses.end(),
            [&](const auto& a, const auto& b) { return text(a) < text(b); });
  addresses.erase(std::unique(addresses.begin(), addresses.end(),
                              [&](const auto& a, const auto& b) { return text(a) == text(b); }),
                  addresses.end());
  return addresses;
}

class DnsCluster final : public MainCluster {
public:
  DnsCluster(ClusterInfoPtr info, HostSetPtr before, std::vector<EndpointSpec> endpoints,
             AssignmentPolicy policy, DnsResolver& resolver, event::Loop& loop,
             base::LoggerPtr logger, Events& events)
      : MainCluster(std::move(info), std::move(before), events), policy_(policy),
        resolver_(resolver), loop_(loop), logger_(std::move(logger)) {
    for (EndpointSpec& spec : endpoints) {
      if (spec.hostname.empty()) {
        spec.hostname = spec.address; // for auto_host_rewrite
      }
      targets_.push_back(std::make_unique<Target>(Target{std::move(spec), {}, nullptr, 0, false}));
    }
  }

  absl::Status start() override {
    const ClusterProto& proto = info()->proto();
    auto refresh =
        config::toMillisOr(proto.has_dns_refresh_rate(), proto.dns_refresh_rate(),
                           base::Milliseconds(5000), config::FieldPath("dns_refresh_rate"));
    if (!refresh.ok()) {
      return refresh.status();
    }
    refresh_ = std::max(*refresh, base::Milliseconds(1));
    if (targets_.empty()) {
      publish();
      becomeReady();
      return absl::OkStatus();
    }
    for (const auto& target : targets_) {
      target->timer = loop_.createTimer([this, t = target.get()] { resolve(*t); });
    }
    const std::weak_ptr<bool> alive =
        alive_; // the last answer may come at once, and end this object
    for (size_t i = 0; !alive.expired() && i < targets_.size(); ++i) {
      resolve(*targets_[i]);
    }
    return absl::OkStatus();
  }

private:
  struct Target {
    EndpointSpec spec;
    std::vector<HostPtr> hosts;
    std::unique_ptr<event::Timer> timer;
    uint32_t failures = 0;
    bool tried = false;
  };

  void resolve(Target& target) {
    counter("update_attempt").inc();
    // The answer may come when this cluster has been removed or replaced, and its targets with it.
    resolver_.resolve(
        target.spec.address, dnsFamilyOf(info()->proto()),
        [this, alive = std::weak_ptr<bool>(alive_), &target](const DnsAnswer& answer) {
          if (!alive.expired()) {
            resolved(target, answer);
          }
        });
  }

  void resolved(Target& target, const DnsAnswer& answer) {
    const bool tried = std::exchange(target.tried, true);
    base::Milliseconds next = refresh_;
    if (answer.status.ok()) {
      counter("update_success").inc();
      target.failures = 0;
      if (info()->proto().respect_dns_ttl() && answer.ttlSeconds > 0) {
        next = base::Milliseconds(int64_t{answer.ttlSeconds} * 1000);
      }
      if (answer.addresses.empty() && (!tried || !target.hosts.empty())) {
        MOE_LOG(*logger_, warn, "cluster {}: \"{}\" has no address", name(), target.spec.address);
      }
      target.hosts.clear();
      for (const net::AddressPtr& address : inOrder(answer.addresses)) {
        target.hosts.push_back(
            makeHost(target.spec, address->withPort(static_cast<uint16_t>(target.spec.port))));
      }
      publish();
    } else {
      // What was known stays in use (Envoy does the same); asked again, ever more slowly.
      counter("update_failure").inc();
      MOE_LOG(*logger_, warn, "cluster {}: {}", name(), base::message(answer.status));
      target.failures = std::min(target.failures + 1, 6u);
      next = std::min(refresh_ * (1 << (target.failures - 1)), refresh_ * 12);
    }
    target.timer->enable(next);
    if (!ready() &&
        std::all_of(targets_.begin(), targets_.end(), [](const auto& t) { return t->tried; })) {
      becomeReady();
    }
  }

  void publish() {
    std::vector<HostPtr> all;
    for (const auto& each : targets_) {
      all.insert(all.end(), each->hosts.begin(), each->hosts.end());
    }
    setHosts(std::move(all), policy_);
  }

  const AssignmentPolicy policy_;
  DnsResolver& resolver_;
  event::Loop& loop_;
  base::LoggerPtr logger_;
  std::vector<std::unique_ptr<Target>> targets_;
  base::Milliseconds refresh_{5000};
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace

std::unique_ptr<MainCluster> createDnsCluster(ClusterInfoPtr info, HostSetPtr before,
                                              std::vector<EndpointSpec> endpoints,
                                              AssignmentPolicy policy, DnsResolver& resolver,
                                              event::Loop& loop, base::LoggerPtr logger,
                                              MainCluster::Events& events) {
  return std::make_unique<DnsCluster>(std::move(info), std::move(before), std::move(endpoints),
                                      policy, resolver, loop, std::move(logger), events);
}

} // namespace moe::upstream
