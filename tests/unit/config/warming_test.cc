#include "config/warming.h"

#include <gtest/gtest.h>

#include <optional>

namespace moe::config {
namespace {

TEST(Warming, IsDoneAtOnceIfNothingIsHeld) {
  Warming warming;
  int done = 0;
  warming.whenDone([&] { ++done; });
  EXPECT_EQ(done, 1);
}

TEST(Warming, IsDoneOnceAfterTheLastHold) {
  Warming warming;
  std::optional<Warming::Hold> first = warming.hold();
  std::optional<Warming::Hold> second = warming.hold();
  std::optional<Warming::Hold> copy = second;
  int done = 0;
  warming.whenDone([&] { ++done; });
  first.reset();
  second.reset();
  EXPECT_EQ(done, 0);
  EXPECT_FALSE(warming.done());
  copy.reset();
  EXPECT_EQ(done, 1);
  warming.hold(); // later ones disturb nobody
  EXPECT_EQ(done, 1);
}

TEST(Warming, MayEndBeforeItsHolds) {
  std::optional<Warming::Hold> hold;
  {
    Warming warming;
    hold = warming.hold();
    warming.whenDone([] { FAIL(); });
  }
  hold.reset();
}

TEST(Warming, MayEndWhenItIsDone) {
  auto warming = std::make_unique<Warming>();
  std::optional<Warming::Hold> hold = warming->hold();
  warming->whenDone([&] { warming = nullptr; });
  hold.reset();
  EXPECT_EQ(warming, nullptr);
}

} // namespace
} // namespace moe::config
