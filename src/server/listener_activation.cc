#include "base/strings.h"
#include "server/listener_version.h"

namespace moe::server {

// Null: nothing warms any more.
void ListenerManager::setWarming(Managed& listener, VersionPtr version) {
  if (listener.warming != nullptr) {
    --warming_;
    stats_.warming.dec();
  }
  listener.warming = std::move(version);
  if (listener.warming != nullptr) {
    ++warming_;
    stats_.warming.inc();
  }
  claim(listener);
}

// Lets it serve, at once or when what it waits for is there.
absl::Status ListenerManager::settle(Managed& listener) {
  if (listener.warming->waits.done()) {
    return activate(listener);
  }
  listener.warming->waits.whenDone([this, &listener] {
    const std::string name = listener.name;
    if (const absl::Status status = activate(listener); !status.ok()) {
      MOE_LOG(*options_.context.logger, err, "listener {}: {}", name, base::message(status));
    }
  });
  return absl::OkStatus();
}

absl::Status ListenerManager::activate(Managed& listener) {
  VersionPtr now = std::move(listener.warming);
  --warming_;
  stats_.warming.dec();
  if (!now->isStatic) { // those listen since bind()
    if (absl::Status status = SocketBinder::listen(*now->config, now->sockets); !status.ok()) {
      stats_.createFailure.inc();
      claim(listener);
      if (listener.active == nullptr) {
        erase(listener);
      }
      checkInitialized();
      return status;
    }
    logAddresses(*now);
  }
  tellWorkers(listener, *now);
  VersionPtr before = std::exchange(listener.active, std::move(now));
  if (before == nullptr) {
    stats_.active.inc();
  } else {
    retire(listener, std::move(before), *listener.active);
  }
  claim(listener);
  checkInitialized();
  return absl::OkStatus();
}

void ListenerManager::tellWorkers(const Managed& listener, Version& version) {
  std::vector<uint64_t> sockets;
  for (const BoundAddress& each : version.sockets.addresses) {
    if (each.id != 0) {
      sockets.push_back(each.id);
    }
  }
  for (size_t i = 0; i < options_.workers.size(); ++i) {
    options_.workers[i]->updateListener({.listener = listener.id,
                                         .config = version.config,
                                         .sockets = sockets,
                                         .added = std::move(version.sockets.added[i]),
                                         .same = version.same,
                                         .drainTime = options_.drainTime});
    stats_.createSuccess.inc();
  }
  version.sockets.added.clear();
}

void ListenerManager::drain(const ListenerConfig* config, VersionPtr version) {
  for (BoundAddress& each : version->sockets.addresses) {
    each.shared = nullptr; // only workers keep others from its address
  }
  draining_[config] = std::move(version);
  stats_.draining.inc();
}

// What was replaced drains until its last connection, on any worker, has gone.
void ListenerManager::retire(const Managed& listener, VersionPtr before, const Version& now) {
  const ListenerConfigPtr config = std::move(before->config);
  if (now.same == nullptr) {
    drain(config.get(), std::move(before));
    return;
  }
  std::set<const FilterChain*> kept;
  for (size_t i = 0; i <= now.config->chains.size(); ++i) {
    kept.insert(now.config->chainAt(i).get());
  }
  size_t gone = 0;
  for (size_t i = 0; i <= config->chains.size(); ++i) {
    const FilterChain* chain = config->chainAt(i).get();
    if (chain != nullptr && !kept.contains(chain) && drainingChains_.insert(chain).second) {
      stats_.chainsDraining.inc();
      ++gone;
    }
  }
  MOE_LOG(*options_.context.logger, info, "listener {}: {} filter chains are replaced or gone",
          listener.name, gone);
}

} // namespace moe::server
