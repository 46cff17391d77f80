#include "server/slices.h"

#include <gtest/gtest.h>

#include <string>

namespace moe::server {
namespace {

TEST(Slices, ATurnDoesOneSliceAndEachWorkGetsItsTurn) {
  event::Loop loop;
  Slices slices(loop);
  std::string done;
  const auto work = [&done](char name, int times) {
    return [&done, name, times]() mutable {
      done += name;
      return --times > 0;
    };
  };
  slices.add(work('a', 3));
  slices.add(work('b', 1));
  EXPECT_EQ(done, ""); // not in the turn that asks for it
  for (const std::string expected : {"a", "ab", "aba", "abaa", "abaa"}) {
    loop.runOnce();
    EXPECT_EQ(done, expected);
  }
}

TEST(Slices, WhatIsClearedIsNotDone) {
  event::Loop loop;
  Slices slices(loop);
  int done = 0;
  slices.add([&] {
    ++done;
    return true;
  });
  loop.runOnce();
  slices.clear();
  loop.runOnce();
  loop.runOnce();
  EXPECT_EQ(done, 1);
}

} // namespace
} // namespace moe::server
