#pragma once

#include <string_view>

namespace moe::golang {

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    "envoy.extensions.filters.http.golang.v3alpha.Config.library_id",
    "envoy.extensions.filters.http.golang.v3alpha.Config.library_path",
    "envoy.extensions.filters.http.golang.v3alpha.Config.plugin_name",
    "envoy.extensions.filters.http.golang.v3alpha.Config.plugin_config",
    "envoy.extensions.filters.http.golang.v3alpha.Config.merge_policy",
    "envoy.extensions.filters.http.golang.v3alpha.ConfigsPerRoute.plugins_config",
    "envoy.extensions.filters.http.golang.v3alpha.RouterPlugin.disabled",
    "envoy.extensions.filters.http.golang.v3alpha.RouterPlugin.config",
    // What a plugin is given as it is.
    "xds.type.v3.TypedStruct.**",
    "udpa.type.v1.TypedStruct.**",
};

} // namespace moe::golang
