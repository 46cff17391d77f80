#include "server/loop_durations.h"

#include <ctime>
#include <memory>

namespace moe::server {
namespace {

// Of this thread, in nanoseconds.
uint64_t cpuTime() {
  timespec at{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<uint64_t>(at.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(at.tv_nsec);
}

} // namespace

struct LoopDurations::Handle {
  uv_prepare_t prepare; // first: the handle is this
  stats::Histogram* durations;
  stats::Histogram* cpu;
  uint64_t begun = 0;  // nanoseconds
  uint64_t waited = 0; // of all turns before
  uint64_t ran = 0;    // the same

  // Called before the loop waits.
  void turn() {
    const uint64_t now = uv_hrtime();
    const uint64_t waitedNow = uv_metrics_idle_time(prepare.loop);
    const uint64_t ranNow = cpuTime();
    if (begun != 0) {
      const uint64_t waits = waitedNow - waited;
      durations->record((now - begun > waits ? now - begun - waits : 0) / 1000);
      cpu->record((ranNow - ran) / 1000);
    }
    begun = now;
    waited = waitedNow;
    ran = ranNow;
  }
};

LoopDurations::LoopDurations(event::Loop& loop, const stats::Scope& scope)
    : handle_(std::make_unique<Handle>().release()) {
  const stats::Scope dispatcher = scope.child("dispatcher");
  handle_->durations = &dispatcher.histogram("loop_duration_us");
  handle_->cpu = &dispatcher.histogram("loop_cpu_us");
  uv_loop_configure(loop.uv(), UV_METRICS_IDLE_TIME);
  uv_prepare_init(loop.uv(), &handle_->prepare);
  uv_prepare_start(&handle_->prepare,
                   [](uv_prepare_t* h) { reinterpret_cast<Handle*>(h)->turn(); });
}

LoopDurations::~LoopDurations() {
  uv_prepare_stop(&handle_->prepare);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->prepare),
           [](uv_handle_t* h) { std::unique_ptr<Handle> freed(reinterpret_cast<Handle*>(h)); });
}

} // namespace moe::server
