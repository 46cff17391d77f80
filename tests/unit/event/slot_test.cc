#include "event/slot.h"

#include <gtest/gtest.h>

#include <thread>

namespace moe::event {
namespace {

TEST(Slot, BeforeThereAreWorkersItChangesAtOnce) {
  const auto slot = std::make_shared<Slot<int>>(2, std::make_shared<const int>(1));
  slot->set(std::make_shared<const int>(2), WorkerLoops());
  EXPECT_EQ(*slot->get(0), 2);
  EXPECT_EQ(*slot->get(1), 2);
  EXPECT_EQ(*slot->latest(), 2);
}

TEST(Slot, EachWorkerChangesInItsOwnTurnAndKeepsWhatItHolds) {
  Loop loops[2];
  WorkerLoops workers;
  workers.add(loops[0]);
  workers.add(loops[1]);
  const auto slot = std::make_shared<Slot<int>>(2, nullptr);
  EXPECT_EQ(slot->get(0), nullptr);
  slot->set(std::make_shared<const int>(1), workers);
  loops[0].runOnce();
  EXPECT_EQ(*slot->get(0), 1);
  EXPECT_EQ(slot->get(1), nullptr);
  const std::shared_ptr<const int> held = slot->get(0);
  slot->set(std::make_shared<const int>(2), workers);
  loops[0].runOnce();
  loops[1].runOnce();
  EXPECT_EQ(*held, 1);
  EXPECT_EQ(*slot->get(0), 2);
  EXPECT_EQ(*slot->get(1), 2);
}

// Tells where it ends.
struct Ending {
  explicit Ending(std::thread::id& thread) : where(thread) {}
  ~Ending() { where = std::this_thread::get_id(); }
  std::thread::id& where;
};

TEST(Slot, ValuesEndOnTheMainThread) {
  std::thread::id where;
  Loop main;
  auto value = endingOn(main, std::make_shared<const Ending>(where));
  std::thread([last = std::move(value)] {}).join();
  EXPECT_EQ(where, std::thread::id());
  main.runOnce();
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(Slot, AValueThatOutlivesTheMainLoopsLastTurnEndsWithIt) {
  std::thread::id where;
  {
    Loop main;
    endingOn(main, std::make_shared<const Ending>(where)).reset();
    EXPECT_EQ(where, std::thread::id());
  }
  EXPECT_EQ(where, std::this_thread::get_id());
}

} // namespace
} // namespace moe::event
