#include "server/server.h"

#include <csignal>
#include <thread>

#include "base/strings.h"
#include "config/load.h"
#include "config/validate.h"
#include "contrib/envoy/extensions/filters/http/golang/v3alpha/golang.pb.h"
#include "discovery/supported_fields.h"
#include "filter/listener/http_inspector/config.h"
#include "filter/listener/original_dst/config.h"
#include "filter/listener/proxy_protocol/config.h"
#include "filter/listener/tls_inspector/config.h"
#include "filter/supported_fields.h"
#include "golang/exports.h"
#include "golang/filter_config.h"
#include "golang/log_bridge.h"
#include "golang/supported_fields.h"
#include "http/supported_fields.h"
#include "proxy/hcm_config.h"
#include "proxy/supported_fields.h"
#include "proxy/tcp_proxy.h"
#include "route/supported_fields.h"
#include "server/supported_fields.h"
#include "tls/supported_fields.h"
#include "upstream/supported_fields.h"
#include "xds/supported_fields.h"

namespace moe::server {

using config::FieldPath;

Server::Server(Options options, base::LoggerPtr logger)
    : options_(std::move(options)), logger_(std::move(logger)),
      coverage_({tls::kFields, http::kFields, upstream::kFields, route::kFields, proxy::kFields,
                 filter::kFields, golang::kFields, xds::kFields, discovery::kFields, kFields}) {
  if (options_.concurrency == 0) {
    options_.concurrency = std::max(1u, std::thread::hardware_concurrency());
  }
}

// What workers let go of ends while all that it refers to is there.
Server::~Server() { end(); }

absl::Status Server::load() {
  config::LoadOptions loading;
  std::vector<std::string> skipped;
  loading.allowUnknownFields = options_.allowUnknownStaticFields;
  loading.skipped = &skipped;
  if (!options_.configPath.empty()) {
    if (absl::Status status =
            config::loadFile(options_.configPath, bootstrap_, &locations_, loading);
        !status.ok()) {
      return status;
    }
  }
  if (!options_.configYaml.empty()) {
    if (absl::Status status = config::mergeText("--config-yaml", options_.configYaml, bootstrap_,
                                                &locations_, loading);
        !status.ok()) {
      return status;
    }
  }
  for (const std::string& line : skipped) {
    MOE_LOG(*logger_, warn, "{}", line);
  }
  if (absl::Status status = config::validate(bootstrap_); !status.ok()) {
    return locations_.annotate(status);
  }
  if (absl::Status status = reportCoverage(); !status.ok()) {
    return status;
  }
  return locations_.annotate(compile());
}

// Set fields that nothing acts on: named; with --strict, or if they guard a door, refused.
absl::Status Server::reportCoverage() {
  const config::CoverageReport report = coverage_.walk(bootstrap_, FieldPath(), &locations_);
  for (const config::UncoveredField& field : report.refused) {
    return absl::InvalidArgumentError(base::cat(
        field.str(), ": found a security setting that moe does not act on, expected none"));
  }
  std::vector<std::string> fields;
  fields.reserve(report.ignored.size());
  for (const config::UncoveredField& field : report.ignored) {
    fields.push_back(field.str());
  }
  return ignore(fields);
}

absl::Status Server::ignore(const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    if (options_.strict) {
      return absl::InvalidArgumentError(
          base::cat(field, ": found a field that moe does not act on, expected none (--strict)"));
    }
    MOE_LOG(*logger_, warn, "{}: moe does not act on this field", field);
    ignoredFields_.push_back(field);
  }
  return absl::OkStatus();
}

