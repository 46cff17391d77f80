#include "server/worker_thread.h"

#include "base/strings.h"

namespace moe::server {

WorkerThread::WorkerThread(uint32_t index, upstream::ClusterManager& clusters,
                           proxy::OverloadState& overload)
    : worker_(index), context_(worker_, overload), listeners_(context_) {
  context_.clusters = clusters.createWorkerClusters(worker_, context_.headers);
}

WorkerThread::~WorkerThread() { stop(); }

void WorkerThread::recordLoop(stats::Store& stats) {
  durations_ = std::make_unique<LoopDurations>(
      worker_.loop, stats.root().child("listener_manager", "envoy_worker_id",
                                       base::cat("worker_", worker_.index)));
}

void WorkerThread::start() {
  thread_ = std::thread([this] { worker_.loop.run(); });
}

void WorkerThread::updateListener(ListenerUpdate update) {
  worker_.loop.post(
      [this, update = std::move(update)]() mutable { listeners_.update(std::move(update)); });
}

void WorkerThread::removeListener(uint64_t listener, base::Milliseconds drainTime) {
  worker_.loop.post([this, listener, drainTime] { listeners_.remove(listener, drainTime); });
}

void WorkerThread::setAccepting(bool on) {
  worker_.loop.post([this, on] { listeners_.setAccepting(on); });
}

void WorkerThread::drain(std::function<void()> drained) {
  worker_.loop.post(
      [this, drained = std::move(drained)]() mutable { listeners_.drain(std::move(drained)); });
}

void WorkerThread::stop() {
  if (!thread_.joinable()) {
    return;
  }
  worker_.loop.post([this] {
    listeners_.closeAll();
    worker_.loop.stop();
  });
  thread_.join();
  // Pools and clusters end on this thread now that theirs is over.
  context_.clusters = nullptr;
  worker_.loop.runOnce();
}

} // namespace moe::server
