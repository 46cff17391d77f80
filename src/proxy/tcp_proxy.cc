#include "proxy/tcp_proxy.h"

#include <chrono>

#include "base/strings.h"
#include "config/duration.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"

namespace moe::proxy {
namespace {

using Proto = envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using config::fieldError;
using config::FieldPath;

struct TcpProxyStats {
  explicit TcpProxyStats(const stats::Scope& scope)
      : cxTotal(scope.counter("downstream_cx_total")),
        cxNoRoute(scope.counter("downstream_cx_no_route")),
        rxBytes(scope.counter("downstream_cx_rx_bytes_total")),
        txBytes(scope.counter("downstream_cx_tx_bytes_total")),
        idleTimeout(scope.counter("idle_timeout")) {}
  stats::Counter& cxTotal;
  stats::Counter& cxNoRoute;
  stats::Counter& rxBytes;
  stats::Counter& txBytes;
  stats::Counter& idleTimeout;
};

struct TcpProxyConfig {
  explicit TcpProxyConfig(const stats::Scope& scope) : stats(scope) {}
  mutable TcpProxyStats stats;
  std::vector<std::pair<uint64_t, std::string>> clusters; // cumulative weight, name
  upstream::MetadataMatch metadataMatch;
  std::optional<base::Milliseconds> idleTimeout = base::Milliseconds(3'600'000);
  uint32_t connectAttempts = 1;
  std::vector<AccessLogPtr> accessLogs;
  std::string filterChainName;
};

// An upstream connection whose downstream has gone, until what it still has to send is sent.
class Lingering final : public net::ConnectionCallbacks, public event::DeferredDeletable {
public:
  // Owns itself until the connection is closed.
  static void begin(event::Loop& loop, upstream::ClusterInfoPtr cluster, upstream::HostPtr host,
                    std::unique_ptr<net::Connection> connection) {
    Lingering* made = std::make_unique<Lingering>(loop, std::move(cluster), std::move(host),
                                                  std::move(connection))
                          .release();
    made->connection_->addCallbacks(made);
    made->connection_->close(net::CloseType::FlushWrite);
  }
  Lingering(event::Loop& loop, upstream::ClusterInfoPtr cluster, upstream::HostPtr host,
            std::unique_ptr<net::Connection> connection)
      : loop_(loop), cluster_(std::move(cluster)), host_(std::move(host)),
        connection_(std::move(connection)) {}

  void onConnectionEvent(net::ConnectionEvent event) override {
    if (event != net::ConnectionEvent::Connected && !std::exchange(gone_, true)) {
      upstream::releaseTcp(*cluster_, *host_);
      loop_.deferredDelete(std::unique_ptr<Lingering>(this));
    }
  }
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}

private:
  event::Loop& loop_;
  upstream::ClusterInfoPtr cluster_;
  upstream::HostPtr host_;
  std::unique_ptr<net::Connection> connection_;
  bool gone_ = false;
};

class TcpProxy final : public net::ReadFilter, public net::ConnectionCallbacks, public Drainable {
public:
  TcpProxy(std::shared_ptr<const TcpProxyConfig> config, WorkerContext& context)
      : config_(std::move(config)), context_(context), upstream_(*this) {}
  ~TcpProxy() override { endUpstream(net::CloseType::NoFlush); }

  void initialize(net::Connection& connection) override {
    downstream_ = &connection;
    connection.addCallbacks(this);
    connection.enableHalfClose(true);
    connection.setStats({&config_->stats.rxBytes, &config_->stats.txBytes});
  }

  net::FilterStatus onNewConnection() override {
    config_->stats.cxTotal.inc();
    info_.startNanos = base::monotonicNanos();
    info_.startWallNanos = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    info_.connectionId = downstream_->id();
    info_.setDownstream(downstream_->localAddress(), downstream_->remoteAddress(),
                        downstream_->socketFacts());
    info_.filterChainName = config_->filterChainName;
    downstream_->readDisable(true); // until the upstream is there
    connect();
    return net::FilterStatus::StopIteration;
  }

  net::FilterStatus onData(base::Buffer& data, bool endStream) override {
    touch();
    info_.bytesReceived += data.size();
    if (connection_ != nullptr) {
      connection_->write(data, endStream);
    }
    return net::FilterStatus::StopIteration;
  }

