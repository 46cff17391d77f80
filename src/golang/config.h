#pragma once

#include <google/protobuf/any.pb.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "golang/plugin_library.h"
#include "golang/request.h"
#include "http/filter.h"
#include "stats/stats.h"

namespace moe::golang {

// A configuration that Go has parsed, known to it by a number. Destroyed in Go with this object.
// Immutable; any thread.
class GoConfig {
public:
  // Has the plugin parse `config`. The error (Go has logged the reason) carries no field path.
  static absl::StatusOr<std::shared_ptr<const GoConfig>> make(PluginLibraryPtr library,
                                                              const std::string& pluginName,
                                                              const google::protobuf::Any& config,
                                                              bool forRoute, uint32_t concurrency);
  GoConfig(PluginLibraryPtr library, uint64_t id) : library_(std::move(library)), id_(id) {}
  ~GoConfig();
  GoConfig(const GoConfig&) = delete;
  GoConfig& operator=(const GoConfig&) = delete;

  uint64_t id() const { return id_; }
  const PluginLibraryPtr& library() const { return library_; }

private:
  PluginLibraryPtr library_;
  uint64_t id_;
};
using GoConfigPtr = std::shared_ptr<const GoConfig>;

// Per plugin name.
struct PluginStats {
  PluginStats(const stats::Scope& scope, const std::shared_ptr<PluginIdentity>& identity);
  stats::Counter& requests;     // streams that entered Go
  stats::Gauge& requestsActive; // of them, not yet destroyed
  stats::Gauge& requestsLive;   // objects that Go has not yet let go of
  stats::Counter& calls;        // from C++ to Go
  stats::Counter& panics;       // answered with 500
  stats::Counter& localReplies; // sent by the plugin, panics not counted
  stats::Counter& errors;       // answers that make no sense, invalid header names or values
  stats::Histogram& timeInGo;   // microseconds per request, in calls on the worker
};

// What merges the filter's configuration with those of the route (Config.merge_policy).
enum class MergePolicy { Filter, Route, Override };

// One golang filter of one filter chain. Immutable; shared by all workers.
struct FilterConfig {
  std::shared_ptr<PluginIdentity> identity;
  PluginLibraryPtr library;
  GoConfigPtr config;
  MergePolicy mergePolicy = MergePolicy::Filter;
  PluginStats stats;
  base::LoggerPtr logger;
};

// The configuration of one plugin on one route, merged with what lies below it as it is needed.
// Any thread; look-ups take no lock.
class RoutePlugin {
public:
  RoutePlugin(std::string pluginName, GoConfigPtr config)
      : pluginName_(std::move(pluginName)), config_(std::move(config)) {}
  ~RoutePlugin();

  // Null config: the plugin is off on this route.
  bool disabled() const { return config_ == nullptr; }
  uint64_t id() const { return config_->id(); }
  // The id of this configuration merged over `parent`; made by Go on the first call.
  uint64_t mergedOver(uint64_t parent) const;

private:
  struct Merged {
    Merged(uint64_t over, PluginLibraryPtr library, uint64_t id, std::unique_ptr<Merged> older)
        : parent(over), config(std::move(library), id), next(std::move(older)) {}
    uint64_t parent;
    GoConfig config;
    std::unique_ptr<Merged> next;
  };
  const Merged* findMerged(uint64_t parent) const;

  std::string pluginName_;
  GoConfigPtr config_;
  mutable std::mutex mutex_; // one merge at a time
  mutable std::unique_ptr<Merged> owned_;
  mutable std::atomic<const Merged*> merged_{nullptr};
};

// ConfigsPerRoute: plugins by name.
class RouteConfig final : public http::RouteFilterConfig {
public:
  base::StringMap<std::unique_ptr<RoutePlugin>> plugins;
  const RoutePlugin* find(std::string_view pluginName) const;
};

// The configuration that a request on this route has, 0 if the plugin is off there.
uint64_t configIdFor(const FilterConfig& filter, std::string_view filterName,
                     const http::RouteView* route);

} // namespace moe::golang
