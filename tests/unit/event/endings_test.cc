#include "event/endings.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace moe::event {
namespace {

struct Ending {
  explicit Ending(std::string& l, std::shared_ptr<const Ending> i = nullptr)
      : log(l), inner(std::move(i)) {}
  ~Ending() { log += "end "; }
  std::string& log;
  std::shared_ptr<const Ending> inner; // ends with this one
};

TEST(Endings, WhatAWorkerLetsGoOfEndsOnTheMainLoopAndIsTold) {
  Loop main;
  const auto endings = std::make_shared<Endings>(main);
  std::string log;
  std::shared_ptr<const Ending> object =
      endings->keep(std::make_shared<const Ending>(log), [&log] { log += "told "; });
  std::thread([last = std::move(object)]() mutable { last = nullptr; }).join();
  EXPECT_EQ(log, "");
  main.runOnce();
  EXPECT_EQ(log, "told end ");
}

TEST(Endings, WhatIsLeftEndsBeforeTheLoopWithAllThatItLetsGoOf) {
  Loop main;
  const auto endings = std::make_shared<Endings>(main);
  std::string log;
  {
    const auto inner = endings->keep(std::make_shared<const Ending>(log));
    const auto outer = endings->keep(std::make_shared<const Ending>(log, inner));
  }
  EXPECT_EQ(log, "");
  endings->runAll();
  EXPECT_EQ(log, "end end ");
}

} // namespace
} // namespace moe::event
