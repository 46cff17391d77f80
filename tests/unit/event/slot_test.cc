#include "event/slot.h"

#include <gtest/gtest.h>

#include <string>
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

TEST(SlotChanges, AreSeenTogether) {
  Loop loop;
  WorkerLoops workers;
  workers.add(loop);
  const auto numbers = std::make_shared<Slot<int>>(1, nullptr);
  const auto texts = std::make_shared<Slot<std::string>>(1, nullptr);
  SlotChanges changes;
  changes.set(numbers, std::make_shared<const int>(1));
  changes.set(texts, std::make_shared<const std::string>("one"));
  EXPECT_EQ(*numbers->latest(), 1);
  loop.runOnce();
  EXPECT_EQ(numbers->get(0), nullptr);
  changes.post(workers);
  EXPECT_EQ(numbers->get(0), nullptr);
  loop.runOnce();
  EXPECT_EQ(*numbers->get(0), 1);
  EXPECT_EQ(*texts->get(0), "one");
  changes.post(workers); // once
  numbers->set(std::make_shared<const int>(2), workers);
  loop.runOnce();
  EXPECT_EQ(*numbers->get(0), 2);
}

TEST(SlotChanges, BeforeThereAreWorkersTheyHappenAtOnce) {
  const auto slot = std::make_shared<Slot<int>>(2, nullptr);
  SlotChanges changes;
  changes.set(slot, std::make_shared<const int>(1));
  changes.post(WorkerLoops());
  EXPECT_EQ(*slot->get(0), 1);
  EXPECT_EQ(*slot->get(1), 1);
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

TEST(Slot, WhatEndsWithTheLoopMayHoldAnotherThatEndsThere) {
  std::thread::id where;
  {
    Loop main;
    auto inner = endingOn(main, std::make_shared<const Ending>(where));
    main.post([last = std::move(inner)] {}); // unrun
  }
  EXPECT_EQ(where, std::this_thread::get_id());
}

} // namespace
} // namespace moe::event
