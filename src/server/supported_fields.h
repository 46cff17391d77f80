#pragma once

#include <string_view>

namespace moe::server {

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    "envoy.config.bootstrap.v3.Bootstrap.static_resources",
    "envoy.config.bootstrap.v3.Bootstrap.admin",
    "envoy.config.bootstrap.v3.Bootstrap.overload_manager",
    "envoy.config.bootstrap.v3.Bootstrap.layered_runtime",
    "envoy.config.bootstrap.v3.LayeredRuntime.layers",
    "envoy.config.bootstrap.v3.RuntimeLayer.name",
    "envoy.config.bootstrap.v3.RuntimeLayer.static_layer",
    "envoy.config.overload.v3.OverloadManager.refresh_interval",
    "envoy.config.overload.v3.OverloadManager.resource_monitors",
    "envoy.config.overload.v3.OverloadManager.actions",
    "envoy.config.overload.v3.ResourceMonitor.name",
    "envoy.config.overload.v3.ResourceMonitor.typed_config",
    "envoy.config.overload.v3.OverloadAction.name",
    "envoy.config.overload.v3.OverloadAction.triggers",
    "envoy.config.overload.v3.Trigger.name",
    "envoy.config.overload.v3.Trigger.threshold",
    "envoy.config.overload.v3.Trigger.scaled",
    "envoy.config.overload.v3.ThresholdTrigger.value",
    "envoy.config.overload.v3.ScaledTrigger.saturation_threshold",
    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig."
    "max_active_downstream_connections",
    "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig.max_heap_size_bytes",
    "envoy.config.bootstrap.v3.Admin.address",
    "envoy.config.bootstrap.v3.Bootstrap.StaticResources.listeners",
    "envoy.config.bootstrap.v3.Bootstrap.StaticResources.clusters",
    "envoy.config.listener.v3.Listener.name",
    "envoy.config.listener.v3.Listener.address",
    "envoy.config.listener.v3.Listener.stat_prefix",
    "envoy.config.listener.v3.Listener.filter_chains",
    "envoy.config.listener.v3.Listener.default_filter_chain",
    "envoy.config.listener.v3.Listener.per_connection_buffer_limit_bytes",
    "envoy.config.listener.v3.Listener.tcp_backlog_size",
    "envoy.config.listener.v3.FilterChain.filters",
    "envoy.config.listener.v3.FilterChain.name",
    "envoy.config.listener.v3.Filter.name",
    "envoy.config.listener.v3.Filter.typed_config",
};

} // namespace moe::server
