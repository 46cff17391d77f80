#include "server/overload.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "config/duration.h"
#include "config/typed_config.h"
#include "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.pb.h"
#include "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.pb.h"

namespace moe::server {
namespace {

using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using Action = OverloadSettings::Action;
using Proto = envoy::config::overload::v3::OverloadManager;
using Connections =
    envoy::extensions::resource_monitors::downstream_connections::v3::DownstreamConnectionsConfig;
using FixedHeap = envoy::extensions::resource_monitors::fixed_heap::v3::FixedHeapConfig;

constexpr std::string_view kConnections =
    "envoy.resource_monitors.global_downstream_max_connections";
constexpr std::string_view kMemory = "envoy.resource_monitors.fixed_heap";
// Descriptors for everything that is no traffic: libraries, logs, the admin interface.
constexpr uint64_t kOtherDescriptors = 256;

struct ActionName {
  std::string_view name;
  Action action;
};
constexpr ActionName kActions[] = {
    {"envoy.overload_actions.stop_accepting_connections", Action::StopAccepting},
    {"envoy.overload_actions.stop_accepting_requests", Action::ShedRequests},
    {"envoy.overload_actions.disable_http_keepalive", Action::DisableKeepalive},
    {"envoy.overload_actions.shrink_heap", Action::ShrinkHeap},
};

uint64_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The memory limit of the control group; 0: none.
uint64_t groupLimit() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  uint64_t limit = 0;
  return file >> limit ? limit : 0; // "max" is no number
}

absl::Status readMonitor(const envoy::config::overload::v3::ResourceMonitor& monitor,
                         const FieldPath& path, OverloadSettings& out) {
  const FieldPath at = path.field("typed_config");
  if (monitor.name() == kConnections) {
    const auto settings = config::unpackTo<Connections>(monitor.typed_config(), at);
    if (settings.ok()) {
      out.maxConnections = settings->max_active_downstream_connections();
    }
    return settings.status();
  }
  if (monitor.name() == kMemory) {
    const auto settings = config::unpackTo<FixedHeap>(monitor.typed_config(), at);
    if (settings.ok()) {
      out.maxMemoryBytes = settings->max_heap_size_bytes();
    }
    return settings.status();
  }
  return fieldError(path.field("name"), inQuotes(monitor.name()),
                    base::cat(kConnections, " or ", kMemory));
}

absl::Status readAction(const envoy::config::overload::v3::OverloadAction& action,
                        const FieldPath& path, OverloadSettings& out) {
  const auto* known = std::find_if(std::begin(kActions), std::end(kActions),
                                   [&](const ActionName& a) { return a.name == action.name(); });
  if (known == std::end(kActions)) {
    return fieldError(path.field("name"), inQuotes(action.name()),
                      "envoy.overload_actions. with stop_accepting_connections, "
                      "stop_accepting_requests, disable_http_keepalive or shrink_heap");
  }
  for (int i = 0; i < action.triggers_size(); ++i) {
    const auto& trigger = action.triggers(i);
    // Scaled triggers act where they are saturated: these actions are on or off.
    const double threshold = trigger.has_scaled() ? trigger.scaled().saturation_threshold()
                                                  : trigger.threshold().value();
    if (trigger.name() != kMemory) {
      return fieldError(path.field("triggers").index(static_cast<size_t>(i)).field("name"),
                        inQuotes(trigger.name()), kMemory);
    }
    out.triggers.push_back({known->action, trigger.name(), threshold});
  }
  return absl::OkStatus();
}

} // namespace

uint64_t raiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1024;
  }
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

