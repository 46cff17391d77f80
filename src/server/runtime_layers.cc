#include "server/runtime_layers.h"

#include <algorithm>
#include <set>

namespace moe::server {

using config::fieldError;
using config::FieldPath;

namespace {

constexpr std::string_view kWanted[] = {"a whole number from 0",
                                        "a FractionalPercent, or a whole number from 0"};

std::optional<uint64_t> bitsOf(const RuntimeEntry& entry, bool ratio) {
  if (!ratio) {
    return entry.number;
  }
  return entry.ratio ? std::optional(config::RuntimeRatio::pack(*entry.ratio)) : std::nullopt;
}

} // namespace

RuntimeStats::RuntimeStats(const stats::Scope& scope)
    : loadSuccess(scope.counter("load_success")), loadError(scope.counter("load_error")),
      overrideDirExists(scope.counter("override_dir_exists")),
      overrideDirNotExists(scope.counter("override_dir_not_exists")),
      adminOverridesActive(scope.gauge("admin_overrides_active")), numKeys(scope.gauge("num_keys")),
      numLayers(scope.gauge("num_layers")) {}

absl::StatusOr<std::unique_ptr<RuntimeLayers>>
RuntimeLayers::create(const envoy::config::bootstrap::v3::LayeredRuntime& proto,
                      const stats::Scope& scope, base::LoggerPtr logger) {
  std::unique_ptr<RuntimeLayers> out(new RuntimeLayers(scope, std::move(logger)));
  const FieldPath path = FieldPath("layered_runtime").field("layers");
  std::set<std::string> names;
  bool admin = false;
  for (int i = 0; i < proto.layers_size(); ++i) {
    const Proto& layer = proto.layers(i);
    const FieldPath at = path.index(static_cast<size_t>(i));
    if (!names.insert(layer.name()).second) {
      return fieldError(at.field("name"), base::cat(config::inQuotes(layer.name()), " again"),
                        "a name of its own");
    }
    if (layer.has_admin_layer() && std::exchange(admin, true)) {
      return fieldError(at.field("admin_layer"), "a second one", "at most one admin_layer");
    }
    out->layers_.push_back({layer.name(), layer.layer_specifier_case(),
                            runtimeEntries(layer.static_layer(), at.field("static_layer"))});
  }
  out->merge(nullptr);
  return out;
}

absl::StatusOr<config::RuntimeNumber> RuntimeLayers::number(std::string_view key, uint64_t absent) {
  auto value = get(key, Kind::Number, absent);
  if (!value.ok()) {
    return value.status();
  }
  return config::RuntimeNumber(std::move(*value));
}

absl::StatusOr<config::RuntimeRatio> RuntimeLayers::ratio(std::string_view key,
                                                          config::Ratio absent) {
  auto value = get(key, Kind::Ratio, config::RuntimeRatio::pack(absent));
  if (!value.ok()) {
    return value.status();
  }
  return config::RuntimeRatio(std::move(*value));
}

absl::StatusOr<config::RuntimeValue> RuntimeLayers::get(std::string_view key, Kind kind,
                                                        uint64_t absent) {
  const Winner* winner = find(key);
  if (winner != nullptr && winner->layer->kind == Proto::kStaticLayer &&
      !bitsOf(*winner->entry, kind == Kind::Ratio)) {
    return fieldError(winner->entry->path, config::inQuotes(winner->entry->text),
                      kWanted[static_cast<size_t>(kind)]);
  }
  if (handles_.size() > forgetAbove_) {
    forgetUnused();
  }
  std::vector<Handle>& handles = handles_[std::string(key)];
  std::erase_if(handles, [](const Handle& handle) { return handle.live.expired(); });
  for (const Handle& handle : handles) {
    if (auto live = handle.live.lock();
        live != nullptr && handle.kind == kind && handle.absent == absent) {
      return config::RuntimeValue(std::move(live));
    }
  }
  auto live = std::make_shared<std::atomic<uint64_t>>(
      valueOf(winner, kind, absent, winner == nullptr ? nullptr : winner->layer));
  handles.push_back({kind, absent, live});
  return config::RuntimeValue(std::move(live));
}

const RuntimeLayers::Winner* RuntimeLayers::find(std::string_view key) const {
  const auto found = merged_.find(key);
  return found == merged_.end() ? nullptr : &found->second;
}

uint64_t RuntimeLayers::valueOf(const Winner* winner, Kind kind, uint64_t absent,
                                const Layer* changed) const {
  if (winner == nullptr) {
    return absent;
  }
  const auto bits = bitsOf(*winner->entry, kind == Kind::Ratio);
  if (!bits && winner->layer == changed) {
    MOE_LOG(*logger_, warn, "runtime layer {}: {}: found {}, expected {}; the default counts",
            winner->layer->name, winner->entry->path.str(), config::inQuotes(winner->entry->text),
            kWanted[static_cast<size_t>(kind)]);
  }
  return bits.value_or(absent);
}

void RuntimeLayers::set(size_t layer, RuntimeEntries entries) {
  merged_.clear(); // it points to what ends now
  layers_[layer].entries = std::move(entries);
  merge(&layers_[layer]);
}

bool RuntimeLayers::modify(const std::vector<std::pair<std::string, std::string>>& values) {
  const auto admin = std::find_if(layers_.begin(), layers_.end(), [](const Layer& layer) {
    return layer.kind == Proto::kAdminLayer;
  });
  if (admin == layers_.end()) {
    return false;
  }
  RuntimeEntries entries = admin->entries;
  for (const auto& [key, value] : values) {
    entries.erase(key);
    if (!value.empty()) {
      entries.emplace(key, runtimeEntry(value, FieldPath(key)));
    }
  }
  stats_.adminOverridesActive.set(entries.empty() ? 0 : 1);
  set(static_cast<size_t>(admin - layers_.begin()), std::move(entries));
  return true;
}

void RuntimeLayers::merge(const Layer* changed) {
  merged_.clear();
  for (const Layer& layer : layers_) {
    for (const auto& [key, entry] : layer.entries) {
      merged_.insert_or_assign(key, Winner{&layer, &entry});
    }
  }
  forgetUnused();
  for (const auto& [key, handles] : handles_) {
    const Winner* winner = find(key);
    for (const Handle& handle : handles) {
      if (const auto live = handle.live.lock()) {
        live->store(valueOf(winner, handle.kind, handle.absent, changed),
                    std::memory_order_relaxed);
      }
    }
  }
  stats_.loadSuccess.inc();
  stats_.numKeys.set(static_cast<int64_t>(merged_.size()));
  stats_.numLayers.set(static_cast<int64_t>(layers_.size()));
}

// Keys of what has gone, such as listeners, would pile up.
void RuntimeLayers::forgetUnused() {
  absl::erase_if(handles_, [](auto& entry) {
    std::erase_if(entry.second, [](const Handle& handle) { return handle.live.expired(); });
    return entry.second.empty();
  });
  forgetAbove_ = std::max<size_t>(1024, 2 * handles_.size());
}

std::vector<std::string> RuntimeLayers::unused() const {
  std::vector<std::string> out;
  for (const auto& [key, winner] : merged_) {
    if (winner.layer->kind == Proto::kStaticLayer && !handles_.contains(key)) {
      out.push_back(base::cat(winner.entry->path.str()));
    }
  }
  return out;
}

} // namespace moe::server
