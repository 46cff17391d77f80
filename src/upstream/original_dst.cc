#include "upstream/original_dst.h"

#include "http/header_map.h"

namespace moe::upstream {

OriginalDstHosts::OriginalDstHosts(event::Worker& worker, ClusterInfoPtr info, Drop drop)
    : worker_(worker), info_(std::move(info)), drop_(std::move(drop)) {}

OriginalDstHosts::~OriginalDstHosts() {
  info_->stats().membershipTotal.add(-static_cast<int64_t>(hosts_.size()));
  info_->stats().membershipHealthy.add(-static_cast<int64_t>(hosts_.size()));
}

net::AddressPtr OriginalDstHosts::destination(const LoadBalancerContext& context) {
  const OriginalDstSettings& settings = *info_->settings().originalDst;
  net::AddressPtr found;
  if (!settings.header.empty() && context.headers != nullptr) {
    if (const auto value = context.headers->get(settings.header); value.has_value()) {
      auto address = net::Address::parseIpPort(*value);
      if (address.ok()) {
        found = std::move(*address);
      } else {
        info_->stats().originalDstHostInvalid.inc();
      }
    }
  }
  if (found == nullptr && context.destination != nullptr) {
    found = *context.destination;
  }
  if (found == nullptr || !found->isIp()) {
    return nullptr;
  }
  return settings.port == 0 ? found : found->withPort(settings.port);
}

HostPtr OriginalDstHosts::choose(const LoadBalancerContext& context) {
  const net::AddressPtr address = destination(context);
  if (address == nullptr) {
    return nullptr;
  }
  const auto [it, fresh] = hosts_.try_emplace(Key{net::Ip::of(*address), address->port()});
  Entry& entry = it->second;
  entry.used = true;
  if (fresh) {
    entry.host = std::make_shared<const Host>(
        std::make_shared<const HostState>(address, /*hostname=*/""), Host::Description());
    ClusterStats& stats = info_->stats();
    stats.membershipTotal.inc();
    stats.membershipHealthy.inc();
    stats.membershipChange.inc();
    armSweep();
  }
  return entry.host;
}

void OriginalDstHosts::armSweep() {
  const auto& interval = info_->settings().originalDst->cleanupInterval;
  if (!interval.has_value() || hosts_.empty()) {
    return;
  }
  if (timer_ == nullptr) {
    timer_ = worker_.loop.createTimer([this] { sweep(); });
  }
  if (!timer_->enabled()) {
    timer_->enable(*interval);
  }
}

// A host is unused for one to two intervals before it goes.
void OriginalDstHosts::sweep() {
  ClusterStats& stats = info_->stats();
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    Entry& entry = it->second;
    if (!std::exchange(entry.used, false) && drop_(*entry.host)) {
      hosts_.erase(it++);
      stats.membershipTotal.dec();
      stats.membershipHealthy.dec();
      stats.membershipChange.inc();
    } else {
      ++it;
    }
  }
  armSweep();
}

} // namespace moe::upstream
