#include "base/strings.h"
#include "config/deterministic.h"
#include "server/listener_version.h"

namespace moe::server {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::config::listener::v3::Listener;

ListenerManagerStats::ListenerManagerStats(const stats::Scope& scope)
    : added(scope.counter("listener_added")), modified(scope.counter("listener_modified")),
      removed(scope.counter("listener_removed")), stopped(scope.counter("listener_stopped")),
      inPlaceUpdated(scope.counter("listener_in_place_updated")),
      createSuccess(scope.counter("listener_create_success")),
      createFailure(scope.counter("listener_create_failure")),
      active(scope.gauge("total_listeners_active")),
      warming(scope.gauge("total_listeners_warming")),
      draining(scope.gauge("total_listeners_draining")),
      chainsDraining(scope.gauge("total_filter_chains_draining")) {}

Proto ListenerInfo::proto() const {
  Proto out;
  out.ParsePartialFromString(bytes);
  return out;
}

ListenerManager::ListenerManager(const Options& options)
    : options_(options), stats_(options.context.stats.root().child("listener_manager")),
      endings_(std::make_shared<event::Endings>(options.mainLoop)) {}

ListenerManager::~ListenerManager() {
  claims_.clear();
  byName_.clear();
  listeners_.clear();
  endings_->runAll();
}

ListenerManager::Managed* ListenerManager::find(std::string_view name) {
  const auto found = byName_.find(name);
  return found == byName_.end() ? nullptr : found->second;
}

ListenerManager::Managed& ListenerManager::add(const std::string& name, bool isStatic) {
  Managed& made = *listeners_.emplace_back(std::make_unique<Managed>(nextId_++, name, isStatic));
  if (!name.empty()) {
    byName_[name] = &made;
  }
  return made;
}

void ListenerManager::erase(Managed& listener) {
  for (const std::string& address : listener.claims) {
    claims_.erase(address);
  }
  byName_.erase(listener.name);
  std::erase_if(listeners_, [&](const auto& each) { return each.get() == &listener; });
}

// As Envoy: no two listeners have one address, bound or not; port 0 is any.
absl::Status ListenerManager::checkAddresses(const ListenerConfig& config,
                                             const Managed* own) const {
  std::set<std::string> mine;
  for (const ListenAddress& address : config.addresses) {
    const std::string& text = address.address->asString();
    if (config.bindToPort && address.address->isIp() && address.address->port() == 0) {
      continue;
    }
    const auto other = claims_.find(text);
    if (!mine.insert(text).second || (other != claims_.end() && other->second != own)) {
      return fieldError(address.path, base::cat(text, " again"),
                        "an address that no other listener has");
    }
  }
  return absl::OkStatus();
}

// Its addresses are those of what serves and of what will.
void ListenerManager::claim(Managed& listener) {
  for (const std::string& address : listener.claims) {
    claims_.erase(address);
  }
  listener.claims.clear();
  for (const Version* version : {listener.active.get(), listener.warming.get()}) {
    if (version == nullptr) {
      continue;
    }
    for (const ListenAddress& address : version->config->addresses) {
      const std::string& text = address.address->asString();
      if (version->config->bindToPort && address.address->isIp() && address.address->port() == 0) {
        continue;
      }
      if (claims_.insert_or_assign(text, &listener).second) {
        listener.claims.push_back(text);
      }
    }
  }
}

absl::Status ListenerManager::addStatic(const Proto& proto, const FieldPath& path) {
  auto version = compile(proto, path, nullptr, /*dynamic=*/false);
  if (!version.ok()) {
    return version.status();
  }
  if (find(proto.name()) != nullptr) {
    return fieldError(path.field("name"), base::cat("\"", proto.name(), "\" again"),
                      "a name that no other listener has");
  }
  if (absl::Status status = checkAddresses(*(*version)->config, nullptr); !status.ok()) {
    return status;
  }
  (*version)->isStatic = true;
  Managed& made = add(proto.name(), /*isStatic=*/true);
  setWarming(made, std::move(*version));
  stats_.added.inc();
  return absl::OkStatus();
}

absl::Status ListenerManager::bind() {
  for (const auto& listener : listeners_) {
    Version& version = *listener->warming;
    auto sockets = binder_.bind(*version.config, nullptr, options_.workers.size());
    if (!sockets.ok()) {
      return sockets.status();
    }
    version.sockets = std::move(*sockets);
    if (absl::Status status = SocketBinder::listen(*version.config, version.sockets);
        !status.ok()) {
      return status;
    }
    logAddresses(version);
  }
  for (const auto& listener : listeners_) {
    if (absl::Status status = settle(*listener); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

void ListenerManager::logAddresses(const Version& version) const {
  for (const BoundAddress& each : version.sockets.addresses) {
    MOE_LOG(*options_.context.logger, info, "listener {} on {}{}", version.name,
            each.address->asString(), each.id != 0 ? "" : " (not bound)");
  }
}

absl::Status ListenerManager::addOrUpdate(const Proto& proto, std::string_view versionText) {
  if (stopped_) {
    return absl::OkStatus();
  }
  const FieldPath path;
  if (proto.name().empty()) {
    return fieldError(path.field("name"), "none", "a name");
  }
  Managed* known = find(proto.name());
  if (known != nullptr && known->isStatic) {
    return fieldError(path.field("name"), config::inQuotes(proto.name()),
                      "a name that no static listener has");
  }
  if (known != nullptr) {
    const std::string bytes = config::deterministic(proto);
    const bool served = known->active != nullptr && known->active->bytes == bytes;
    if (known->warming == nullptr ? served : known->warming->bytes == bytes) {
      return absl::OkStatus();
    }
    if (served) { // again: what warms is not wanted any more
      setWarming(*known, nullptr);
      checkInitialized();
      return absl::OkStatus();
    }
  }
  const Version* before = known == nullptr ? nullptr : known->active.get();
  auto version = compile(proto, path, before, /*dynamic=*/true);
  if (!version.ok()) {
    return version.status();
  }
  (*version)->version = versionText;
  const ListenerConfig& config = *(*version)->config;
  if (absl::Status status = checkAddresses(config, known); !status.ok()) {
    return status;
  }
  auto sockets =
      binder_.bind(config, before == nullptr ? nullptr : &before->sockets, options_.workers.size());
  if (!sockets.ok()) {
    stats_.createFailure.inc();
    return sockets.status();
  }
  (*version)->sockets = std::move(*sockets);
  const bool inPlace = (*version)->same != nullptr;
  Managed& listener = known != nullptr ? *known : add(proto.name(), /*isStatic=*/false);
  setWarming(listener, std::move(*version));
  if (absl::Status status = settle(listener); !status.ok()) {
    return status;
  }
  (known == nullptr ? stats_.added : stats_.modified).inc();
  if (inPlace) {
    stats_.inPlaceUpdated.inc();
  }
  return absl::OkStatus();
}

bool ListenerManager::remove(std::string_view name) {
  Managed* known = find(name);
  if (stopped_ || known == nullptr || known->isStatic) {
    return false;
  }
  stats_.removed.inc();
  if (known->active != nullptr) {
    MOE_LOG(*options_.context.logger, info, "listener {} is removed", known->name);
    for (const auto& worker : options_.workers) {
      worker->removeListener(known->id, options_.drainTime);
    }
    stats_.active.dec();
    VersionPtr before = std::move(known->active);
    const ListenerConfigPtr config = std::move(before->config);
    drain(config.get(), std::move(before));
  }
  setWarming(*known, nullptr);
  erase(*known);
  checkInitialized();
  return true;
}

void ListenerManager::onInitialized(std::function<void()> callback) {
  initialized_ = std::move(callback);
  checkInitialized();
}

void ListenerManager::checkInitialized() {
  if (warming_ > 0) {
    return;
  }
  if (auto callback = std::exchange(initialized_, nullptr)) {
    callback();
  }
}

void ListenerManager::stop() {
  stopped_ = true;
  initialized_ = nullptr;
  for (const auto& listener : listeners_) {
    setWarming(*listener, nullptr);
    stats_.stopped.add(listener->active != nullptr ? 1 : 0);
  }
}

void ListenerManager::forEach(const std::function<void(const ListenerInfo&)>& f) const {
  using State = ListenerInfo::State;
  const auto show = [&](const Version& version, State state) {
    f({version.name, version.isStatic, state, version.version, version.updated,
       version.sockets.addresses, version.bytes});
  };
  for (const auto& listener : listeners_) {
    if (listener->active != nullptr) {
      show(*listener->active, State::Active);
    }
    if (listener->warming != nullptr) {
      show(*listener->warming, State::Warming);
    }
  }
  for (const auto& [config, version] : draining_) {
    show(*version, State::Draining);
  }
}

} // namespace moe::server
