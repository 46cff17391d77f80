#include "proxy/hcm_config.h"

#include "base/strings.h"
#include "config/duration.h"
#include "http/codec/http2_options.h"
#include "proxy/connection_manager.h"
#include "proxy/hcm_options.h"

namespace moe::proxy {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = HttpConnectionManagerProto;

// Sets `out` where the field is set.
absl::Status readDuration(bool isSet, const google::protobuf::Duration& duration,
                          const FieldPath& path, base::Milliseconds& out) {
  auto value = config::toMillisOr(isSet, duration, out, path);
  if (!value.ok()) {
    return value.status();
  }
  out = *value;
  return absl::OkStatus();
}

absl::Status readTimeouts(const Proto& proto, const FieldPath& path, HcmConfig& out) {
  const auto& common = proto.common_http_protocol_options();
  base::Milliseconds idle = *out.idleTimeout;
  absl::Status status;
  status.Update(readDuration(common.has_idle_timeout(), common.idle_timeout(),
                             path.field("common_http_protocol_options").field("idle_timeout"),
                             idle));
  status.Update(readDuration(proto.has_stream_idle_timeout(), proto.stream_idle_timeout(),
                             path.field("stream_idle_timeout"), out.streamIdleTimeout));
  status.Update(readDuration(proto.has_request_timeout(), proto.request_timeout(),
                             path.field("request_timeout"), out.requestTimeout));
  status.Update(readDuration(proto.has_request_headers_timeout(), proto.request_headers_timeout(),
                             path.field("request_headers_timeout"), out.requestHeadersTimeout));
  status.Update(readDuration(proto.has_drain_timeout(), proto.drain_timeout(),
                             path.field("drain_timeout"), out.drainTimeout));
  status.Update(readDuration(proto.has_delayed_close_timeout(), proto.delayed_close_timeout(),
                             path.field("delayed_close_timeout"), out.delayedCloseTimeout));
  out.idleTimeout = idle.count() == 0 ? std::nullopt : std::optional(idle);
  out.maxRequestsPerConnection = common.max_requests_per_connection().value();
  return status;
}

absl::Status readHttp2(const Proto& proto, const FieldPath& path, const FactoryContext& context,
                       HcmConfig& out) {
  auto settings =
      http::readHttp2Options(proto.http2_protocol_options(), path.field("http2_protocol_options"));
  if (!settings.ok()) {
    return settings.status();
  }
  out.http2 = *settings;
  out.http2.maxHeadersBytes = out.http1.maxHeadersBytes;
  out.http2.maxHeadersCount = out.http1.maxHeadersCount;
  out.http2.flushTimeout = out.streamIdleTimeout;
  if (absl::Status status =
          readDuration(proto.has_stream_flush_timeout(), proto.stream_flush_timeout(),
                       path.field("stream_flush_timeout"), out.http2.flushTimeout);
      !status.ok()) {
    return status;
  }
  out.http2Stats = std::make_shared<http::Http2Stats>(context.stats.root().child("http2"));
  return absl::OkStatus();
}

absl::StatusOr<route::RouteTablePtr>
compileTable(const envoy::config::route::v3::RouteConfiguration& proto,
             const FactoryContext& context, bool validateClusters, const FieldPath& path) {
  route::RouteTableContext tables;
  tables.runtime = context.runtime;
  tables.validateClustersByDefault = validateClusters;
  tables.clusterExists = [&context](std::string_view name) { return context.clusters.has(name); };
  tables.leftOut = [&context](const absl::Status& why) {
    MOE_LOG(*context.logger, warn, "left out, as is_optional allows: {}", base::message(why));
  };
  tables.createRouteFilterConfig =
      [&context](std::string_view name, const google::protobuf::Any& any, std::string_view where)
      -> absl::StatusOr<std::shared_ptr<const http::RouteFilterConfig>> {
    const FieldPath at(where);
    auto resolved = context.routeFilters.resolve(any, name, at);
    if (!resolved.ok()) {
      return resolved.status();
    }
    return resolved->factory->compileRoute(std::string(name), *resolved->config.message,
                                           resolved->config.path, context);
  };
  return route::compileRouteTable(proto, tables, path.str());
}

absl::Status readRoutes(const Proto& proto, const FieldPath& path, const FactoryContext& context,
                        HcmConfig& out) {
  if (proto.has_rds()) {
    const FieldPath at = path.field("rds");
    if (proto.rds().route_config_name().empty()) {
      return fieldError(at.field("route_config_name"), "\"\"", "a name");
    }
    if (context.routeTables == nullptr) {
      return fieldError(path, "rds", "route_config");
    }
    FactoryContext later = context; // for when this call's own are gone
    later.warming = nullptr;
    auto named = context.routeTables->get(
        proto.rds().config_source(), proto.rds().route_config_name(),
        [later](const envoy::config::route::v3::RouteConfiguration& routes) {
          return compileTable(routes, later, false, FieldPath(""));
        },
        at,
        context.stats.root().child("http", "envoy_http_conn_manager_prefix", proto.stat_prefix()));
    if (!named.ok()) {
      return named.status();
    }
    out.namedRoutes = std::move(*named);
    out.routes = out.namedRoutes->slot();
    if (context.warming != nullptr) {
      out.namedRoutes->warm(*context.warming);
    }
    return absl::OkStatus();
  }
  if (!proto.has_route_config()) {
    return fieldError(path, "no route specifier", "route_config or rds");
  }
  auto table = compileTable(proto.route_config(), context, true, path.field("route_config"));
  if (!table.ok()) {
    return table.status();
  }
  out.routes = std::make_shared<const RouteSlot>(context.concurrency, *table);
  return absl::OkStatus();
}

class HcmFactory final : public NetworkFilterFactory {
public:
  explicit HcmFactory(std::shared_ptr<const HcmConfig> config) : config_(std::move(config)) {}
  std::unique_ptr<net::ReadFilter> createFilter(WorkerContext& context) const override {
    return std::make_unique<ConnectionManager>(config_, context);
  }
  bool terminal() const override { return true; }

private:
  std::shared_ptr<const HcmConfig> config_;
};

} // namespace