  // The downstream connection.
  void onConnectionEvent(net::ConnectionEvent event) override {
    if (event == net::ConnectionEvent::Connected) {
      info_.downstreamTls = downstream_->tlsPeer();
      return;
    }
    if (std::exchange(over_, true)) {
      return;
    }
    info_.downstreamFailureReason = downstream_->failureReason();
    idleTimer_ = nullptr;
    connectTimer_ = nullptr;
    endUpstream(event == net::ConnectionEvent::LocalClose ? net::CloseType::FlushWrite
                                                          : net::CloseType::NoFlush);
    info_.responseCompleteNanos = base::monotonicNanos();
    for (const AccessLogPtr& log : config_->accessLogs) {
      log->log({info_}, context_.worker.index);
    }
  }
  void onAboveWriteBufferHighWatermark() override { holdUpstream(true); }
  void onBelowWriteBufferLowWatermark() override { holdUpstream(false); }

  void onDrain() override {} // a TCP stream ends when its ends say so, or with the drain time

private:
  // The upstream connection's callbacks and its read side.
  class Upstream final : public net::ConnectionCallbacks {
  public:
    explicit Upstream(TcpProxy& proxy) : proxy_(proxy) {}
    void onConnectionEvent(net::ConnectionEvent event) override { proxy_.upstreamEvent(event); }
    void onAboveWriteBufferHighWatermark() override { proxy_.downstream_->readDisable(true); }
    void onBelowWriteBufferLowWatermark() override { proxy_.downstream_->readDisable(false); }

  private:
    TcpProxy& proxy_;
  };
  class UpstreamFilter final : public net::ReadFilter {
  public:
    explicit UpstreamFilter(TcpProxy& proxy) : proxy_(proxy) {}
    void initialize(net::Connection& /*connection*/) override {}
    net::FilterStatus onData(base::Buffer& data, bool endStream) override {
      proxy_.touch();
      proxy_.info_.bytesSent += data.size();
      proxy_.downstream_->write(data, endStream);
      return net::FilterStatus::StopIteration;
    }

  private:
    TcpProxy& proxy_;
  };

  void connect() {
    ++info_.attemptCount;
    uint64_t at = context_.worker.random.below(config_->clusters.back().first);
    const std::string* name = nullptr;
    for (const auto& [bound, cluster] : config_->clusters) {
      if (at < bound) {
        name = &cluster;
        break;
      }
    }
    upstream::WorkerCluster* cluster = context_.clusters->find(*name);
    if (cluster == nullptr) {
      config_->stats.cxNoRoute.inc();
      fail(http::ResponseFlag::NoClusterFound);
      return;
    }
    cluster_ = cluster->infoPtr();
    info_.upstreamCluster = cluster_->name();
    upstream::LoadBalancerContext balancing;
    balancing.metadataMatch = config_->metadataMatch.empty() ? nullptr : &config_->metadataMatch;
    balancing.destination = info_.restoredDestination();
    balancing.mayDrop = false; // requests are dropped, connections are not
    host_ = cluster->chooseHost(balancing);
    if (host_ == nullptr) {
      fail(http::ResponseFlag::NoHealthyUpstream);
      return;
    }
    connection_ = cluster->connectTcp(host_);
    if (connection_ == nullptr) {
      fail(http::ResponseFlag::UpstreamOverflow);
      return;
    }
    info_.upstreamRemote = host_->address();
    connection_->enableHalfClose(true);
    connection_->addCallbacks(&upstream_);
    connection_->addReadFilter(std::make_unique<UpstreamFilter>(*this));
    connectTimer_ = context_.worker.loop.createTimer([this] {
      cluster_->stats().cxConnectTimeout.inc();
      connection_->close(net::CloseType::NoFlush);
    });
    connectTimer_->enable(cluster_->settings().connectTimeout);
  }

  void fail(http::ResponseFlag flag) {
    info_.setFlag(flag);
    downstream_->close(net::CloseType::NoFlush);
  }

  void upstreamEvent(net::ConnectionEvent event) {
    if (event == net::ConnectionEvent::Connected) {
      connectTimer_ = nullptr;
      connected_ = true;
      info_.upstreamLocal = connection_->localAddress();
      info_.upstreamTls = connection_->tlsPeer();
      downstream_->readDisable(false);
      if (config_->idleTimeout.has_value()) {
        idleTimer_ = context_.worker.loop.createTimer([this] {
          config_->stats.idleTimeout.inc();
          downstream_->close(net::CloseType::NoFlush);
        });
        touch();
      }
      return;
    }
    const bool wasConnecting = !connected_;
    info_.upstreamFailureReason = connection_->failureReason();
    releaseUpstream();
    if (over_) {
      return;
    }
    if (!wasConnecting) {
      downstream_->close(net::CloseType::FlushWrite);
      return;
    }
    cluster_->stats().cxConnectFail.inc();
    if (info_.attemptCount < config_->connectAttempts) {
      connect();
    } else {
      fail(http::ResponseFlag::UpstreamConnectionFailure);
    }
  }

