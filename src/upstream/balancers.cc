#include "upstream/balancers.h"

#include <algorithm>

#include "upstream/host_picker.h"
#include "upstream/subset_balancer.h"

namespace moe::upstream {
namespace {

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
    const PriorityPicker::Settings settings{
        .policy = proto.lb_policy(),
        .choices = choices,
        .byLocality = proto.common_lb_config().has_locality_weighted_lb_config(),
        .overprovisioningPercent = hosts_->policy.overprovisioningPercent};
    std::vector<double> health; // percent, by priority
    double sum = 0;
    size_t count = 0;
    for (const HostSet::Priority& priority : hosts_->priorities) {
      const auto all = static_cast<double>(priority.hosts.size());
      const auto healthy = static_cast<double>(priority.healthy.size());
      health.push_back(
          all == 0 ? 0 : std::min(100.0, healthy / all * hosts_->policy.overprovisioningPercent));
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
      pickers_.emplace_back(priority, inPanic, settings, random);
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
  std::vector<PriorityPicker> pickers_;
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
