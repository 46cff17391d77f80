#include "server/server.h"

namespace moe::server {

using config::FieldPath;

absl::Status Server::compileListeners() {
  listeners_ = std::make_unique<ListenerManager>(
      ListenerManager::Options{.listenerFilters = listenerFilters_,
                               .networkFilters = networkFilters_,
                               .context = *context_,
                               .mainLoop = loop_,
                               .workers = workers_,
                               .drainTime = options_.drainTime});
  const FieldPath path = FieldPath("static_resources").field("listeners");
  for (int i = 0; i < bootstrap_.static_resources().listeners_size(); ++i) {
    if (absl::Status status = listeners_->addStatic(bootstrap_.static_resources().listeners(i),
                                                    path.index(static_cast<size_t>(i)));
        !status.ok()) {
      return status;
    }
  }
  dynamicListeners_ = std::make_unique<DynamicListeners>(*listeners_);
  if (absl::Status status = dynamic_->setListeners(*dynamicListeners_); !status.ok()) {
    return status;
  }
  return ignore(runtime_->unused());
}

absl::Status Server::bind() {
  for (uint32_t i = 0; i < options_.concurrency; ++i) {
    workers_.push_back(std::make_unique<WorkerThread>(i, *clusters_, overloadState_));
    workerLoops_.add(workers_.back()->loop());
    if (bootstrap_.enable_dispatcher_stats()) {
      workers_.back()->recordLoop(stats_);
    }
  }
  if (bootstrap_.enable_dispatcher_stats()) {
    durations_ = std::make_unique<LoopDurations>(loop_, stats_.root().child("server"));
  }
  if (absl::Status status = listeners_->bind(); !status.ok()) {
    return locations_.annotate(status);
  }
  return startAdmin();
}

std::vector<admin::BoundListener> Server::boundListeners() const {
  std::vector<admin::BoundListener> out;
  listeners_->forEach([&](const ListenerInfo& listener) {
    if (listener.state != ListenerInfo::State::Active) {
      return;
    }
    admin::BoundListener bound{listener.name, nullptr, {}};
    for (const BoundAddress& each : listener.addresses) {
      if (bound.address == nullptr) {
        bound.address = each.address;
      } else {
        bound.additional.push_back(each.address);
      }
    }
    out.push_back(std::move(bound));
  });
  return out;
}

} // namespace moe::server
