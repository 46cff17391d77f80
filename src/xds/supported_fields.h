#pragma once

#include <string_view>

namespace moe::xds {

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    "envoy.config.core.v3.ConfigSource.path",
    "envoy.config.core.v3.ConfigSource.path_config_source",
    "envoy.config.core.v3.ConfigSource.api_config_source",
    "envoy.config.core.v3.ConfigSource.ads",
    "envoy.config.core.v3.ConfigSource.self",
    "envoy.config.core.v3.ConfigSource.initial_fetch_timeout",
    "envoy.config.core.v3.ConfigSource.resource_api_version",
    "envoy.config.core.v3.PathConfigSource.path",
    "envoy.config.core.v3.PathConfigSource.watched_directory",
    "envoy.config.core.v3.WatchedDirectory.path",
    "envoy.config.core.v3.ApiConfigSource.api_type",
    "envoy.config.core.v3.ApiConfigSource.transport_api_version",
    "envoy.config.core.v3.ApiConfigSource.grpc_services",
    "envoy.config.core.v3.ApiConfigSource.rate_limit_settings",
    "envoy.config.core.v3.ApiConfigSource.set_node_on_first_message_only",
    "envoy.config.core.v3.RateLimitSettings.*",
    "envoy.config.core.v3.GrpcService.envoy_grpc",
    "envoy.config.core.v3.GrpcService.google_grpc",
    "envoy.config.core.v3.GrpcService.timeout",
    "envoy.config.core.v3.GrpcService.initial_metadata",
    "envoy.config.core.v3.GrpcService.retry_policy",
    "envoy.config.core.v3.GrpcService.EnvoyGrpc.cluster_name",
    "envoy.config.core.v3.GrpcService.EnvoyGrpc.authority",
    "envoy.config.core.v3.GrpcService.EnvoyGrpc.retry_policy",
    "envoy.config.core.v3.GrpcService.EnvoyGrpc.max_receive_message_length",
    "envoy.config.core.v3.GrpcService.EnvoyGrpc.skip_envoy_headers", // there are none
    "envoy.config.core.v3.GrpcService.GoogleGrpc.target_uri",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.channel_credentials",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.stat_prefix",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.channel_args",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs.**",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelCredentials.ssl_credentials",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelCredentials.local_credentials",
    "envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials.*",
    "envoy.config.core.v3.DataSource.filename",
    "envoy.config.core.v3.DataSource.inline_bytes",
    "envoy.config.core.v3.DataSource.inline_string",
    "envoy.config.core.v3.DataSource.environment_variable",
    "envoy.config.core.v3.HeaderValue.*",
    "envoy.config.core.v3.RetryPolicy.retry_back_off",
    "envoy.config.core.v3.BackoffStrategy.*",
};

} // namespace moe::xds