HcmStats::HcmStats(const stats::Scope& scope)
    : cxTotal(scope.counter("downstream_cx_total")), cxActive(scope.gauge("downstream_cx_active")),
      cxDestroy(scope.counter("downstream_cx_destroy")),
      cxDestroyRemote(scope.counter("downstream_cx_destroy_remote")),
      cxDestroyLocal(scope.counter("downstream_cx_destroy_local")),
      cxIdleTimeout(scope.counter("downstream_cx_idle_timeout")),
      cxProtocolError(scope.counter("downstream_cx_protocol_error")),
      cxDrainClose(scope.counter("downstream_cx_drain_close")),
      cxHttp1Total(scope.counter("downstream_cx_http1_total")),
      cxHttp1Active(scope.gauge("downstream_cx_http1_active")),
      cxHttp2Total(scope.counter("downstream_cx_http2_total")),
      cxHttp2Active(scope.gauge("downstream_cx_http2_active")),
      cxMaxRequestsReached(scope.counter("downstream_cx_max_requests_reached")),
      cxMaxDurationReached(scope.counter("downstream_cx_max_duration_reached")),
      cxRxBytes(scope.counter("downstream_cx_rx_bytes_total")),
      cxTxBytes(scope.counter("downstream_cx_tx_bytes_total")),
      rqTotal(scope.counter("downstream_rq_total")), rqActive(scope.gauge("downstream_rq_active")),
      rqHttp1Total(scope.counter("downstream_rq_http1_total")),
      rqHttp2Total(scope.counter("downstream_rq_http2_total")),
      rqCompleted(scope.counter("downstream_rq_completed")),
      rqRxReset(scope.counter("downstream_rq_rx_reset")),
      rqTxReset(scope.counter("downstream_rq_tx_reset")),
      rqIdleTimeout(scope.counter("downstream_rq_idle_timeout")),
      rqTimeout(scope.counter("downstream_rq_timeout")),
      rqHeaderTimeout(scope.counter("downstream_rq_header_timeout")),
      rqWsOnNonWsRoute(scope.counter("downstream_rq_ws_on_non_ws_route")),
      rqFailedPathNormalization(scope.counter("downstream_rq_failed_path_normalization")),
      rqRedirectedWithNormalizedPath(
          scope.counter("downstream_rq_redirected_with_normalized_path")),
      rqMaxDurationReached(scope.counter("downstream_rq_max_duration_reached")),
      rq1xx(scope.counter("downstream_rq_1xx")), rq2xx(scope.counter("downstream_rq_2xx")),
      rq3xx(scope.counter("downstream_rq_3xx")), rq4xx(scope.counter("downstream_rq_4xx")),
      rq5xx(scope.counter("downstream_rq_5xx")), rqTime(scope.histogram("downstream_rq_time")) {}

