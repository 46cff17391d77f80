#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "base/strings.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "server/runtime_entries.h"
#include "stats/stats.h"

namespace moe::server {

// runtime. counters, with Envoy's names.
struct RuntimeStats {
  explicit RuntimeStats(const stats::Scope& scope);
  stats::Counter& loadSuccess; // the layers were merged
  stats::Counter& loadError;
  stats::Counter& overrideDirExists; // of disk layers, which there are not
  stats::Counter& overrideDirNotExists;
  stats::Gauge& adminOverridesActive; // 1: the admin layer has values
  stats::Gauge& numKeys;
  stats::Gauge& numLayers;
};

// The layers of a bootstrap's layered_runtime: static ones, the admin interface's, and those that
// come by RTDS. A later layer wins. What was asked for follows every change (config/runtime.h).
// Main thread.
class RuntimeLayers final : public config::Runtime {
public:
  using Proto = envoy::config::bootstrap::v3::RuntimeLayer;
  struct Layer {
    std::string name;
    Proto::LayerSpecifierCase kind;
    RuntimeEntries entries;
  };

  // Errors name the layer. `scope`: "runtime.".
  static absl::StatusOr<std::unique_ptr<RuntimeLayers>>
  create(const envoy::config::bootstrap::v3::LayeredRuntime& proto, const stats::Scope& scope,
         base::LoggerPtr logger);

  absl::StatusOr<config::RuntimeNumber> number(std::string_view key, uint64_t absent) override;
  absl::StatusOr<config::RuntimeRatio> ratio(std::string_view key, config::Ratio absent) override;

  // All that a layer says from now on. `layer`: its index.
  void set(size_t layer, RuntimeEntries entries);
  // Changes keys of the admin layer; "" takes one away. False: there is no such layer.
  bool modify(const std::vector<std::pair<std::string, std::string>>& values);

  const std::vector<Layer>& layers() const { return layers_; }
  struct Winner {
    const Layer* layer;
    const RuntimeEntry* entry;
  };
  // Each key that any layer has, and who wins.
  const std::map<std::string, Winner, std::less<>>& merged() const { return merged_; }
  // What static layers say and nobody has asked for, as paths.
  std::vector<std::string> unused() const;

private:
  enum class Kind { Number, Ratio };
  // A value that somebody has, or had.
  struct Handle {
    Kind kind;
    uint64_t absent;
    std::weak_ptr<std::atomic<uint64_t>> live;
  };

  RuntimeLayers(const stats::Scope& scope, base::LoggerPtr logger)
      : stats_(scope), logger_(std::move(logger)) {}
  absl::StatusOr<config::RuntimeValue> get(std::string_view key, Kind kind, uint64_t absent);
  // What the key says now, or `absent`; what does not fit is named in the log if `changed` has it.
  uint64_t valueOf(const Winner* winner, Kind kind, uint64_t absent, const Layer* changed) const;
  const Winner* find(std::string_view key) const;
  // Reads all layers anew, and tells those who have values. `changed`: where; null: everywhere.
  void merge(const Layer* changed);
  void forgetUnused();

  RuntimeStats stats_;
  base::LoggerPtr logger_;
  std::vector<Layer> layers_;
  std::map<std::string, Winner, std::less<>> merged_;
  base::StringMap<std::vector<Handle>> handles_; // by key
  size_t forgetAbove_ = 1024;                    // keys
};

} // namespace moe::server
