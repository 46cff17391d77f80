#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/percent.h"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "http/codec/http1.h"
#include "http/codec/http2.h"
#include "http/protocol.h"
#include "net/address.h"
#include "stats/stats.h"
#include "upstream/cluster_transports.h"

namespace moe::upstream {

// One circuit breaker: a count that all workers share, and its limit.
class Resource {
public:
  explicit Resource(uint64_t limit) : limit_(limit) {}
  // False, and nothing taken, at the limit.
  bool tryTake() {
    if (taken_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
      taken_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    return true;
  }
  // Over the limit, if need be.
  void take() { taken_.fetch_add(1, std::memory_order_relaxed); }
  void release() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

private:
  std::atomic<uint64_t> taken_{0};
  const uint64_t limit_;
};

// Envoy's circuit_breakers.thresholds of one priority; its defaults.
struct CircuitBreakers {
  explicit CircuitBreakers(uint64_t cx = 1024, uint64_t pending = 1024, uint64_t rq = 1024,
                           uint64_t retry = 3)
      : connections(cx), pendingRequests(pending), requests(rq), retries(retry) {}
  Resource connections;
  Resource pendingRequests;
  Resource requests;
  Resource retries;
};

// The cluster.<name>. counters that the request path touches.
struct ClusterStats {
  explicit ClusterStats(const stats::Scope& scope);
  // An answer that a host gave, or that this proxy gave in its place.
  void countResponse(uint32_t status);

  stats::Counter& cxTotal;
  stats::Gauge& cxActive;
  stats::Counter& cxConnectFail;
  stats::Counter& cxConnectTimeout;
  stats::Counter& cxDestroy;
  stats::Counter& cxDestroyLocal;
  stats::Counter& cxDestroyRemote;
  stats::Counter& cxOverflow;
  stats::Counter& cxIdleTimeout;
  stats::Counter& cxMaxRequests;
  stats::Counter& cxMaxDuration;
  stats::Counter& cxCloseNotify; // GOAWAY came
  stats::Counter& cxHttp1Total;
  stats::Counter& cxHttp2Total;
  stats::Counter& cxRxBytes;
  stats::Counter& cxTxBytes;
  stats::Counter& cxNoneHealthy;
  stats::Counter& rqTotal;
  stats::Gauge& rqActive;
  stats::Gauge& rqPendingActive;
  stats::Counter& rqPendingTotal;
  stats::Counter& rqPendingOverflow;
  stats::Counter& rqPendingFailureEject;
  stats::Counter& rqCancelled;
  stats::Counter& rqTimeout;
  stats::Counter& rqMaxDuration;
  stats::Counter& rqPerTryTimeout;
  stats::Counter& retry;
  stats::Counter& retrySuccess;
  stats::Counter& retryOverflow;
  stats::Counter& retryLimitExceeded;
  stats::Counter& retryBackOff;
  stats::Counter& retryAbandoned; // the body was too large to be kept
  stats::Counter& redirectSucceeded;
  stats::Counter& redirectFailed;
  stats::Counter& rqMaintenanceMode;
  stats::Counter& rqDropOverload; // by drop_overloads
  stats::Counter& rqRxReset;
  stats::Counter& rqTxReset;
  stats::Counter& rqCompleted;
  stats::Counter& rq1xx;
  stats::Counter& rq2xx;
  stats::Counter& rq3xx;
  stats::Counter& rq4xx;
  stats::Counter& rq5xx;
  stats::Histogram& rqTime; // milliseconds
  stats::Histogram& cxConnectMs;
  stats::Gauge& membershipTotal;
  stats::Gauge& membershipHealthy;
  stats::Counter& membershipChange;
  stats::Counter& originalDstHostInvalid; // a header that should name a host does not
};

// What is spoken to the hosts of a cluster.
enum class UpstreamProtocol { Http1, Http2, AsDownstream, ByAlpn };

// Of a cluster of type ORIGINAL_DST.
struct OriginalDstSettings {
  std::string header; // a request header that says where to; empty: none does
  uint16_t port = 0;  // instead of the destination's; 0: that
  // How long a host may be unused, at least; nothing: for ever.
  std::optional<base::Milliseconds> cleanupInterval = base::Milliseconds(5000);
};

// A cluster's configuration, checked and with defaults filled in.
struct ClusterSettings {
  envoy::config::cluster::v3::Cluster proto;
  base::Milliseconds connectTimeout{5000};
  // How long a connection may wait unused; nothing: for ever. Envoy's default: one hour.
  std::optional<base::Milliseconds> idleTimeout = base::Milliseconds(3'600'000);
  base::Milliseconds maxConnectionDuration{0}; // 0: no limit
  config::Fraction maxConnectionDurationJitter;
  base::Milliseconds maxStreamDuration{0}; // 0: no limit
  uint32_t maxRequestsPerConnection = 0;   // 0: no limit
  uint32_t maxHeadersCount = 100;          // of a response
  uint32_t bufferLimit = 1024 * 1024;
  UpstreamProtocol protocol = UpstreamProtocol::Http1;
  std::shared_ptr<const ClusterTransports> transports; // null: all in clear text
  bool http1Trailers = false; // to and from an HTTP/1 upstream; else dropped
  http::Http1NameCase http1NameCase;
  http::Http2Settings http2;
  std::optional<OriginalDstSettings> originalDst;
  net::AddressPtr sourceAddress; // that connections come from; null: the system chooses
  uint64_t maxConnections = 1024;
  uint64_t maxPendingRequests = 1024;
  uint64_t maxRequests = 1024;
  uint64_t maxRetries = 3;
};

// What is fixed about a cluster; shared by main thread, workers and requests. Immutable but for
// counts.
class ClusterInfo {
public:
  // `scope`: "cluster.<name>.", leased.
  ClusterInfo(ClusterSettings settings, stats::Scope scope);

  const std::string& name() const { return settings_.proto.name(); }
  const envoy::config::cluster::v3::Cluster& proto() const { return settings_.proto; }
  const ClusterSettings& settings() const { return settings_; }
  CircuitBreakers& breakers() const { return breakers_; }
  ClusterStats& stats() const { return stats_; }
  http::Http2Stats& http2Stats() const { return http2Stats_; }
  // For statistics that are made later; they live as long as this object.
  const stats::Scope& scope() const { return scope_; }
  // What to speak for a request that came in `downstream`.
  PoolProtocol protocolFor(http::Protocol downstream) const;
  // For a connection of a worker to a host, which carries HTTP if there is a protocol. Null: in
  // clear text. `sessions` are those that such connections of one worker to the host share.
  std::unique_ptr<net::TransportSocket>
  createTransport(uint32_t worker, const Host& host, std::optional<PoolProtocol> protocol,
                  const std::shared_ptr<tls::ClientSessions>& sessions) const;

private:
  const ClusterSettings settings_;
  const stats::Scope scope_; // holds the lease of all statistics below
  mutable CircuitBreakers breakers_;
  mutable ClusterStats stats_;
  mutable http::Http2Stats http2Stats_;
  std::unique_ptr<tls::TlsStats> tlsStats_; // if there are transports
};
using ClusterInfoPtr = std::shared_ptr<const ClusterInfo>;

} // namespace moe::upstream
