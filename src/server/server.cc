#include "server/server.h"

#include <csignal>
#include <set>
#include <thread>

#include "base/strings.h"
#include "config/coverage.h"
#include "config/load.h"
#include "config/validate.h"
#include "contrib/envoy/extensions/filters/http/golang/v3alpha/golang.pb.h"
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
#include "upstream/supported_fields.h"

namespace moe::server {

using config::fieldError;
using config::FieldPath;

Server::Server(Options options, base::LoggerPtr logger)
    : options_(std::move(options)), logger_(std::move(logger)) {
  if (options_.concurrency == 0) {
    options_.concurrency = std::max(1u, std::thread::hardware_concurrency());
  }
}

Server::~Server() { workers_.clear(); }

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
  const config::Coverage coverage(
      {http::kFields, upstream::kFields, route::kFields, proxy::kFields, golang::kFields, kFields});
  const config::CoverageReport report = coverage.walk(bootstrap_, FieldPath(), &locations_);
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

absl::Status Server::compile() {
  clusters_ = upstream::createClusterManager(
      {.mainLoop = loop_, .stats = stats_, .logger = logger_, .dnsServers = {}});
  absl::Status status =
      networkFilters_.add(std::string(proxy::HttpConnectionManagerProto::descriptor()->full_name()),
                          std::make_unique<proxy::HcmFilterConfig>());
  status.Update(networkFilters_.add("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                                    std::make_unique<proxy::TcpProxyFilterConfig>()));
  using GolangProto = envoy::extensions::filters::http::golang::v3alpha::Config;
  using GolangRouteProto = envoy::extensions::filters::http::golang::v3alpha::ConfigsPerRoute;
  golang::bindGoLog(logger_);
  golang::showCallsNotOffered(stats_.root());
  status.Update(httpFilters_.add(std::string(GolangProto::descriptor()->full_name()),
                                 std::make_unique<golang::GolangFilterConfig>(plugins_)));
  status.Update(routeFilters_.add(std::string(GolangRouteProto::descriptor()->full_name()),
                                  std::make_unique<golang::GolangFilterConfig>(plugins_)));
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
  if (absl::Status added = clusters_->addClusters(bootstrap_); !added.ok()) {
    return added;
  }
  auto overload = readOverload(bootstrap_.overload_manager(), FieldPath("overload_manager"));
  if (!overload.ok()) {
    return overload.status();
  }
  overloadSettings_ = std::move(*overload);
  RuntimeLayers runtime(bootstrap_.layered_runtime());
  std::set<std::string> names;
  std::set<std::string> addresses;
  const FieldPath path = FieldPath("static_resources").field("listeners");
  for (int i = 0; i < bootstrap_.static_resources().listeners_size(); ++i) {
    const FieldPath at = path.index(static_cast<size_t>(i));
    auto listener = compileListener(bootstrap_.static_resources().listeners(i), at, networkFilters_,
                                    *context_, runtime);
    if (!listener.ok()) {
      return listener.status();
    }
    if (!(*listener)->name.empty() && !names.insert((*listener)->name).second) {
      return fieldError(at.field("name"), base::cat("\"", (*listener)->name, "\" again"),
                        "a name that no other listener has");
    }
    const std::string& address = (*listener)->address->asString();
    if ((*listener)->address->port() != 0 && !addresses.insert(address).second) {
      return fieldError(at.field("address"), base::cat(address, " again"),
                        "an address that no other listener has");
    }
    listeners_.push_back(std::move(*listener));
  }
  if (absl::Status ignored = ignore(runtime.unused()); !ignored.ok()) {
    return ignored;
  }
  return readAdmin();
}

absl::Status Server::bind() {
  for (uint32_t i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(std::make_unique<WorkerThread>(i, *clusters_, overloadState_));
  }
  for (const ListenerConfigPtr& listener : listeners_) {
    net::AddressPtr address = listener->address;
    for (auto& worker : workers_) {
      auto socket = net::listenOn(*address, {.backlog = listener->backlog});
      if (!socket.ok()) {
        return locations_.annotate(
            fieldError(listener->path.field("address"), base::message(socket.status())));
      }
      // Port 0: the first socket gets one, the others share it.
      address = net::Address::localOf(socket->get());
      worker->addListener(listener, std::move(*socket), address);
      if (!address->isIp()) {
        break; // a UNIX socket cannot be shared by port
      }
    }
    MOE_LOG(*logger_, info, "listener {} on {}", listener->name, address->asString());
    bound_.push_back({listener->name, address});
  }
  return startAdmin();
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
  clusters_->onInitialized([this] {
    for (auto& worker : workers_) {
      worker->start();
    }
    live_ = true;
    stats_.root().gauge("listener_manager.workers_started").set(1);
    MOE_LOG(*logger_, info, "all clusters are initialized; {} workers accept connections",
            workers_.size());
  });
  loop_.run();
  signals_.stop();
  overload_ = nullptr;
  workers_.clear();
  MOE_LOG(*logger_, info, "exiting");
  return absl::OkStatus();
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
