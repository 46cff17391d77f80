#pragma once

#include <vector>

#include "base/random.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "upstream/host.h"

namespace moe::upstream {

// Chooses within one list of hosts. Weighted choices are smooth: heavier hosts come more often, not
// in bursts (each pick adds the weights and takes the total from the winner).
class Picker {
  using Cluster = envoy::config::cluster::v3::Cluster;

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
    if (policy_ == Cluster::RANDOM) {
      return equal_ ? hosts_[random_.below(hosts_.size())] : randomByWeight();
    }
    if (policy_ == Cluster::LEAST_REQUEST && equal_) {
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
          policy_ == Cluster::LEAST_REQUEST ? static_cast<double>(active(*hosts_[i]) + 1) : 1;
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

// Chooses within one priority: in all of its hosts, or, by the weights of localities, first a
// locality and then in its hosts. A locality that lost hosts loses load beyond what
// overprovisioning covers; one without a weight gets none.
class PriorityPicker {
public:
  struct Settings {
    int policy;
    uint32_t choices; // of LEAST_REQUEST
    bool byLocality;  // locality_weighted_lb_config
    uint32_t overprovisioningPercent;
  };
  // `inPanic`: all hosts, healthy or not, and no weights of localities.
  PriorityPicker(const HostSet::Priority& priority, bool inPanic, const Settings& settings,
                 base::Random& random);
  HostPtr pick();

private:
  struct Group {
    Picker picker;
    double weight;
    double current = 0;
  };
  std::vector<Group> groups_;
};

} // namespace moe::upstream