absl::Status Server::addFilters() {
  absl::Status status =
      networkFilters_.add(std::string(proxy::HttpConnectionManagerProto::descriptor()->full_name()),
                          std::make_unique<proxy::HcmFilterConfig>());
  status.Update(networkFilters_.add("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                                    std::make_unique<proxy::TcpProxyFilterConfig>()));
  status.Update(
      listenerFilters_.add("envoy.extensions.filters.listener.original_dst.v3.OriginalDst",
                           std::make_unique<filter::original_dst::OriginalDstConfig>()));
  status.Update(
      listenerFilters_.add("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                           std::make_unique<filter::tls_inspector::TlsInspectorConfig>()));
  status.Update(
      listenerFilters_.add("envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
                           std::make_unique<filter::http_inspector::HttpInspectorConfig>()));
  status.Update(
      listenerFilters_.add("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                           std::make_unique<filter::proxy_protocol::ProxyProtocolConfig>()));
  using GolangProto = envoy::extensions::filters::http::golang::v3alpha::Config;
  using GolangRouteProto = envoy::extensions::filters::http::golang::v3alpha::ConfigsPerRoute;
  golang::bindGoLog(logger_);
  golang::showCallsNotOffered(stats_.root());
  status.Update(httpFilters_.add(std::string(GolangProto::descriptor()->full_name()),
                                 std::make_unique<golang::GolangFilterConfig>(plugins_)));
  status.Update(routeFilters_.add(std::string(GolangRouteProto::descriptor()->full_name()),
                                  std::make_unique<golang::GolangFilterConfig>(plugins_)));
  return status;
}

absl::Status Server::compile() {
  auto dynamic = discovery::Dynamic::create({.loop = loop_,
                                             .stats = stats_,
                                             .logger = logger_,
                                             .bootstrap = bootstrap_,
                                             .version = options_.build,
                                             .coverage = coverage_,
                                             .strict = options_.strict,
                                             .ignored = [this](std::string line) {
                                               MOE_LOG(*logger_, warn,
                                                       "{}: moe does not act on this field", line);
                                               ignoredFields_.push_back(std::move(line));
                                             }});
  if (!dynamic.ok()) {
    return dynamic.status();
  }
  dynamic_ = std::move(*dynamic);
  if (absl::Status runtime = compileRuntime(); !runtime.ok()) {
    return runtime;
  }
  routeTables_ = std::make_unique<proxy::RouteTables>(
      proxy::RouteTables::Options{.source = &dynamic_->routes(),
                                  .mainLoop = loop_,
                                  .workers = workerLoops_,
                                  .concurrency = options_.concurrency,
                                  .stats = stats_});
  namedFilters_ = std::make_unique<proxy::NamedFilters>(
      proxy::NamedFilters::Options{.source = &dynamic_->extensions(),
                                   .mainLoop = loop_,
                                   .workers = workerLoops_,
                                   .concurrency = options_.concurrency,
                                   .stats = stats_,
                                   .logger = logger_});
  transports_ = std::make_unique<tls::TransportCompiler>(
      tls::TransportCompiler::Options{.secrets = &dynamic_->secrets(),
                                      .mainLoop = loop_,
                                      .workers = workerLoops_,
                                      .concurrency = options_.concurrency,
                                      .stats = stats_});
  if (absl::Status secrets = transports_->addSecrets(
          bootstrap_.static_resources().secrets(), FieldPath("static_resources").field("secrets"));
      !secrets.ok()) {
    return secrets;
  }
  clusters_ = upstream::createClusterManager({.mainLoop = loop_,
                                              .stats = stats_,
                                              .logger = logger_,
                                              .dnsServers = {},
                                              .endpoints = &dynamic_->endpoints(),
                                              .tls = transports_.get()});
  absl::Status status = addFilters();
  if (!status.ok()) {
    return status;
  }
  logs_ = std::make_unique<proxy::LogWriter>(
      proxy::LogWriterOptions{.flushInterval = options_.fileFlushInterval,
                              .flushBytes = options_.fileFlushBytes,
                              .workers = options_.concurrency},
      stats_.root().child("filesystem"));
  context_ = std::make_unique<proxy::FactoryContext>(proxy::FactoryContext{
      stats_, logger_, *logs_, *clusters_, httpFilters_, routeFilters_, options_.concurrency});
  context_->runtime = runtime_.get();
  context_->tls = transports_.get();
  context_->routeTables = routeTables_.get();
  context_->namedFilters = namedFilters_.get();
  if (absl::Status added = clusters_->addClusters(bootstrap_); !added.ok()) {
    return added;
  }
  if (absl::Status found = dynamic_->setClusters(*clusters_); !found.ok()) {
    return found;
  }
  auto overload = readOverload(bootstrap_.overload_manager(), FieldPath("overload_manager"));
  if (!overload.ok()) {
    return overload.status();
  }
  overloadSettings_ = std::move(*overload);
  if (absl::Status listeners = compileListeners(); !listeners.ok()) {
    return listeners;
  }
  return readAdmin();
}

absl::Status Server::serve() {
  if (absl::Status status = bind(); !status.ok()) {
    return status;
  }
  overload_ = std::make_unique<Overload>(overloadSettings_, loop_, overloadState_,
                                         stats_.root().child("overload"), logger_, [this](bool on) {
                                           for (auto& worker : workers_) {
                                             worker->setAccepting(on);
                                           }
                                         });
  overload_->start();
  signals_.watch(loop_, [this](int signal) { onSignal(signal); });
  // As Envoy: the runtime; clusters, those of the control plane and their endpoints; listeners, and
  // what they wait for; then traffic.
  runtimeDiscovery_->onInitialized([this] {
    dynamic_->startClusters([this] {
      clusters_->onInitialized([this] {
        dynamic_->startListeners([this] { listeners_->onInitialized([this] { startWorkers(); }); });
      });
    });
  });
  clusters_->onResolved([this] { dynamic_->start(); });
  loop_.run();
  end();
  MOE_LOG(*logger_, info, "exiting");
  return absl::OkStatus();
}

void Server::startWorkers() {
  for (auto& worker : workers_) {
    worker->start();
  }
  live_ = true;
  stats_.root().gauge("listener_manager.workers_started").set(1);
  MOE_LOG(*logger_, info, "all clusters are initialized; {} workers accept connections",
          workers_.size());
}

// What ends on the main loop's thread is posted there by the last who use it.
void Server::end() {
  signals_.stop();
  overload_ = nullptr;
  if (dynamic_ != nullptr) {
    dynamic_->end();
  }
  runtimeDiscovery_ = nullptr;
  workers_.clear();
  admin_ = nullptr;
  listeners_ = nullptr;
  clusters_ = nullptr;
  loop_.runOnce();
}

void Server::onSignal(int signal) {
  if (signal == SIGUSR1) {
    MOE_LOG(*logger_, info, "SIGUSR1: opening access logs again");
    logs_->reopen();
    return;
  }
  drain(base::cat("signal ", signal));
}

void Server::drain(const std::string& why) {
  if (std::exchange(ending_, true)) {
    MOE_LOG(*logger_, warn, "{} while draining: ending at once", why);
    finish();
    return;
  }
  if (!live_) {
    MOE_LOG(*logger_, info, "{} before the workers have started: ending at once", why);
    finish();
    return;
  }
  MOE_LOG(*logger_, info, "{}: draining for at most {} s", why, options_.drainTime.count() / 1000);
  drainTimer_ = loop_.createTimer([this] { finish(); });
  drainTimer_->enable(options_.drainTime);
  draining_ = workers_.size();
  listeners_->stop();
  for (auto& worker : workers_) {
    worker->drain([this] {
      loop_.post([this] {
        if (--draining_ == 0) {
          finish();
        }
      });
    });
  }
}

void Server::finish() {
  drainTimer_ = nullptr;
  loop_.stop();
}

} // namespace moe::server
