#include <google/protobuf/util/time_util.h>

#include <map>

#include "base/strings.h"
#include "server/runtime_admin.h"
#include "server/server.h"

namespace moe::server {
namespace {

// What /server_info shows of the command line. --config-yaml is left out: it may hold secrets, and
// /config_dump has its content.
envoy::admin::v3::CommandLineOptions commandLine(const Options& options) {
  using Out = envoy::admin::v3::CommandLineOptions;
  Out out;
  out.set_concurrency(options.concurrency);
  out.set_config_path(options.configPath);
  out.set_log_level(options.logLevel);
  out.set_log_path(options.logPath);
  out.set_allow_unknown_static_fields(options.allowUnknownStaticFields);
  out.set_disable_hot_restart(true);
  out.mutable_drain_time()->set_seconds(options.drainTime.count() / 1000);
  out.set_mode(options.mode == Mode::Validate ? Out::Validate : Out::Serve);
  return out;
}

} // namespace

absl::Status Server::readAdmin() {
  if (!bootstrap_.admin().has_address()) {
    return absl::OkStatus();
  }
  auto address =
      readAddress(bootstrap_.admin().address(), config::FieldPath("admin").field("address"));
  if (!address.ok()) {
    return address.status();
  }
  adminAddress_ = std::move(*address);
  return absl::OkStatus();
}

absl::Status Server::startAdmin() {
  if (adminAddress_ == nullptr) {
    return absl::OkStatus();
  }
  admin_ = std::make_unique<admin::Admin>(admin::Context{
      .worker = main_,
      .stats = stats_,
      .bootstrap = bootstrap_,
      .clusters = *clusters_,
      .logger = logger_,
      .options = commandLine(options_),
      .state = [this] { return state(); },
      // Later: the answer goes out first.
      .quit = [this] { loop_.post([this] { drain("POST /quitquitquit"); }); },
      .listeners = [this] { return boundListeners(); },
      .ignoredFields = [this] { return ignoredFields_; },
      .dynamic = dynamic_.get(),
      .dynamicListeners = [this](auto& out) { dumpListeners(out); },
      .tls = transports_.get(),
  });
  addRuntimeEndpoints(*admin_, *runtime_);
  if (absl::Status status = admin_->listen(adminAddress_); !status.ok()) {
    return locations_.annotate(
        config::fieldError(config::FieldPath("admin").field("address"), base::message(status)));
  }
  MOE_LOG(*logger_, info, "admin on {}", admin_->address()->asString());
  return absl::OkStatus();
}

void Server::dumpListeners(envoy::admin::v3::ListenersConfigDump& out) const {
  std::map<std::string, envoy::admin::v3::ListenersConfigDump::DynamicListener*> entries;
  listeners_->forEach([&](const ListenerInfo& listener) {
    if (listener.isStatic) {
      return;
    }
    auto& entry = entries[listener.name];
    if (entry == nullptr) {
      entry = out.add_dynamic_listeners();
      entry->set_name(listener.name);
    }
    using State = ListenerInfo::State;
    auto& state = listener.state == State::Active    ? *entry->mutable_active_state()
                  : listener.state == State::Warming ? *entry->mutable_warming_state()
                                                     : *entry->mutable_draining_state();
    state.set_version_info(listener.version);
    state.mutable_listener()->PackFrom(listener.proto());
    *state.mutable_last_updated() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(
        std::chrono::nanoseconds(listener.updated.time_since_epoch()).count());
  });
}

admin::State Server::state() const {
  using envoy::admin::v3::ServerInfo;
  if (ending_) {
    return ServerInfo::DRAINING;
  }
  return live_ ? ServerInfo::LIVE : ServerInfo::PRE_INITIALIZING;
}

} // namespace moe::server
