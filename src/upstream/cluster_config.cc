#include "upstream/cluster_config.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "base/strings.h"
#include "config/duration.h"
#include "config/typed_config.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "http/codec/http1_options.h"
#include "http/codec/http2_options.h"

namespace moe::upstream {
namespace {

using Cluster = envoy::config::cluster::v3::Cluster;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using HttpProtocolOptions = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;

absl::Status readCommonOptions(const envoy::config::core::v3::HttpProtocolOptions& options,
                               const FieldPath& path, ClusterSettings& out) {
  if (options.has_idle_timeout()) {
    const auto timeout = config::toMillis(options.idle_timeout(), path.field("idle_timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    out.idleTimeout = timeout->count() == 0 ? std::nullopt : std::optional(*timeout);
  }
  auto connection =
      config::toMillisOr(options.has_max_connection_duration(), options.max_connection_duration(),
                         base::Milliseconds(0), path.field("max_connection_duration"));
  if (!connection.ok()) {
    return connection.status();
  }
  auto jitter = config::toFraction(options.max_connection_duration_jitter(),
                                   path.field("max_connection_duration_jitter"));
  if (!jitter.ok()) {
    return jitter.status();
  }
  auto stream = config::toMillisOr(options.has_max_stream_duration(), options.max_stream_duration(),
                                   base::Milliseconds(0), path.field("max_stream_duration"));
  if (!stream.ok()) {
    return stream.status();
  }
  out.maxConnectionDuration = *connection;
  out.maxConnectionDurationJitter = *jitter;
  out.maxStreamDuration = *stream;
  if (options.has_max_requests_per_connection()) {
    out.maxRequestsPerConnection = options.max_requests_per_connection().value();
  }
  if (options.has_max_headers_count()) {
    out.maxHeadersCount = options.max_headers_count().value();
  }
  return absl::OkStatus();
}

using Http1Options = envoy::config::core::v3::Http1ProtocolOptions;
using Http2Options = envoy::config::core::v3::Http2ProtocolOptions;

absl::Status useHttp2(const Http2Options& options, const FieldPath& path, ClusterSettings& out) {
  auto settings = http::readHttp2Options(options, path);
  if (!settings.ok()) {
    return settings.status();
  }
  out.http2 = *settings;
  out.protocol = UpstreamProtocol::Http2;
  return absl::OkStatus();
}

absl::Status useHttp1(const Http1Options& options, const FieldPath& path, ClusterSettings& out) {
  auto names = http::readNameCase(options, path);
  if (!names.ok()) {
    return names.status();
  }
  out.http1NameCase = *names;
  out.http1Trailers = options.enable_trailers();
  return absl::OkStatus();
}

// A deprecated message of a cluster, or null. By name: its accessor is deprecated, too.
const google::protobuf::Message* oldOptions(const Cluster& proto, const char* name) {
  const auto* field = Cluster::descriptor()->FindFieldByName(name);
  const auto* reflection = proto.GetReflection();
  return field != nullptr && reflection->HasField(proto, field)
             ? &reflection->GetMessage(proto, field)
             : nullptr;
}

// Cluster.http_protocol_options and http2_protocol_options, deprecated but in use. The second
// chooses HTTP/2.
absl::Status readOldOptions(const Cluster& proto, const FieldPath& path, ClusterSettings& out) {
  absl::Status status;
  if (const auto* options = oldOptions(proto, "http_protocol_options"); options != nullptr) {
    status.Update(useHttp1(static_cast<const Http1Options&>(*options),
                           path.field("http_protocol_options"), out));
  }
  if (const auto* options = oldOptions(proto, "http2_protocol_options"); options != nullptr) {
    status.Update(useHttp2(static_cast<const Http2Options&>(*options),
                           path.field("http2_protocol_options"), out));
  }
  return status;
}

absl::Status readUpstreamProtocol(const HttpProtocolOptions& options, const FieldPath& path,
                                  ClusterSettings& out) {
  if (options.has_auto_config()) {
    const auto& both = options.auto_config();
    const FieldPath at = path.field("auto_config");
    if (both.has_http3_protocol_options()) {
      return fieldError(at.field("http3_protocol_options"), "HTTP/3", "HTTP/1 or HTTP/2");
    }
    if (out.transports == nullptr || !out.transports->byDefault()) {
      return fieldError(at, "a choice by ALPN", "a transport_socket with TLS, which makes it");
    }
    absl::Status status =
        useHttp2(both.http2_protocol_options(), at.field("http2_protocol_options"), out);
    status.Update(useHttp1(both.http_protocol_options(), at.field("http_protocol_options"), out));
    out.protocol = UpstreamProtocol::ByAlpn;
    return status;
  }
  if (options.has_use_downstream_protocol_config()) {
    const auto& both = options.use_downstream_protocol_config();
    const FieldPath at = path.field("use_downstream_protocol_config");
    if (both.has_http3_protocol_options()) {
      return fieldError(at.field("http3_protocol_options"), "HTTP/3", "HTTP/1 or HTTP/2");
    }
    absl::Status status =
        useHttp2(both.http2_protocol_options(), at.field("http2_protocol_options"), out);
    status.Update(useHttp1(both.http_protocol_options(), at.field("http_protocol_options"), out));
    out.protocol = UpstreamProtocol::AsDownstream;
    return status;
  }
  const auto& chosen = options.explicit_http_config();
  const FieldPath at = path.field("explicit_http_config");
  if (chosen.has_http3_protocol_options()) {
    return fieldError(at.field("http3_protocol_options"), "HTTP/3", "HTTP/1 or HTTP/2");
  }
  if (chosen.has_http2_protocol_options()) {
    return useHttp2(chosen.http2_protocol_options(), at.field("http2_protocol_options"), out);
  }
  return useHttp1(chosen.http_protocol_options(), at.field("http_protocol_options"), out);
}

absl::Status readProtocolOptions(const Cluster& proto, const FieldPath& path,
                                 ClusterSettings& out) {
  constexpr std::string_view name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  if (absl::Status status = readOldOptions(proto, path, out); !status.ok()) {
    return status;
  }
  const auto found = proto.typed_extension_protocol_options().find(std::string(name));
  if (found != proto.typed_extension_protocol_options().end()) {
    const FieldPath at = path.field("typed_extension_protocol_options").key(name);
    const auto options = config::unpackTo<HttpProtocolOptions>(found->second, at);
    if (!options.ok()) {
      return options.status();
    }
    if (absl::Status status = readUpstreamProtocol(*options, at, out); !status.ok()) {
      return status;
    }
    if (options->upstream_http_protocol_options().auto_san_validation()) {
      // Not to be left out in silence: without it any certificate of the authority would do.
      return fieldError(at.field("upstream_http_protocol_options").field("auto_san_validation"),
                        "true", "false: connections are not kept apart by the request's host");
    }
    if (absl::Status status = readCommonOptions(options->common_http_protocol_options(),
                                                at.field("common_http_protocol_options"), out);
        !status.ok()) {
      return status;
    }
  }
  out.http2.maxHeadersCount = out.maxHeadersCount;
  return absl::OkStatus();
}

absl::Status checkSubsets(const Cluster& proto, const FieldPath& path) {
  const auto& subsets = proto.lb_subset_config();
  using Selector = Cluster::LbSubsetConfig::LbSubsetSelector;
  for (int i = 0; i < subsets.subset_selectors_size(); ++i) {
    const Selector& selector = subsets.subset_selectors(i);
    const FieldPath at =
        path.field("lb_subset_config").field("subset_selectors").index(static_cast<size_t>(i));
    if (selector.keys().empty()) {
      return fieldError(at.field("keys"), "none", "at least one metadata key");
    }
    if (selector.fallback_policy() != Selector::KEYS_SUBSET) {
      continue;
    }
    const auto& keys = selector.keys();
    if (selector.fallback_keys_subset().empty() ||
        selector.fallback_keys_subset_size() >= selector.keys_size()) {
      return fieldError(at.field("fallback_keys_subset"),
                        base::cat(selector.fallback_keys_subset_size(), " keys"),
                        "some of the selector's keys, but fewer");
    }
    for (const std::string& key : selector.fallback_keys_subset()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        return fieldError(at.field("fallback_keys_subset"), inQuotes(key),
                          "one of the selector's keys");
      }
    }
  }
  return absl::OkStatus();
}

// Its hosts are where connections were going: nobody else names or balances them.
absl::Status readOriginalDst(const Cluster& proto, const FieldPath& path, ClusterSettings& out) {
  if (proto.type() != Cluster::ORIGINAL_DST) {
    return absl::OkStatus();
  }
  if (proto.lb_policy() != Cluster::CLUSTER_PROVIDED) {
    return fieldError(path.field("lb_policy"), Cluster::LbPolicy_Name(proto.lb_policy()),
                      "CLUSTER_PROVIDED: the cluster is of type ORIGINAL_DST");
  }
  if (proto.has_load_assignment()) {
    return fieldError(path.field("load_assignment"), "endpoints",
                      "none: the cluster is of type ORIGINAL_DST");
  }
  if (proto.has_lb_subset_config()) {
    return fieldError(path.field("lb_subset_config"), "subsets",
                      "none: the cluster is of type ORIGINAL_DST");
  }
  OriginalDstSettings settings;
  const auto& config = proto.original_dst_lb_config();
  const FieldPath at = path.field("original_dst_lb_config");
  if (config.has_metadata_key()) {
    return fieldError(at.field("metadata_key"), "a key", "use_http_header, or neither");
  }
  if (config.use_http_header()) {
    settings.header = config.http_header_name().empty()
                          ? "x-envoy-original-dst-host"
                          : absl::AsciiStrToLower(config.http_header_name());
  }
  if (config.has_upstream_port_override()) {
    const uint32_t port = config.upstream_port_override().value();
    if (port > 65535) {
      return fieldError(at.field("upstream_port_override"), base::cat(port), "0 to 65535");
    }
    settings.port = static_cast<uint16_t>(port);
  }
  // Istio says "never" by the longest time there is.
  constexpr int64_t longest = int64_t{100} * 365 * 24 * 3600;
  if (proto.cleanup_interval().seconds() > longest) {
    settings.cleanupInterval = std::nullopt;
  } else if (proto.has_cleanup_interval()) {
    const auto interval =
        config::toPositiveMillis(proto.cleanup_interval(), path.field("cleanup_interval"));
    if (!interval.ok()) {
      return interval.status();
    }
    settings.cleanupInterval = *interval;
  }
  out.originalDst = std::move(settings);
  return absl::OkStatus();
}

absl::Status readBindConfig(const Cluster& proto, const FieldPath& path, ClusterSettings& out) {
  if (!proto.upstream_bind_config().has_source_address()) {
    return absl::OkStatus();
  }
  const auto& source = proto.upstream_bind_config().source_address();
  const FieldPath at = path.field("upstream_bind_config").field("source_address");
  if (source.port_value() > 65535) {
    return fieldError(at.field("port_value"), base::cat(source.port_value()), "0 to 65535");
  }
  auto address =
      net::Address::parseIp(source.address(), static_cast<uint16_t>(source.port_value()));
  if (!address.ok()) {
    return fieldError(at.field("address"), base::message(address.status()));
  }
  out.sourceAddress = std::move(*address);
  return absl::OkStatus();
}

} // namespace

absl::StatusOr<ClusterSettings> readCluster(const Cluster& proto, const FieldPath& path,
                                            const ClusterTls* tls) {
  ClusterSettings out;
  out.proto = proto;
  if (proto.name().empty()) {
    return fieldError(path.field("name"), "nothing", "the cluster's name");
  }
  if (proto.has_cluster_type()) {
    return fieldError(path.field("cluster_type"), inQuotes(proto.cluster_type().name()),
                      "type: STATIC, STRICT_DNS, EDS or ORIGINAL_DST");
  }
  if (proto.type() != Cluster::STATIC && proto.type() != Cluster::STRICT_DNS &&
      proto.type() != Cluster::EDS && proto.type() != Cluster::ORIGINAL_DST) {
    return fieldError(path.field("type"), Cluster::DiscoveryType_Name(proto.type()),
                      "STATIC, STRICT_DNS, EDS or ORIGINAL_DST");
  }
  if (proto.type() == Cluster::EDS && !proto.eds_cluster_config().has_eds_config()) {
    return fieldError(path.field("eds_cluster_config").field("eds_config"), "none",
                      "where the endpoints come from");
  }
  if (absl::Status status = readOriginalDst(proto, path, out); !status.ok()) {
    return status;
  }
  if (absl::Status status = readBindConfig(proto, path, out); !status.ok()) {
    return status;
  }
  if (!out.originalDst.has_value() && proto.lb_policy() != Cluster::ROUND_ROBIN &&
      proto.lb_policy() != Cluster::RANDOM && proto.lb_policy() != Cluster::LEAST_REQUEST) {
    return fieldError(path.field("lb_policy"), Cluster::LbPolicy_Name(proto.lb_policy()),
                      "ROUND_ROBIN, RANDOM or LEAST_REQUEST");
  }
  auto transports = ClusterTransports::compile(proto, path, tls);
  if (!transports.ok()) {
    return transports.status();
  }
  out.transports = std::move(*transports);
  const auto connect = config::toMillisOr(proto.has_connect_timeout(), proto.connect_timeout(),
                                          out.connectTimeout, path.field("connect_timeout"));
  if (!connect.ok()) {
    return connect.status();
  }
  out.connectTimeout = *connect;
  if (proto.has_per_connection_buffer_limit_bytes()) {
    out.bufferLimit = proto.per_connection_buffer_limit_bytes().value();
  }
  for (const auto& limits : proto.circuit_breakers().thresholds()) {
    if (limits.priority() != envoy::config::core::v3::DEFAULT) {
      continue;
    }
    if (limits.has_max_connections()) {
      out.maxConnections = limits.max_connections().value();
    }
    if (limits.has_max_pending_requests()) {
      out.maxPendingRequests = limits.max_pending_requests().value();
    }
    if (limits.has_max_requests()) {
      out.maxRequests = limits.max_requests().value();
    }
    if (limits.has_max_retries()) {
      out.maxRetries = limits.max_retries().value();
    }
  }
  if (absl::Status status = checkSubsets(proto, path); !status.ok()) {
    return status;
  }
  if (absl::Status status = readProtocolOptions(proto, path, out); !status.ok()) {
    return status;
  }
  return out;
}

} // namespace moe::upstream
