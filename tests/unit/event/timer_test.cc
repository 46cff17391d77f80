#include "event/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace moe::event {
namespace {

using base::Milliseconds;

TEST(TimerWheel, FiresAtItsDeadlineAndOnce) {
  TimerWheel wheel(1000);
  wheel.setClock(1000);
  int fired = 0;
  Timer timer(wheel, [&] { ++fired; });
  timer.enable(Milliseconds(10));
  wheel.advance(1009);
  EXPECT_EQ(fired, 0);
  wheel.advance(1010);
  EXPECT_EQ(fired, 1);
  wheel.advance(5000);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.enabled());
}

TEST(TimerWheel, DisabledAndDestroyedTimersDoNotFire) {
  TimerWheel wheel(0);
  int fired = 0;
  Timer disabled(wheel, [&] { ++fired; });
  disabled.enable(Milliseconds(5));
  disabled.disable();
  {
    Timer destroyed(wheel, [&] { ++fired; });
    destroyed.enable(Milliseconds(5));
  }
  wheel.advance(100);
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(wheel.armed(), 0u);
}

TEST(TimerWheel, CallbackMayRearmAndDestroyItself) {
  TimerWheel wheel(0);
  int fired = 0;
  Timer again(wheel, [&] {
    if (++fired < 3) {
      again.enable(Milliseconds(10));
    }
  });
  again.enable(Milliseconds(10));
  std::unique_ptr<Timer> ending;
  ending = std::make_unique<Timer>(wheel, [&] { ending.reset(); });
  ending->enable(Milliseconds(15));
  for (uint64_t now = 0; now <= 40; ++now) {
    wheel.advance(now);
  }
  EXPECT_EQ(fired, 3);
  EXPECT_EQ(ending, nullptr);
}

TEST(TimerWheel, AnEarlierTimerThatWasDisarmedHidesNoLaterOne) {
  TimerWheel wheel(0);
  Timer early(wheel, [] {});
  Timer late(wheel, [] {});
  uint64_t delay = 0;
  early.enable(Milliseconds(1));
  early.disable();
  ASSERT_TRUE(wheel.takeRearm());
  ASSERT_FALSE(wheel.nextDelay(0, delay)); // the owner waits for nothing
  late.enable(Milliseconds(20));
  EXPECT_TRUE(wheel.takeRearm());
  ASSERT_TRUE(wheel.nextDelay(0, delay));
  EXPECT_EQ(delay, 20u);
}

TEST(TimerWheel, FarDeadlinesCascadeExactly) {
  std::mt19937_64 random(7);
  TimerWheel wheel(0);
  struct Item {
    std::unique_ptr<Timer> timer;
    uint64_t due;
    uint64_t firedAt = 0;
  };
  std::vector<Item> items(300);
  uint64_t now = 0;
  for (Item& item : items) {
    item.due = 1 + random() % 400'000;
    item.timer = std::make_unique<Timer>(wheel, [&] { item.firedAt = now; });
    item.timer->enable(Milliseconds(static_cast<int64_t>(item.due)));
  }
  while (wheel.armed() > 0 && now < 500'000) {
    uint64_t delay = 0;
    ASSERT_TRUE(wheel.nextDelay(now, delay));
    now += std::max<uint64_t>(delay, 1);
    wheel.advance(now);
  }
  for (const Item& item : items) {
    EXPECT_EQ(item.firedAt, item.due); // the wheel never asked to be woken later than that
  }
}

} // namespace
} // namespace moe::event
