#pragma once

#include <sys/socket.h>

#include "base/strings.h"
#include "config/load.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "net/listener.h"
#include "proxy/connection_manager.h"
#include "proxy/log_writer.h"

namespace moe::fuzz {

// A connection manager with its filters, its routes and its pools, between a client and an upstream
// that the fuzzer plays: all on one loop, over sockets, made once and used for every input.
class WholeProxy {
public:
  WholeProxy() {
    listen();
    clusters_ = upstream::createClusterManager({worker_.loop, stats_, logger_, {}});
    const uint32_t port = address_->port();
    envoy::config::bootstrap::v3::Bootstrap bootstrap;
    check(config::loadText("b.yaml",
                           base::cat("static_resources: {clusters: [",
                                     cluster("one", port, kTrailers), ", ",
                                     cluster("two", port, kHttp2), "]}"),
                           bootstrap)
              .ok());
    check(clusters_->addClusters(bootstrap).ok());
    context_.clusters = clusters_->createWorkerClusters(worker_, context_.headers);
    proxy::HttpConnectionManagerProto proto;
    check(config::loadText("h.yaml", kManager, proto).ok());
    const proxy::FactoryContext factory{stats_, logger_, logs_, *clusters_, filters_, filters_};
    auto compiled = proxy::compileHcm(proto, config::FieldPath("h"), factory);
    check(compiled.ok());
    config_ = std::move(*compiled);
    turn();
  }

  // What the upstream answers to any request; "" for a plain 200 in HTTP/1.
  void setAnswer(std::string_view answer) { answer_ = answer; }

  // A client sends these bytes, `piece` at a time, and goes.
  void run(std::string_view bytes, size_t piece) {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    const net::Fd client(fds[0]);
    {
      net::Connection connection(worker_, net::Fd(fds[1]), address_, address_);
      auto manager = std::make_unique<proxy::ConnectionManager>(config_, context_);
      connection.addCallbacks(manager.get());
      connection.addReadFilter(std::move(manager));
      connection.start();
      while (!bytes.empty() && !connection.closed()) {
        const size_t n = std::min(piece, bytes.size());
        (void)::send(client.get(), bytes.data(), n, MSG_NOSIGNAL);
        bytes.remove_prefix(n);
        turn();
        drain(client.get());
      }
      for (int i = 0; i < 4; ++i) {
        turn();
        drain(client.get());
      }
      connection.close(net::CloseType::NoFlush);
      turn();
    }
    for (auto& upstream : upstreams_) {
      upstream->connection.close(net::CloseType::NoFlush);
    }
    turn();
    upstreams_.clear();
    turn();
  }

private:
  static constexpr const char* kTrailers = "http_protocol_options: {enable_trailers: true}, ";
  static constexpr const char* kHttp2 =
      "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
      "{\"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
      "explicit_http_config: {http2_protocol_options: {allow_connect: true}}}}, ";
  static constexpr const char* kManager = R"(
stat_prefix: fuzz
normalize_path: true
merge_slashes: true
use_remote_address: true
http_protocol_options: {enable_trailers: true, accept_http_10: true, default_host_for_http_10: h}
http2_protocol_options: {allow_connect: true}
upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: CONNECT}]
http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
route_config:
  virtual_hosts:
  - name: all
    domains: ["*"]
    routes:
    - {match: {path: /direct}, direct_response: {status: 200, body: {inline_string: here}}}
    - {match: {prefix: /moved}, redirect: {https_redirect: true}}
    - {match: {prefix: /two}, route: {cluster: two}}
    - {match: {prefix: /}, route: {cluster: one}}
    - {match: {connect_matcher: {}}, route: {cluster: one}}
)";

  // Answers every read with the same bytes.
  struct Upstream final : net::ReadFilter, net::ConnectionCallbacks {
    Upstream(WholeProxy& owner, net::Fd fd, net::AddressPtr local, net::AddressPtr remote)
        : connection(owner.worker_, std::move(fd), std::move(local), std::move(remote)),
          owner_(owner) {
      connection.addReadFilter(std::make_unique<Reader>(*this));
      connection.start();
    }
    struct Reader final : net::ReadFilter {
      explicit Reader(Upstream& u) : upstream(u) {}
      void initialize(net::Connection&) override {}
      net::FilterStatus onData(base::Buffer& data, bool end) override {
        return upstream.onData(data, end);
      }
      Upstream& upstream;
    };
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool) override {
      data.clear();
      base::Buffer out;
      out.append(owner_.worker_.slab, owner_.answer_.empty()
                                          ? "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                                          : owner_.answer_);
      connection.write(out, false);
      return net::FilterStatus::StopIteration;
    }
    void onConnectionEvent(net::ConnectionEvent) override {}
    void onAboveWriteBufferHighWatermark() override {}
    void onBelowWriteBufferLowWatermark() override {}
    net::Connection connection;
    WholeProxy& owner_;
  };

  static void check(bool good) {
    if (!good) {
      __builtin_trap();
    }
  }
  static std::string cluster(std::string_view name, uint32_t port, std::string_view more) {
    return base::cat("{name: ", name, ", type: STATIC, ", more,
                     "load_assignment: {cluster_name: ", name,
                     ", endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: ",
                     "{address: 127.0.0.1, port_value: ", port, "}}}}]}]}}");
  }
  void listen() {
    auto any = net::Address::parseIp("127.0.0.1", 0);
    check(any.ok());
    auto fd = net::listenOn(**any, {});
    check(fd.ok());
    address_ = net::Address::localOf(fd->get());
    listener_ = std::make_unique<net::Listener>(
        worker_.loop, std::move(*fd), address_,
        [this](net::Fd socket, net::AddressPtr local, net::AddressPtr remote) {
          upstreams_.push_back(std::make_unique<Upstream>(*this, std::move(socket),
                                                          std::move(local), std::move(remote)));
        });
  }
  void turn() {
    for (int i = 0; i < 3; ++i) {
      worker_.loop.runOnce();
    }
  }
  static void drain(int fd) {
    char bytes[16384];
    while (::recv(fd, bytes, sizeof(bytes), 0) > 0) {
    }
  }

  event::Worker worker_{0};
  stats::Store stats_;
  base::LoggerPtr logger_ = std::make_shared<base::Logger>("fuzz");
  proxy::LogWriter logs_{{}, stats_.root()};
  net::AddressPtr address_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<upstream::ClusterManager> clusters_;
  proxy::HttpFilterConfigs filters_;
  std::string_view answer_;
  proxy::OverloadState overload_{stats_.root()};
  proxy::WorkerContext context_{worker_, overload_};
  std::shared_ptr<const proxy::HcmConfig> config_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
};

} // namespace moe::fuzz
