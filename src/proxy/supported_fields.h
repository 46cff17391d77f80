#pragma once

#include <string_view>

namespace moe::proxy {

#define MOE_HCM "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."
#define MOE_TCP "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy."

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    MOE_HCM "codec_type",
    MOE_HCM "stat_prefix",
    MOE_HCM "route_config",
    MOE_HCM "http_filters",
    MOE_HCM "common_http_protocol_options",
    MOE_HCM "http_protocol_options",
    MOE_HCM "server_name",
    MOE_HCM "server_header_transformation",
    MOE_HCM "max_request_headers_kb",
    MOE_HCM "stream_idle_timeout",
    MOE_HCM "request_timeout",
    MOE_HCM "request_headers_timeout",
    MOE_HCM "delayed_close_timeout",
    MOE_HCM "drain_timeout",
    MOE_HCM "http2_protocol_options",
    MOE_HCM "access_log",
    MOE_HCM "use_remote_address",
    MOE_HCM "xff_num_trusted_hops",
    MOE_HCM "skip_xff_append",
    MOE_HCM "internal_address_config",
    MOE_HCM "InternalAddressConfig.*",
    MOE_HCM "via",
    MOE_HCM "generate_request_id",
    MOE_HCM "preserve_external_request_id",
    MOE_HCM "always_set_request_id_in_response",
    MOE_HCM "normalize_path",
    MOE_HCM "merge_slashes",
    MOE_HCM "path_with_escaped_slashes_action",
    MOE_HCM "strip_any_host_port",
    MOE_HCM "strip_matching_host_port",
    MOE_HCM "strip_trailing_host_dot",
    MOE_HCM "append_x_forwarded_port",
    MOE_HCM "scheme_header_transformation",
    MOE_HCM "http1_safe_max_connection_duration",
    MOE_HCM "proxy_100_continue",
    MOE_HCM "upgrade_configs",
    MOE_HCM "UpgradeConfig.upgrade_type",
    MOE_HCM "UpgradeConfig.enabled",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.name",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.typed_config",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.is_optional",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter.disabled",
    "envoy.config.core.v3.CidrRange.*",
    "envoy.config.core.v3.SchemeHeaderTransformation.scheme_to_overwrite",
    "envoy.config.core.v3.HttpProtocolOptions.headers_with_underscores_action",
    "envoy.config.core.v3.HttpProtocolOptions.max_connection_duration_jitter",
    "envoy.config.core.v3.Http1ProtocolOptions.allow_absolute_url",
    "envoy.config.core.v3.Http1ProtocolOptions.accept_http_10",
    "envoy.config.core.v3.Http1ProtocolOptions.default_host_for_http_10",
    "envoy.config.core.v3.Http1ProtocolOptions.enable_trailers",
    MOE_TCP "stat_prefix",
    MOE_TCP "cluster",
    MOE_TCP "weighted_clusters",
    MOE_TCP "metadata_match",
    MOE_TCP "idle_timeout",
    MOE_TCP "max_connect_attempts",
    MOE_TCP "access_log",
    MOE_TCP "WeightedCluster.clusters",
    MOE_TCP "WeightedCluster.ClusterWeight.name",
    MOE_TCP "WeightedCluster.ClusterWeight.weight",
    "envoy.config.accesslog.v3.AccessLog.name",
    "envoy.config.accesslog.v3.AccessLog.typed_config",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.path",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.format",
    "envoy.extensions.access_loggers.file.v3.FileAccessLog.log_format",
    "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog.*",
    "envoy.extensions.access_loggers.stream.v3.StderrAccessLog.*",
    "envoy.config.core.v3.SubstitutionFormatString.text_format",
    "envoy.config.core.v3.SubstitutionFormatString.text_format_source",
    "envoy.config.core.v3.SubstitutionFormatString.json_format",
    "envoy.config.core.v3.SubstitutionFormatString.omit_empty_values",
};

#undef MOE_HCM
#undef MOE_TCP

} // namespace moe::proxy
