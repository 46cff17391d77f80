#include "upstream/host_picker.h"

#include <algorithm>
#include <map>

namespace moe::upstream {
namespace {

// Of one locality.
struct Part {
  size_t all = 0;
  std::vector<HostPtr> healthy;
  uint32_t weight = 0;
};

std::vector<Part> byLocality(const HostSet::Priority& priority) {
  std::map<std::string, Part> parts;
  for (const HostPtr& host : priority.hosts) {
    Part& part = parts[host->locality().SerializeAsString()];
    ++part.all;
    part.weight = std::max(part.weight, host->description().localityWeight);
    if (host->healthy()) {
      part.healthy.push_back(host);
    }
  }
  std::vector<Part> out;
  out.reserve(parts.size());
  for (auto& [key, part] : parts) {
    out.push_back(std::move(part));
  }
  return out;
}

} // namespace

PriorityPicker::PriorityPicker(const HostSet::Priority& priority, bool inPanic,
                               const Settings& settings, base::Random& random) {
  const auto add = [&](const std::vector<HostPtr>& hosts, double weight) {
    groups_.push_back({Picker(hosts, settings.policy, settings.choices, random), weight});
  };
  if (!settings.byLocality || inPanic) {
    add(inPanic ? priority.hosts : priority.healthy, 1);
    return;
  }
  std::vector<Part> parts = byLocality(priority);
  if (parts.size() > 1) { // workers must not all begin with the same locality
    std::rotate(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(random.below(parts.size())),
                parts.end());
  }
  for (const Part& part : parts) {
    const double available =
        std::min(1.0, static_cast<double>(part.healthy.size()) / static_cast<double>(part.all) *
                          settings.overprovisioningPercent / 100);
    if (part.weight > 0 && available > 0) {
      add(part.healthy, part.weight * available);
    }
  }
  if (groups_.empty()) { // no weights at all: as without them
    add(priority.healthy, 1);
  }
}

HostPtr PriorityPicker::pick() {
  if (groups_.size() == 1) {
    return groups_.front().picker.pick();
  }
  Group* best = nullptr;
  double sum = 0;
  for (Group& group : groups_) {
    group.current += group.weight;
    sum += group.weight;
    if (best == nullptr || group.current > best->current) {
      best = &group;
    }
  }
  if (best == nullptr) {
    return nullptr;
  }
  best->current -= sum;
  return best->picker.pick();
}

} // namespace moe::upstream
