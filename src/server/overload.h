#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "config/field_path.h"
#include "envoy/config/overload/v3/overload.pb.h"
#include "event/loop.h"
#include "proxy/overload_state.h"

namespace moe::server {

// How much of a resource is in use: 0 to 1, or above when a limit has been passed.
struct Pressure {
  std::string monitor;
  double value = 0;
};

// What an overload manager is told to do (Envoy's OverloadManager, and moe's own defaults).
struct OverloadSettings {
  enum class Action { StopAccepting, ShedRequests, DisableKeepalive, ShrinkHeap };
  struct Trigger {
    Action action;
    std::string monitor;
    double threshold; // at or above it, the action is on
  };
  base::Milliseconds refresh{1000};
  int64_t maxConnections = 0;
  uint64_t maxMemoryBytes = 0; // resident; 0: not watched
  std::vector<Trigger> triggers;
};

// Settings from the bootstrap, with defaults where it is silent: connections by the number of
// descriptors the process may have, memory by the control group's limit. Errors name the field.
absl::StatusOr<OverloadSettings>
readOverload(const envoy::config::overload::v3::OverloadManager& proto,
             const config::FieldPath& path);

// Raises the limit of descriptors to what the system allows; returns it.
uint64_t raiseDescriptorLimit();

// Measures at intervals and switches actions. Main thread.
class Overload {
public:
  // `accepting` is told of changes: whether listeners shall accept. State and loop outlive this.
  Overload(OverloadSettings settings, event::Loop& loop, proxy::OverloadState& state,
           const stats::Scope& scope, base::LoggerPtr logger, std::function<void(bool)> accepting);

  void start();
  // Once, now; start() calls it at intervals.
  void refresh();

private:
  bool wanted(OverloadSettings::Action action, const std::vector<Pressure>& pressures) const;

  const OverloadSettings settings_;
  proxy::OverloadState& state_;
  stats::Scope scope_;
  base::LoggerPtr logger_;
  std::function<void(bool)> accepting_;
  std::unique_ptr<event::Timer> timer_;
  bool stopped_ = false; // accepting
  bool shrinking_ = false;
};

} // namespace moe::server
