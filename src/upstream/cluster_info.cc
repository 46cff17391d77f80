#include "upstream/cluster_info.h"

namespace moe::upstream {

ClusterStats::ClusterStats(const stats::Scope& scope)
    : cxTotal(scope.counter("upstream_cx_total")), cxActive(scope.gauge("upstream_cx_active")),
      cxConnectFail(scope.counter("upstream_cx_connect_fail")),
      cxConnectTimeout(scope.counter("upstream_cx_connect_timeout")),
      cxDestroy(scope.counter("upstream_cx_destroy")),
      cxDestroyLocal(scope.counter("upstream_cx_destroy_local")),
      cxDestroyRemote(scope.counter("upstream_cx_destroy_remote")),
      cxOverflow(scope.counter("upstream_cx_overflow")),
      cxIdleTimeout(scope.counter("upstream_cx_idle_timeout")),
      cxMaxRequests(scope.counter("upstream_cx_max_requests")),
      cxMaxDuration(scope.counter("upstream_cx_max_duration_reached")),
      cxCloseNotify(scope.counter("upstream_cx_close_notify")),
      cxHttp1Total(scope.counter("upstream_cx_http1_total")),
      cxHttp2Total(scope.counter("upstream_cx_http2_total")),
      cxRxBytes(scope.counter("upstream_cx_rx_bytes_total")),
      cxTxBytes(scope.counter("upstream_cx_tx_bytes_total")),
      cxNoneHealthy(scope.counter("upstream_cx_none_healthy")),
      rqTotal(scope.counter("upstream_rq_total")), rqActive(scope.gauge("upstream_rq_active")),
      rqPendingActive(scope.gauge("upstream_rq_pending_active")),
      rqPendingTotal(scope.counter("upstream_rq_pending_total")),
      rqPendingOverflow(scope.counter("upstream_rq_pending_overflow")),
      rqPendingFailureEject(scope.counter("upstream_rq_pending_failure_eject")),
      rqCancelled(scope.counter("upstream_rq_cancelled")),
      rqTimeout(scope.counter("upstream_rq_timeout")),
      rqMaxDuration(scope.counter("upstream_rq_max_duration_reached")),
      rqPerTryTimeout(scope.counter("upstream_rq_per_try_timeout")),
      retry(scope.counter("upstream_rq_retry")),
      retrySuccess(scope.counter("upstream_rq_retry_success")),
      retryOverflow(scope.counter("upstream_rq_retry_overflow")),
      retryLimitExceeded(scope.counter("upstream_rq_retry_limit_exceeded")),
      retryBackOff(scope.counter("upstream_rq_retry_backoff_exponential")),
      retryAbandoned(scope.counter("retry_or_shadow_abandoned")),
      redirectSucceeded(scope.counter("upstream_internal_redirect_succeeded_total")),
      redirectFailed(scope.counter("upstream_internal_redirect_failed_total")),
      rqMaintenanceMode(scope.counter("upstream_rq_maintenance_mode")),
      rqDropOverload(scope.counter("upstream_rq_drop_overload")),
      rqRxReset(scope.counter("upstream_rq_rx_reset")),
      rqTxReset(scope.counter("upstream_rq_tx_reset")),
      rqCompleted(scope.counter("upstream_rq_completed")), rq1xx(scope.counter("upstream_rq_1xx")),
      rq2xx(scope.counter("upstream_rq_2xx")), rq3xx(scope.counter("upstream_rq_3xx")),
      rq4xx(scope.counter("upstream_rq_4xx")), rq5xx(scope.counter("upstream_rq_5xx")),
      rqTime(scope.histogram("upstream_rq_time")),
      cxConnectMs(scope.histogram("upstream_cx_connect_ms")),
      membershipTotal(scope.gauge("membership_total")),
      membershipHealthy(scope.gauge("membership_healthy")),
      membershipChange(scope.counter("membership_change")),
      originalDstHostInvalid(scope.counter("original_dst_host_invalid")) {}

void ClusterStats::countResponse(uint32_t status) {
  rqCompleted.inc();
  switch (status / 100) {
  case 1:
    rq1xx.inc();
    break;
  case 2:
    rq2xx.inc();
    break;
  case 3:
    rq3xx.inc();
    break;
  case 4:
    rq4xx.inc();
    break;
  case 5:
    rq5xx.inc();
    break;
  default:
    break;
  }
}

ClusterInfo::ClusterInfo(ClusterSettings settings, stats::Scope scope)
    : settings_(std::move(settings)), scope_(std::move(scope)),
      breakers_(settings_.maxConnections, settings_.maxPendingRequests, settings_.maxRequests,
                settings_.maxRetries),
      stats_(scope_), http2Stats_(scope_.child("http2")),
      tlsStats_(settings_.transports == nullptr
                    ? nullptr
                    : std::make_unique<tls::TlsStats>(scope_.child("ssl"))) {}

std::unique_ptr<net::TransportSocket>
ClusterInfo::createTransport(uint32_t worker, const Host& host,
                             std::optional<PoolProtocol> protocol,
                             const std::shared_ptr<tls::ClientSessions>& sessions) const {
  return settings_.transports == nullptr
             ? nullptr
             : settings_.transports->create(worker, host, protocol, sessions, *tlsStats_);
}

PoolProtocol ClusterInfo::protocolFor(http::Protocol downstream) const {
  switch (settings_.protocol) {
  case UpstreamProtocol::Http1:
    return PoolProtocol::Http1;
  case UpstreamProtocol::Http2:
    return PoolProtocol::Http2;
  case UpstreamProtocol::ByAlpn:
    return PoolProtocol::ByAlpn;
  case UpstreamProtocol::AsDownstream:
    break;
  }
  return downstream == http::Protocol::Http2 ? PoolProtocol::Http2 : PoolProtocol::Http1;
}

} // namespace moe::upstream
