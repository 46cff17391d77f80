#pragma once

#include <string_view>

namespace moe::http {

// The fields that this library acts on; see config/coverage.h.
#define MOE_HTTP2 "envoy.config.core.v3.Http2ProtocolOptions."
inline constexpr std::string_view kFields[] = {
    MOE_HTTP2 "hpack_table_size",
    MOE_HTTP2 "max_concurrent_streams",
    MOE_HTTP2 "initial_stream_window_size",
    MOE_HTTP2 "initial_connection_window_size",
    MOE_HTTP2 "allow_connect",
    MOE_HTTP2 "max_outbound_control_frames",
    MOE_HTTP2 "max_consecutive_inbound_frames_with_empty_payload",
    MOE_HTTP2 "max_inbound_priority_frames_per_stream",
    MOE_HTTP2 "max_inbound_window_update_frames_per_data_frame_sent",
    MOE_HTTP2 "override_stream_error_on_invalid_http_message",
    MOE_HTTP2 "connection_keepalive",
    "envoy.config.core.v3.Http1ProtocolOptions.header_key_format",
    "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.proper_case_words",
    "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.stateful_formatter",
    "envoy.config.core.v3.TypedExtensionConfig.name",
    "envoy.config.core.v3.TypedExtensionConfig.typed_config",
    "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig."
    "formatter_type_on_envoy_headers",
    "envoy.config.core.v3.KeepaliveSettings.interval",
    "envoy.config.core.v3.KeepaliveSettings.timeout",
};
#undef MOE_HTTP2

} // namespace moe::http
