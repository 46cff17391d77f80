#include "route/filter_configs.h"

#include "config/typed_config.h"

namespace moe::route {

absl::StatusOr<FilterConfigs>
compileFilterConfigs(const google::protobuf::Map<std::string, google::protobuf::Any>& configs,
                     const RouteTableContext& context, const config::FieldPath& path) {
  using Wrapper = envoy::config::route::v3::FilterConfig;
  FilterConfigs out;
  for (const auto& [name, any] : configs) {
    const config::FieldPath at = path.key(name);
    FilterConfigs::Entry entry;
    const google::protobuf::Any* inner = &any;
    Wrapper wrapper;
    if (config::typeNameOf(any.type_url()) == Wrapper::descriptor()->full_name()) {
      auto unpacked = config::unpackTo<Wrapper>(any, at);
      if (!unpacked.ok()) {
        return unpacked.status();
      }
      wrapper = std::move(*unpacked);
      entry.disabled = wrapper.disabled();
      inner = wrapper.has_config() ? &wrapper.config() : nullptr;
    }
    if (inner != nullptr) {
      if (!context.createRouteFilterConfig) {
        return config::fieldError(at, "a filter's configuration", "none: no filter takes one here");
      }
      auto compiled = context.createRouteFilterConfig(name, *inner, at.str());
      if (!compiled.ok()) {
        if (wrapper.is_optional() && compiled.status().code() == absl::StatusCode::kNotFound) {
          if (context.leftOut) {
            context.leftOut(compiled.status());
          }
          continue;
        }
        return compiled.status();
      }
      entry.config = std::move(*compiled);
    }
    out.byName.emplace(name, std::move(entry));
  }
  return out;
}

} // namespace moe::route
