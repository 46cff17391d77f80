#include "upstream/main_cluster.h"

namespace moe::upstream {
namespace {

bool same(const HostSet& a, const HostSet& b) {
  return a.policy == b.policy &&
         std::equal(a.priorities.begin(), a.priorities.end(), b.priorities.begin(),
                    b.priorities.end(),
                    [](const auto& x, const auto& y) { return x.hosts == y.hosts; });
}

class StaticCluster final : public MainCluster {
public:
  StaticCluster(ClusterInfoPtr info, HostSetPtr before, std::vector<EndpointSpec> endpoints,
                AssignmentPolicy policy, Events& events)
      : MainCluster(std::move(info), std::move(before), events), endpoints_(std::move(endpoints)),
        policy_(policy) {}

  absl::Status start() override {
    auto hosts = staticHosts(std::exchange(endpoints_, {}));
    if (!hosts.ok()) {
      return hosts.status();
    }
    setHosts(std::move(*hosts), policy_);
    becomeReady();
    return absl::OkStatus();
  }

private:
  std::vector<EndpointSpec> endpoints_;
  const AssignmentPolicy policy_;
};

} // namespace

MainCluster::MainCluster(ClusterInfoPtr info, HostSetPtr before, Events& events)
    : info_(std::move(info)),
      hosts_(before != nullptr ? std::move(before) : std::make_shared<const HostSet>()),
      events_(events) {}

void MainCluster::setHosts(std::vector<HostPtr> hosts, const AssignmentPolicy& policy) {
  HostSetPtr next = makeHostSet(std::move(hosts), hosts_.get(), policy);
  if (!std::exchange(first_, false) && same(*hosts_, *next)) {
    counter("update_no_rebuild").inc();
    return;
  }
  const HostSetPtr before = std::exchange(hosts_, std::move(next));
  size_t total = 0;
  size_t healthy = 0;
  for (const auto& priority : hosts_->priorities) {
    total += priority.hosts.size();
    healthy += priority.healthy.size();
  }
  if (!info_->settings().originalDst.has_value()) { // else the workers count theirs
    info_->stats().membershipTotal.set(static_cast<int64_t>(total));
    info_->stats().membershipHealthy.set(static_cast<int64_t>(healthy));
  }
  info_->stats().membershipChange.inc();
  events_.onHosts(*this, hostsGone(*before, *hosts_));
}

void MainCluster::becomeReady() {
  if (std::exchange(known_, true)) {
    return;
  }
  const bool waits = !warming_->done();
  warming_->whenDone([this] {
    ready_ = true;
    events_.onReady(*this);
  });
  if (waits) {
    events_.onKnown(*this);
  }
}

absl::StatusOr<std::vector<HostPtr>> staticHosts(const std::vector<EndpointSpec>& endpoints) {
  std::vector<HostPtr> hosts;
  hosts.reserve(endpoints.size());
  for (const EndpointSpec& spec : endpoints) {
    auto address = spec.pipe
                       ? net::Address::pipe(spec.address)
                       : net::Address::parseIp(spec.address, static_cast<uint16_t>(spec.port));
    if (!address.ok()) {
      return config::fieldError(spec.path.field(spec.pipe ? "path" : "address"),
                                base::message(address.status()));
    }
    hosts.push_back(makeHost(spec, std::move(*address)));
  }
  return hosts;
}

std::unique_ptr<MainCluster> createStaticCluster(ClusterInfoPtr info, HostSetPtr before,
                                                 std::vector<EndpointSpec> endpoints,
                                                 AssignmentPolicy policy,
                                                 MainCluster::Events& events) {
  return std::make_unique<StaticCluster>(std::move(info), std::move(before), std::move(endpoints),
                                         policy, events);
}

} // namespace moe::upstream
