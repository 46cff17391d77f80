#include "server/loop_durations.h"

#include <gtest/gtest.h>

namespace moe::server {
namespace {

// What is spent in a turn counts, what is spent waiting does not.
TEST(LoopDurations, CountWorkAndNotWaiting) {
  stats::Store store;
  event::Loop loop;
  LoopDurations durations(loop, store.root().child("server"));
  const auto histogram = [&](const std::string& name = "loop_duration_us") {
    return store.findHistogram("server.dispatcher." + name)->snapshot();
  };
  loop.runOnce();
  EXPECT_EQ(histogram().count, 0u); // it has not seen a whole turn
  const uint64_t began = uv_hrtime();
  loop.post([] {
    for (const uint64_t until = uv_hrtime() + 3'000'000; uv_hrtime() < until;) {
    }
  });
  loop.runOnce();
  loop.runOnce();
  EXPECT_EQ(histogram().count, 2u);
  EXPECT_GE(histogram().sum, 3'000u);
  EXPECT_EQ(histogram("loop_cpu_us").count, 2u);

  auto timer = loop.createTimer([&] { loop.stop(); });
  timer->enable(base::Milliseconds(30));
  loop.run();
  loop.runOnce();
  const uint64_t waited = uv_metrics_idle_time(loop.uv());
  EXPECT_GT(waited, 0u);
  // A half more, since buckets have a width.
  EXPECT_LE(histogram().sum * 2, (uv_hrtime() - began - waited) / 1000 * 3);
}

} // namespace
} // namespace moe::server
