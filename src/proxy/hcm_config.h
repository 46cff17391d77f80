#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/percent.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "http/codec/http1.h"
#include "http/codec/http2.h"
#include "proxy/access_log.h"
#include "proxy/client_certificate.h"
#include "proxy/factory.h"
#include "proxy/filter_chain.h"
#include "proxy/host_rules.h"
#include "proxy/internal_addresses.h"
#include "proxy/local_reply_config.h"
#include "proxy/path_rules.h"
#include "proxy/rds.h"
#include "proxy/underscores.h"
#include "route/route_table.h"

namespace moe::proxy {

using HttpConnectionManagerProto =
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

// http.<stat_prefix>. counters, with Envoy's names.
struct HcmStats {
  explicit HcmStats(const stats::Scope& scope);
  stats::Counter& cxTotal;
  stats::Gauge& cxActive;
  stats::Counter& cxDestroy;
  stats::Counter& cxDestroyRemote;
  stats::Counter& cxDestroyLocal;
  stats::Counter& cxIdleTimeout;
  stats::Counter& cxProtocolError;
  stats::Counter& cxDrainClose;
  stats::Counter& cxHttp1Total;
  stats::Gauge& cxHttp1Active;
  stats::Counter& cxHttp2Total;
  stats::Gauge& cxHttp2Active;
  stats::Counter& cxMaxRequestsReached;
  stats::Counter& cxMaxDurationReached;
  stats::Counter& cxRxBytes;
  stats::Counter& cxTxBytes;
  stats::Counter& rqTotal;
  stats::Gauge& rqActive;
  stats::Counter& rqHttp1Total;
  stats::Counter& rqHttp2Total;
  stats::Counter& rqCompleted;
  stats::Counter& rqRxReset;
  stats::Counter& rqTxReset;
  stats::Counter& rqIdleTimeout;
  stats::Counter& rqTimeout;
  stats::Counter& rqHeaderTimeout;
  stats::Counter& rqWsOnNonWsRoute;
  stats::Counter& rqFailedPathNormalization;
  stats::Counter& rqRedirectedWithNormalizedPath;
  stats::Counter& rqMaxDurationReached;
  stats::Counter& rq1xx;
  stats::Counter& rq2xx;
  stats::Counter& rq3xx;
  stats::Counter& rq4xx;
  stats::Counter& rq5xx;
  stats::Histogram& rqTime; // milliseconds
};

// A compiled HttpConnectionManager; shared by the connections of all workers. Immutable but for its
// counters.
struct HcmConfig {
  explicit HcmConfig(const stats::Scope& scope) : stats(scope) {}

  enum class CodecType { Auto, Http1, Http2 };

  std::string statPrefix;
  std::string filterChainName;
  mutable HcmStats stats;
  std::shared_ptr<const RouteSlot> routes;  // a worker's table is null before RDS has brought one
  std::shared_ptr<NamedRoutes> namedRoutes; // null: they do not change
  std::vector<ConfiguredFilter> filters;    // the router last
  std::vector<AccessLogPtr> accessLogs;
  base::LoggerPtr logger;

  std::string serverName = "envoy";
  enum class ServerHeader { Overwrite, AppendIfAbsent, PassThrough };
  ServerHeader serverHeader = ServerHeader::Overwrite;
  std::string via;
  bool useRemoteAddress = false;
  bool skipXffAppend = false;
  uint32_t xffTrustedHops = 0;
  InternalAddresses internalAddresses;
  bool generateRequestId = true;
  bool preserveExternalRequestId = false;
  bool alwaysSetRequestIdInResponse = false;
  PathRules paths;
  HostRules hosts;
  std::shared_ptr<const Underscores> underscores;       // null: all names are allowed
  std::shared_ptr<const LocalReplyConfig> localReplies; // null: as they are
  ClientCertificateRules clientCertificate;
  bool appendForwardedPort = false;
  std::string schemeToSet; // "": as the client says
  bool proxy100Continue = false;
  std::vector<std::pair<std::string, bool>> upgrades; // lower-case type -> enabled by default

  CodecType codec = CodecType::Auto;
  http::Http1ServerSettings http1;
  http::Http2Settings http2;
  std::shared_ptr<http::Http2Stats> http2Stats;
  std::optional<base::Milliseconds> idleTimeout = base::Milliseconds(3'600'000);
  base::Milliseconds streamIdleTimeout{300'000};
  base::Milliseconds requestTimeout{0};
  base::Milliseconds requestHeadersTimeout{0};
  base::Milliseconds delayedCloseTimeout{1000};
  base::Milliseconds drainTimeout{5000};
  config::Fraction drainTimeoutJitter;
  base::Milliseconds maxStreamDuration{0};     // 0: no limit
  base::Milliseconds maxConnectionDuration{0}; // 0: no limit
  config::Fraction maxConnectionDurationJitter;
  bool http1SafeMaxConnectionDuration = false;
  uint32_t maxRequestsPerConnection = 0;
};

absl::StatusOr<std::shared_ptr<const HcmConfig>> compileHcm(const HttpConnectionManagerProto& proto,
                                                            const config::FieldPath& path,
                                                            const FactoryContext& context);

// The network filter envoy.filters.network.http_connection_manager.
class HcmFilterConfig final : public NetworkFilterConfig {
public:
  absl::StatusOr<NetworkFilterFactoryPtr> compile(const google::protobuf::Message& config,
                                                  const config::FieldPath& path,
                                                  const FactoryContext& context) override;
};

} // namespace moe::proxy
