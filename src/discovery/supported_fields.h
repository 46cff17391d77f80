#pragma once

#include <string_view>

namespace moe::discovery {

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    "envoy.config.bootstrap.v3.Bootstrap.node",
    "envoy.config.bootstrap.v3.Bootstrap.dynamic_resources",
    "envoy.config.bootstrap.v3.Bootstrap.DynamicResources.ads_config",
    "envoy.config.bootstrap.v3.Bootstrap.DynamicResources.cds_config",
    "envoy.config.bootstrap.v3.Bootstrap.DynamicResources.lds_config",
    "envoy.config.core.v3.Node.**",
};

} // namespace moe::discovery