absl::StatusOr<OverloadSettings> readOverload(const Proto& proto, const FieldPath& path) {
  OverloadSettings out;
  if (proto.has_refresh_interval()) {
    const auto refresh =
        config::toPositiveMillis(proto.refresh_interval(), path.field("refresh_interval"));
    if (!refresh.ok()) {
      return refresh.status();
    }
    out.refresh = *refresh;
  }
  for (int i = 0; i < proto.resource_monitors_size(); ++i) {
    if (absl::Status status =
            readMonitor(proto.resource_monitors(i),
                        path.field("resource_monitors").index(static_cast<size_t>(i)), out);
        !status.ok()) {
      return status;
    }
  }
  for (int i = 0; i < proto.actions_size(); ++i) {
    if (absl::Status status =
            readAction(proto.actions(i), path.field("actions").index(static_cast<size_t>(i)), out);
        !status.ok()) {
      return status;
    }
  }
  if (out.maxConnections == 0) {
    // The rest is for upstreams: most connections wait most of the time, and share them.
    const uint64_t descriptors = raiseDescriptorLimit();
    out.maxConnections = static_cast<int64_t>(
        (std::max(descriptors, kOtherDescriptors + 128) - kOtherDescriptors) / 4 * 3);
  }
  if (out.maxMemoryBytes == 0 && out.triggers.empty()) {
    out.maxMemoryBytes = groupLimit();
    out.triggers = {{Action::ShrinkHeap, std::string(kMemory), 0.85},
                    {Action::ShedRequests, std::string(kMemory), 0.90},
                    {Action::StopAccepting, std::string(kMemory), 0.95}};
  }
  return out;
}

Overload::Overload(OverloadSettings settings, event::Loop& loop, proxy::OverloadState& state,
                   const stats::Scope& scope, base::LoggerPtr logger,
                   std::function<void(bool)> accepting)
    : settings_(std::move(settings)), state_(state), scope_(scope), logger_(std::move(logger)),
      accepting_(std::move(accepting)) {
  state_.maxConnections = settings_.maxConnections;
  timer_ = loop.createTimer([this] {
    refresh();
    timer_->enable(settings_.refresh);
  });
}

void Overload::start() {
  if (settings_.maxMemoryBytes > 0 && !settings_.triggers.empty()) {
    timer_->enable(settings_.refresh);
  }
}

bool Overload::wanted(Action action, const std::vector<Pressure>& pressures) const {
  return std::any_of(
      settings_.triggers.begin(), settings_.triggers.end(), [&](const auto& trigger) {
        return trigger.action == action &&
               std::any_of(pressures.begin(), pressures.end(), [&](const Pressure& p) {
                 return p.monitor == trigger.monitor && p.value >= trigger.threshold;
               });
      });
}

void Overload::refresh() {
  const double memory = static_cast<double>(residentBytes()) /
                        static_cast<double>(std::max<uint64_t>(settings_.maxMemoryBytes, 1));
  const std::vector<Pressure> pressures{{std::string(kMemory), memory}};
  scope_.child(kMemory).gauge("pressure").set(static_cast<int64_t>(memory * 100));
  auto apply = [&](Action action, std::string_view name, bool& now) {
    const bool on = wanted(action, pressures);
    scope_.child(name).gauge("active").set(on ? 1 : 0);
    if (std::exchange(now, on) == on) {
      return false;
    }
    MOE_LOG(*logger_, warn, "overload action {} is {}: memory at {:.0f} % of {} bytes", name,
            on ? "on" : "off", memory * 100, settings_.maxMemoryBytes);
    return true;
  };
  if (apply(Action::StopAccepting, kActions[0].name, stopped_)) {
    accepting_(!stopped_);
  }
  bool shed = state_.shedRequests.load(std::memory_order_relaxed);
  if (apply(Action::ShedRequests, kActions[1].name, shed)) {
    state_.shedRequests.store(shed, std::memory_order_relaxed);
  }
  bool deny = state_.disableKeepalive.load(std::memory_order_relaxed);
  if (apply(Action::DisableKeepalive, kActions[2].name, deny)) {
    state_.disableKeepalive.store(deny, std::memory_order_relaxed);
  }
  (void)apply(Action::ShrinkHeap, kActions[3].name, shrinking_);
  if (shrinking_) {
    ::malloc_trim(0);
  }
}

} // namespace moe::server