absl::StatusOr<std::shared_ptr<const HcmConfig>>
compileHcm(const Proto& proto, const FieldPath& path, const FactoryContext& context) {
  auto out = std::make_shared<HcmConfig>(
      context.stats.root().child("http", "envoy_http_conn_manager_prefix", proto.stat_prefix()));
  out->statPrefix = proto.stat_prefix();
  out->filterChainName = context.filterChainName;
  out->logger = context.logger;
  switch (proto.codec_type()) {
  case Proto::AUTO:
    break;
  case Proto::HTTP1:
    out->codec = HcmConfig::CodecType::Http1;
    break;
  case Proto::HTTP2:
    out->codec = HcmConfig::CodecType::Http2;
    break;
  default:
    return fieldError(path.field("codec_type"), Proto::CodecType_Name(proto.codec_type()),
                      "AUTO, HTTP1 or HTTP2");
  }
  if (absl::Status status = readTimeouts(proto, path, *out); !status.ok()) {
    return status;
  }
  if (absl::Status status = readHttp1(proto, path, *out); !status.ok()) {
    return status;
  }
  if (absl::Status status = readHttp2(proto, path, context, *out); !status.ok()) {
    return status;
  }
  if (absl::Status status = readRules(proto, path, context, *out); !status.ok()) {
    return status;
  }
  if (!proto.server_name().empty()) {
    out->serverName = proto.server_name();
  }
  switch (proto.server_header_transformation()) {
  case Proto::APPEND_IF_ABSENT:
    out->serverHeader = HcmConfig::ServerHeader::AppendIfAbsent;
    break;
  case Proto::PASS_THROUGH:
    out->serverHeader = HcmConfig::ServerHeader::PassThrough;
    break;
  default:
    break;
  }
  out->via = proto.via();
  out->useRemoteAddress = proto.use_remote_address().value();
  out->skipXffAppend = proto.skip_xff_append();
  out->xffTrustedHops = proto.xff_num_trusted_hops();
  if (proto.has_internal_address_config()) {
    auto internal = InternalAddresses::compile(proto.internal_address_config(),
                                               path.field("internal_address_config"));
    if (!internal.ok()) {
      return internal.status();
    }
    out->internalAddresses = std::move(*internal);
  }
  out->generateRequestId = !proto.has_generate_request_id() || proto.generate_request_id().value();
  out->preserveExternalRequestId = proto.preserve_external_request_id();
  out->alwaysSetRequestIdInResponse = proto.always_set_request_id_in_response();
  out->proxy100Continue = proto.proxy_100_continue();
  for (const auto& upgrade : proto.upgrade_configs()) {
    std::string lower = upgrade.upgrade_type();
    for (char& c : lower) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    out->upgrades.emplace_back(std::move(lower),
                               !upgrade.has_enabled() || upgrade.enabled().value());
  }
  auto logs = compileAccessLogs(proto.access_log(), path.field("access_log"), context);
  if (!logs.ok()) {
    return logs.status();
  }
  out->accessLogs = std::move(*logs);
  if (absl::Status status = readHttpFilters(proto, path, context, *out); !status.ok()) {
    return status;
  }
  if (absl::Status status = readRoutes(proto, path, context, *out); !status.ok()) {
    return status;
  }
  return out;
}

absl::StatusOr<NetworkFilterFactoryPtr>
HcmFilterConfig::compile(const google::protobuf::Message& config, const FieldPath& path,
                         const FactoryContext& context) {
  auto compiled = compileHcm(static_cast<const Proto&>(config), path, context);
  if (!compiled.ok()) {
    return compiled.status();
  }
  return std::make_shared<const HcmFactory>(std::move(*compiled));
}

} // namespace moe::proxy
