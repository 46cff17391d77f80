#include "server/worker_thread.h"

namespace moe::server {

WorkerThread::WorkerThread(uint32_t index, upstream::ClusterManager& clusters,
                           proxy::OverloadState& overload)
    : worker_(index), context_(worker_, overload), listeners_(context_) {
  context_.clusters = clusters.createWorkerClusters(worker_, context_.headers);
}

WorkerThread::~WorkerThread() { stop(); }

void WorkerThread::addListener(const ListenerConfigPtr& config, std::vector<ListenSocket> sockets) {
  listeners_.add(config, std::move(sockets));
}

void WorkerThread::start() {
  thread_ = std::thread([this] { worker_.loop.run(); });
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