  void releaseUpstream() {
    connectTimer_ = nullptr;
    if (connection_ != nullptr) {
      upstream::releaseTcp(*cluster_, *host_);
      context_.worker.loop.deferredDelete(std::move(connection_));
    }
  }

  void endUpstream(net::CloseType type) {
    over_ = true;
    if (connection_ == nullptr) {
      return;
    }
    if (connection_->connecting()) {
      type = net::CloseType::NoFlush;
    }
    // This filter goes with the downstream connection.
    connection_->removeCallbacks(&upstream_);
    if (type == net::CloseType::FlushWrite) {
      connectTimer_ = nullptr;
      Lingering::begin(context_.worker.loop, cluster_, host_, std::move(connection_));
      return;
    }
    connection_->close(net::CloseType::NoFlush);
    releaseUpstream();
  }

  void holdUpstream(bool hold) {
    if (connection_ != nullptr) {
      connection_->readDisable(hold);
    }
  }

  void touch() {
    if (idleTimer_ != nullptr) {
      idleTimer_->enable(*config_->idleTimeout);
    }
  }

  std::shared_ptr<const TcpProxyConfig> config_;
  WorkerContext& context_;
  Upstream upstream_;
  net::Connection* downstream_ = nullptr;
  std::unique_ptr<net::Connection> connection_; // upstream
  upstream::ClusterInfoPtr cluster_;
  upstream::HostPtr host_;
  http::StreamInfo info_;
  std::unique_ptr<event::Timer> connectTimer_;
  std::unique_ptr<event::Timer> idleTimer_;
  bool connected_ = false;
  bool over_ = false;
};

class TcpProxyFactory final : public NetworkFilterFactory {
public:
  explicit TcpProxyFactory(std::shared_ptr<const TcpProxyConfig> config)
      : config_(std::move(config)) {}
  std::unique_ptr<net::ReadFilter> createFilter(WorkerContext& context) const override {
    return std::make_unique<TcpProxy>(config_, context);
  }
  bool terminal() const override { return true; }

private:
  std::shared_ptr<const TcpProxyConfig> config_;
};

absl::Status readClusters(const Proto& proto, const FieldPath& path, const FactoryContext& context,
                          TcpProxyConfig& out) {
  const auto add = [&](const std::string& name, uint64_t weight, const FieldPath& at) {
    if (!context.dynamic && !context.clusters.has(name)) {
      return fieldError(at, config::inQuotes(name),
                        "the name of a cluster in static_resources.clusters");
    }
    out.clusters.emplace_back((out.clusters.empty() ? 0 : out.clusters.back().first) + weight,
                              name);
    return absl::OkStatus();
  };
  switch (proto.cluster_specifier_case()) {
  case Proto::kCluster:
    return add(proto.cluster(), 1, path.field("cluster"));
  case Proto::kWeightedClusters:
    for (int i = 0; i < proto.weighted_clusters().clusters_size(); ++i) {
      const auto& cluster = proto.weighted_clusters().clusters(i);
      const FieldPath at =
          path.field("weighted_clusters").field("clusters").index(static_cast<size_t>(i));
      if (absl::Status status = add(cluster.name(), cluster.weight(), at.field("name"));
          !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  default:
    return fieldError(path, "no cluster", "cluster or weighted_clusters");
  }
}

} // namespace

absl::StatusOr<NetworkFilterFactoryPtr>
TcpProxyFilterConfig::compile(const google::protobuf::Message& message, const FieldPath& path,
                              const FactoryContext& context) {
  const auto& proto = static_cast<const Proto&>(message);
  auto out = std::make_shared<TcpProxyConfig>(
      context.stats.root().child("tcp", "envoy_tcp_prefix", proto.stat_prefix()));
  out->filterChainName = context.filterChainName;
  if (absl::Status status = readClusters(proto, path, context, *out); !status.ok()) {
    return status;
  }
  if (proto.has_idle_timeout()) {
    auto idle = config::toMillis(proto.idle_timeout(), path.field("idle_timeout"));
    if (!idle.ok()) {
      return idle.status();
    }
    out->idleTimeout = idle->count() == 0 ? std::nullopt : std::optional(*idle);
  }
  if (proto.has_max_connect_attempts()) {
    out->connectAttempts = std::max(1u, proto.max_connect_attempts().value());
  }
  const auto found = proto.metadata_match().filter_metadata().find("envoy.lb");
  if (found != proto.metadata_match().filter_metadata().end()) {
    out->metadataMatch = upstream::MetadataMatch(found->second);
  }
  auto logs = compileAccessLogs(proto.access_log(), path.field("access_log"), context);
  if (!logs.ok()) {
    return logs.status();
  }
  out->accessLogs = std::move(*logs);
  return std::make_shared<const TcpProxyFactory>(std::move(out));
}

} // namespace moe::proxy
