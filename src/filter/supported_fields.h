#pragma once

#include <string_view>

namespace moe::filter {

// The fields that this library acts on; see config/coverage.h.
inline constexpr std::string_view kFields[] = {
    // Refused where they are true.
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.enable_ja3_fingerprinting",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.enable_ja4_fingerprinting",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.initial_read_buffer_size",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector.max_client_hello_size",
    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector."
    "close_connection_on_client_hello_parsing_errors",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.rules",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol."
    "allow_requests_without_proxy_protocol",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.disallowed_versions",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.stat_prefix",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.tlv_location",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule.tlv_type",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.Rule.on_tlv_present",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair."
    "metadata_namespace",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair.key",
    "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol.KeyValuePair."
    "value_string_encoding",
};

} // namespace moe::filter
