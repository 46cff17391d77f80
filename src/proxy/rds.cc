#include "proxy/rds.h"

#include "base/strings.h"
#include "base/time.h"
#include "config/deterministic.h"

namespace moe::proxy {

class RouteTables::Table final : public NamedRoutes, public RouteSource::Receiver {
public:
  Table(const Options& options, std::string name, Compile compile)
      : options_(options), name_(std::move(name)), compile_(std::move(compile)),
        slot_(std::make_shared<RouteSlot>(options.concurrency, nullptr)), shown_(slot_) {}

  absl::Status start(const envoy::config::core::v3::ConfigSource& source,
                     const config::FieldPath& path, const stats::Scope& scope) {
    const stats::Scope own = scope.child("rds", "envoy_rds_route_config", name_);
    reloads_ = &own.counter("config_reload");
    reloadTime_ = &own.gauge("config_reload_time_ms");
    auto watch = options_.source->watch(source, name_, *this, path, own);
    if (!watch.ok()) {
      return watch.status();
    }
    watch_ = std::move(*watch);
    return absl::OkStatus();
  }

  const std::shared_ptr<const RouteSlot>& slot() const override { return shown_; }

  void warm(config::Warming& waiting) override {
    if (!ready_) {
      holds_.push_back(waiting.hold());
    }
  }

  absl::Status
  onResource(const envoy::config::route::v3::RouteConfiguration& configuration) override {
    if (configuration.name() != name_) {
      return config::fieldError(config::FieldPath("name"), config::inQuotes(configuration.name()),
                                config::inQuotes(name_));
    }
    auto table = compile_(configuration);
    if (!table.ok()) {
      return table.status();
    }
    slot_->set(event::endingOn(options_.mainLoop, *table), options_.workers);
    reloads_->inc();
    reloadTime_->set(base::wallNanos() / 1'000'000);
    becomeReady();
    return absl::OkStatus();
  }

  // What is known stays in use.
  void onAbsent() override { becomeReady(); }

private:
  void becomeReady() {
    ready_ = true;
    const auto holds = std::exchange(holds_, {}); // last: who waited may end this table
  }

  const Options options_;
  const std::string name_;
  const Compile compile_;
  const std::shared_ptr<RouteSlot> slot_;
  const std::shared_ptr<const RouteSlot> shown_;
  std::vector<config::Warming::Hold> holds_;
  bool ready_ = false;
  stats::Counter* reloads_ = nullptr;
  stats::Gauge* reloadTime_ = nullptr; // of the last one: milliseconds since 1970
  std::unique_ptr<RouteSource::Watch> watch_;
};

absl::StatusOr<std::shared_ptr<NamedRoutes>>
RouteTables::get(const envoy::config::core::v3::ConfigSource& source, const std::string& name,
                 const Compile& compile, const config::FieldPath& path, const stats::Scope& scope) {
  if (options_.source == nullptr) {
    return config::fieldError(path, "rds", "route_config: there is no source of routes");
  }
  std::string key = config::deterministic(source);
  key.append(1, '\0').append(name);
  if (const auto found = tables_.find(key); found != tables_.end()) {
    if (std::shared_ptr<Table> present = found->second.lock()) {
      return present;
    }
  }
  std::erase_if(tables_, [](const auto& entry) { return entry.second.expired(); });
  auto table = std::make_shared<Table>(options_, name, compile);
  if (absl::Status status = table->start(source, path.field("config_source"), scope);
      !status.ok()) {
    return status;
  }
  tables_.emplace(std::move(key), table);
  return table;
}

} // namespace moe::proxy
