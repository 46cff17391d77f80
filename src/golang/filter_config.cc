#include "golang/filter_config.h"

#include "contrib/envoy/extensions/filters/http/golang/v3alpha/golang.pb.h"
#include "golang/filter.h"

namespace moe::golang {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::extensions::filters::http::golang::v3alpha::Config;
using RouteProto = envoy::extensions::filters::http::golang::v3alpha::ConfigsPerRoute;

class GolangFilterFactory final : public http::FilterFactory {
public:
  explicit GolangFilterFactory(std::shared_ptr<const FilterConfig> config)
      : config_(std::move(config)) {}
  std::unique_ptr<http::StreamFilter> createFilter(event::Worker& worker) const override {
    return std::make_unique<Filter>(*config_, worker);
  }

private:
  // Streams hold the filter chain's configuration, and with it this.
  std::shared_ptr<const FilterConfig> config_;
};

MergePolicy policyOf(const Proto& proto) {
  switch (proto.merge_policy()) {
  case Proto::MERGE_VIRTUALHOST_ROUTER:
    return MergePolicy::Route;
  case Proto::OVERRIDE:
    return MergePolicy::Override;
  default:
    return MergePolicy::Filter;
  }
}

} // namespace

absl::StatusOr<http::FilterFactoryPtr>
GolangFilterConfig::compile(const std::string& /*name*/, const google::protobuf::Message& config,
                            const FieldPath& path, const proxy::FactoryContext& context) {
  const auto& proto = static_cast<const Proto&>(config);
  for (const auto& [field, value] : {std::pair("library_id", &proto.library_id()),
                                     {"library_path", &proto.library_path()},
                                     {"plugin_name", &proto.plugin_name()}}) {
    if (value->empty()) {
      return fieldError(path.field(field), "nothing", "a text that is not empty");
    }
  }
  auto library = plugins_.library(proto.library_id(), proto.library_path());
  if (!library.ok()) {
    return fieldError(path.field("library_path"), base::message(library.status()));
  }
  auto parsed = GoConfig::make(*library, proto.plugin_name(), proto.plugin_config(), false,
                               context.concurrency);
  if (!parsed.ok()) {
    return fieldError(path.field("plugin_config"), base::message(parsed.status()));
  }
  auto plugin = plugins_.plugin(proto.plugin_name(), *library);
  if (!plugin.ok()) {
    return fieldError(path.field("plugin_name"), base::message(plugin.status()));
  }
  return std::make_shared<const GolangFilterFactory>(std::make_shared<const FilterConfig>(
      FilterConfig{.identity = plugin->identity,
                   .library = *library,
                   .config = std::move(*parsed),
                   .mergePolicy = policyOf(proto),
                   .stats = PluginStats(
                       context.stats.root().child("golang", "envoy_go_plugin", proto.plugin_name()),
                       plugin->identity),
                   .logger = context.logger}));
}

absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>>
GolangFilterConfig::compileRoute(const std::string& /*name*/,
                                 const google::protobuf::Message& config, const FieldPath& path,
                                 const proxy::FactoryContext& context) {
  auto out = std::make_shared<RouteConfig>();
  for (const auto& [plugin, entry] : static_cast<const RouteProto&>(config).plugins_config()) {
    const FieldPath at = path.field("plugins_config").key(plugin);
    if (entry.has_disabled()) {
      if (!entry.disabled()) {
        return fieldError(at.field("disabled"), "false", "true, or config");
      }
      out->plugins.emplace(plugin, std::make_unique<RoutePlugin>(plugin, nullptr));
      continue;
    }
    const PluginLibraryPtr library = plugins_.find(plugin);
    if (library == nullptr) {
      return fieldError(at, base::cat("a plugin of this name in no HTTP filter"),
                        "the plugin_name of a configured golang filter");
    }
    auto parsed = GoConfig::make(library, plugin, entry.config(), true, context.concurrency);
    if (!parsed.ok()) {
      return fieldError(at.field("config"), base::message(parsed.status()));
    }
    out->plugins.emplace(plugin, std::make_unique<RoutePlugin>(plugin, std::move(*parsed)));
  }
  return out;
}

} // namespace moe::golang
