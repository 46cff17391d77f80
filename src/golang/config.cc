#include "golang/config.h"

#include "config/field_path.h"
#include "golang/http_config.h"

namespace moe::golang {

absl::StatusOr<GoConfigPtr> GoConfig::make(PluginLibraryPtr library, const std::string& pluginName,
                                           const google::protobuf::Any& config, bool forRoute,
                                           uint32_t concurrency) {
  const std::string bytes = config.SerializeAsString();
  const uint64_t id = parseInGo(library->http(), pluginName, bytes, forRoute, concurrency);
  if (id == 0) {
    return absl::InvalidArgumentError(
        base::cat("found a configuration that the plugin ", config::inQuotes(pluginName),
                  " does not take (it has logged why), expected one that it parses"));
  }
  return std::make_shared<const GoConfig>(std::move(library), id);
}

GoConfig::~GoConfig() {
  if (id_ != 0) {
    library_->http().destroyConfig(id_, 0);
  }
}

PluginStats::PluginStats(const stats::Scope& scope, const std::shared_ptr<PluginIdentity>& identity)
    : requests(scope.counter("requests_total")), requestsActive(scope.gauge("requests_active")),
      requestsLive(scope.gauge("requests_live")), calls(scope.counter("calls")),
      panics(scope.counter("panic_error")), localReplies(scope.counter("local_replies")),
      errors(scope.counter("errors")), timeInGo(scope.histogram("time_in_go_us")) {
  requestsLive.follow({identity, &identity->live});
}

RoutePlugin::~RoutePlugin() {
  while (owned_ != nullptr) { // not by recursion
    owned_ = std::move(owned_->next);
  }
}

const RoutePlugin::Merged* RoutePlugin::findMerged(uint64_t parent) const {
  const Merged* at = merged_.load(std::memory_order_acquire);
  while (at != nullptr && at->parent != parent) {
    at = at->next.get();
  }
  return at;
}

uint64_t RoutePlugin::mergedOver(uint64_t parent) const {
  if (const Merged* known = findMerged(parent)) {
    return known->config.id();
  }
  const std::lock_guard lock(mutex_);
  if (const Merged* known = findMerged(parent)) {
    return known->config.id();
  }
  const uint64_t id = config_->library()->http().mergeConfig(
      reinterpret_cast<uint64_t>(pluginName_.data()), pluginName_.size(), parent, config_->id());
  owned_ = std::make_unique<Merged>(parent, config_->library(), id, std::move(owned_));
  merged_.store(owned_.get(), std::memory_order_release);
  return id;
}

const RoutePlugin* RouteConfig::find(std::string_view pluginName) const {
  const auto found = plugins.find(pluginName);
  return found == plugins.end() ? nullptr : found->second.get();
}

uint64_t configIdFor(const FilterConfig& filter, std::string_view filterName,
                     const http::RouteView* route) {
  uint64_t id = filter.mergePolicy == MergePolicy::Filter ? filter.config->id() : 0;
  bool off = false;
  if (route != nullptr && route->perFilterConfig(filterName) != nullptr) {
    route->forEachPerFilterConfig(filterName, [&](const http::RouteFilterConfig& any) {
      const RoutePlugin* plugin = static_cast<const RouteConfig&>(any).find(filter.identity->name);
      if (plugin == nullptr) {
        return;
      }
      off = plugin->disabled();
      if (!off) {
        id = id == 0 || filter.mergePolicy == MergePolicy::Override ? plugin->id()
                                                                    : plugin->mergedOver(id);
      }
    });
  }
  if (off) {
    return 0;
  }
  return id == 0 ? filter.config->id() : id;
}

} // namespace moe::golang
