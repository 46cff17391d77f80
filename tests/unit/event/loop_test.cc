#include "event/loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace moe::event {
namespace {

TEST(Loop, RunsTasksOfManyThreadsInEachOnesOrder) {
  Loop loop;
  constexpr int kThreads = 4;
  constexpr int kTasks = 2000;
  std::vector<std::vector<int>> seen(kThreads);
  int left = kThreads * kTasks;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        loop.post([&, t, i] {
          seen[static_cast<size_t>(t)].push_back(i);
          if (--left == 0) {
            loop.stop();
          }
        });
      }
    });
  }
  loop.run();
  for (auto& thread : threads) {
    thread.join();
  }
  for (const auto& order : seen) {
    ASSERT_EQ(order.size(), static_cast<size_t>(kTasks));
    for (int i = 0; i < kTasks; ++i) {
      ASSERT_EQ(order[static_cast<size_t>(i)], i);
    }
  }
}

TEST(Loop, TimersRunOnTheLoop) {
  Loop loop;
  std::vector<int> order;
  auto second = loop.createTimer([&] {
    order.push_back(2);
    loop.stop();
  });
  auto first = loop.createTimer([&] { order.push_back(1); });
  second->enable(base::Milliseconds(20));
  first->enable(base::Milliseconds(5));
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

struct Recorder : DeferredDeletable {
  explicit Recorder(bool& flag) : gone(flag) {}
  ~Recorder() override { gone = true; }
  bool& gone;
};

TEST(Loop, DeferredDeletionWaitsForTheEndOfTheTurn) {
  Loop loop;
  bool gone = false;
  bool goneInTask = true;
  loop.post([&] {
    loop.deferredDelete(std::make_unique<Recorder>(gone));
    goneInTask = gone;
    loop.stop();
  });
  loop.run();
  EXPECT_FALSE(goneInTask);
  EXPECT_TRUE(gone);
}

struct CountingFlush : Flushable {
  void flush() override { ++flushes; }
  int flushes = 0;
};

TEST(Loop, FlushesOnceATurn) {
  Loop loop;
  CountingFlush object;
  loop.post([&] {
    loop.flushLater(object);
    loop.flushLater(object);
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(object.flushes, 1);
}

TEST(Loop, WhatIsLeftForTheNextTurnComesAfterWhatWasDeferred) {
  Loop loop;
  bool gone = false;
  int runs = 0;
  uint64_t first = 0;
  NextTurn next(loop, [&] {
    EXPECT_TRUE(gone);
    EXPECT_GT(loop.turn(), first);
    if (++runs == 3) {
      loop.stop();
    } else {
      first = loop.turn();
      gone = false;
      loop.deferredDelete(std::make_unique<Recorder>(gone));
      next.schedule();
      next.schedule(); // once
    }
  });
  NextTurn never(loop, [] { FAIL(); });
  loop.post([&] {
    first = loop.turn();
    loop.deferredDelete(std::make_unique<Recorder>(gone));
    next.schedule();
    never.schedule();
    never.unlink();
  });
  loop.run();
  EXPECT_EQ(runs, 3);
}

TEST(Loop, UnrunTasksAreDestroyedWithTheLoop) {
  auto alive = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([alive] {});
  }
  EXPECT_EQ(alive.use_count(), 1);
}

// A loop that has slept for long must not count that time to a timer armed on waking.
TEST(Loop, TimersArmedAfterALongWaitAreNotEarly) {
  Loop loop;
  int64_t armed = 0;
  int64_t fired = 0;
  auto timer = loop.createTimer([&] {
    fired = base::monotonicNanos();
    loop.stop();
  });
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    loop.post([&] {
      armed = base::monotonicNanos();
      timer->enable(base::Milliseconds(100));
    });
  });
  loop.run();
  other.join();
  EXPECT_GE(fired - armed, 98'000'000); // the loop's clock counts whole milliseconds
}

} // namespace
} // namespace moe::event
