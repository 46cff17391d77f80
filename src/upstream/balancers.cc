#include "upstream/balancers.h"

#include <algorithm>

#include "upstream/subset_balancer.h"

namespace moe::upstream {
namespace {

using Policy = envoy::config::cluster::v3::Cluster;

// Chooses within one list of hosts. Weighted choices are smooth: heavier hosts come more often, not
// in bursts (each pick adds the weights and takes the total from the winner).
class Picker {
public:
  Picker(const std::vector<HostPtr>& hosts, int policy, uint32_t choices, base::Random& random)
      : hosts_(hosts), policy_(policy), choices_(choices), random_(random) {
    for (const HostPtr& host : hosts_) {
      total_ += host->weight();
      equal_ = equal_ && host->weight() == hosts_.front()->weight();
    }
    if (!hosts_.empty()) {
      next_ = random_.below(hosts_.size()); // workers must not all begin with the same host
    }
    if (!equal_) {
      current_.assign(hosts_.size(), 0);
    }
  }

  bool empty() const { return hosts_.empty(); }

  HostPtr pick() {
    if (hosts_.empty()) {
      return nullptr;
    }
    if (policy_ == Policy::RANDOM) {
      return equal_ ? hosts_[random_.below(hosts_.size())] : randomByWeight();
    }
    if (policy_ == Policy::LEAST_REQUEST && equal_) {
      return leastRequest();
    }
    return equal_ ? hosts_[next_++ % hosts_.size()] : smooth();
  }

private:
  HostPtr randomByWeight() {
    uint64_t at = random_.below(total_);
    for (const HostPtr& host : hosts_) {
      if (at < host->weight()) {
        return host;
      }
      at -= host->weight();
    }
    return hosts_.back();
  }

  HostPtr leastRequest() {
    const HostPtr* best = &hosts_[random_.below(hosts_.size())];
    for (uint32_t i = 1; i < choices_; ++i) {
      const HostPtr& host = hosts_[random_.below(hosts_.size())];
      if (active(*host) < active(**best)) {
        best = &host;
      }
    }
    return *best;
  }
  static uint64_t active(const Host& host) {
    return host.counts().rqActive.load(std::memory_order_relaxed);
  }

  HostPtr smooth() {
    size_t best = 0;
    double bestValue = 0;
    double sum = 0;
    for (size_t i = 0; i < hosts_.size(); ++i) {
      // With least request a busy host weighs less (Envoy's active request bias of 1).
      const double load =
          policy_ == Policy::LEAST_REQUEST ? static_cast<double>(active(*hosts_[i]) + 1) : 1;
      const double weight = static_cast<double>(hosts_[i]->weight()) / load;
      current_[i] += weight;
      sum += weight;
      if (i == 0 || current_[i] > bestValue) {
        best = i;
        bestValue = current_[i];
      }
    }
    current_[best] -= sum;
    return hosts_[best];
  }

  const std::vector<HostPtr> hosts_;
  int policy_;
  uint32_t choices_;
  base::Random& random_;
  uint64_t total_ = 0;
  bool equal_ = true;
  size_t next_ = 0;
  std::vector<double> current_;
};

class PlainBalancer final : public LoadBalancer {
public:
  PlainBalancer(const ClusterInfo& info, HostSetPtr hosts, base::Random& random)
      : hosts_(std::move(hosts)), random_(random) {
    const auto& proto = info.proto();
    double panic = 50;
    if (proto.common_lb_config().has_healthy_panic_threshold()) {
      panic = proto.common_lb_config().healthy_panic_threshold().value();
    }
    uint32_t choices = 2;
    if (proto.least_request_lb_config().has_choice_count()) {
      choices = std::max(2u, proto.least_request_lb_config().choice_count().value());
    }
    std::vector<double> health; // percent, by priority
    double sum = 0;
    size_t count = 0;
    for (const HostSet::Priority& priority : hosts_->priorities) {
      const auto all = static_cast<double>(priority.hosts.size());
      const auto healthy = static_cast<double>(priority.healthy.size());
      health.push_back(
          all == 0 ? 0 : std::min(100.0, healthy / all * priority.overprovisioningPercent));
      sum += health.back();
      count += priority.hosts.size();
    }
    // Where the priorities together have the health for all of the load, none is in panic, however
    // little it has left. Where they have none, all are, and share the load by their size.
    const bool nothingHealthy = sum <= 0 && panic > 0;
    double left = 100;
    for (size_t i = 0; i < health.size(); ++i) {
      const HostSet::Priority& priority = hosts_->priorities[i];
      const auto all = static_cast<double>(priority.hosts.size());
      const auto healthy = static_cast<double>(priority.healthy.size());
      const bool inPanic = nothingHealthy || (sum < 100 && all > 0 && healthy / all * 100 < panic);
      pickers_.emplace_back(inPanic ? priority.hosts : priority.healthy, proto.lb_policy(), choices,
                            random);
      const double share = nothingHealthy
                               ? (count == 0 ? 0 : all / static_cast<double>(count) * 100)
                               : std::min(left, health[i]);
      shares_.push_back(share);
      total_ += share;
      left -= share;
    }
  }

  HostPtr chooseHost(const LoadBalancerContext& /*context*/) override {
    if (pickers_.empty() || total_ <= 0) {
      return nullptr;
    }
    if (shares_.front() >= total_) {
      return pickers_.front().pick();
    }
    auto at = static_cast<double>(random_.below(10'000)) / 10'000 * total_;
    for (size_t i = 0; i < pickers_.size(); ++i) {
      if (at < shares_[i]) {
        return pickers_[i].pick();
      }
      at -= shares_[i];
    }
    // The sum of the shares was a little less than the total: rounding.
    const auto last =
        std::find_if(shares_.rbegin(), shares_.rend(), [](double s) { return s > 0; });
    return pickers_[static_cast<size_t>(shares_.rend() - last) - 1].pick();
  }

private:
  HostSetPtr hosts_;
  base::Random& random_;
  std::vector<Picker> pickers_;
  std::vector<double> shares_; // percent, by priority
  double total_ = 0;
};

} // namespace

LoadBalancerPtr createPlainBalancer(const ClusterInfo& info, HostSetPtr hosts,
                                    base::Random& random) {
  return std::make_unique<PlainBalancer>(info, std::move(hosts), random);
}

LoadBalancerPtr createBalancer(const ClusterInfo& info, HostSetPtr hosts, base::Random& random) {
  if (!info.proto().has_lb_subset_config() ||
      info.proto().lb_subset_config().subset_selectors().empty()) {
    return createPlainBalancer(info, std::move(hosts), random);
  }
  return createSubsetBalancer(info, hosts, random);
}

} // namespace moe::upstream
