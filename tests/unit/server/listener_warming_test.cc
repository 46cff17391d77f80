#include "server/listener_fixture.h"

namespace moe::server {
namespace {

using test::Client;
using test::ListenerManagerTest;
using test::Proto;

TEST_F(ListenerManagerTest, AListenerServesWhenItHasEndedWarming) {
  start();
  ASSERT_EQ(put(listener("l", "wait")), "");
  EXPECT_EQ(addressOf("l"), nullptr);
  EXPECT_EQ(gauge("total_listeners_warming"), 1);
  EXPECT_EQ(gauge("total_listeners_active"), 0);
  net::AddressPtr bound;
  manager->forEach([&](const ListenerInfo& info) {
    EXPECT_EQ(info.state, ListenerInfo::State::Warming);
    bound = info.addresses.at(0).address;
  });
  EXPECT_TRUE(Client(*bound).refused); // bound, but nobody would answer yet
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_FALSE(initialized);
  holds.clear();
  EXPECT_TRUE(initialized);
  EXPECT_EQ(*addressOf("l"), *bound);
  EXPECT_EQ(gauge("total_listeners_warming"), 0);
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "wait\n"));
}

TEST_F(ListenerManagerTest, TheOldConfigurationServesWhileTheNewOneWarms) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  ASSERT_EQ(put(listener("l", "wait")), "");
  settle();
  auto c = client("l");
  ASSERT_TRUE(receives(*c, "one\n"));
  holds.clear();
  EXPECT_TRUE(receives(*c, "one\ndraining\n"));
  c = client("l");
  EXPECT_TRUE(receives(*c, "wait\n"));
}

TEST_F(ListenerManagerTest, ASecondUpdateReplacesTheOneThatWarms) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  ASSERT_EQ(put(listener("l", "wait 1")), "");
  ASSERT_EQ(put(listener("l", "wait 2")), "");
  EXPECT_EQ(gauge("total_listeners_warming"), 1);
  holds.erase("wait 1"); // too late
  EXPECT_EQ(gauge("total_listeners_warming"), 1);
  holds.erase("wait 2");
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "wait 2\n"));
  EXPECT_EQ(counter("listener_modified"), 2u);
}

TEST_F(ListenerManagerTest, WhatServesComesAgainAndTheUpdateIsOff) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  ASSERT_EQ(put(listener("l", "wait")), "");
  ASSERT_EQ(put(listener("l", "one")), "");
  EXPECT_EQ(gauge("total_listeners_warming"), 0);
  holds.clear();
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "one\n"));
}

TEST_F(ListenerManagerTest, RemovalEndsWarming) {
  start();
  ASSERT_EQ(put(listener("l", "wait")), "");
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_TRUE(manager->remove("l"));
  EXPECT_TRUE(initialized);
  holds.clear();
  EXPECT_EQ(addressOf("l"), nullptr);
  EXPECT_EQ(gauge("total_listeners_warming"), 0);
}

TEST_F(ListenerManagerTest, StaticListenersHoldUpTheStart) {
  make();
  ASSERT_TRUE(manager->addStatic(listener("s", "wait"), config::FieldPath("x")).ok());
  ASSERT_TRUE(manager->addStatic(listener("t", "one"), config::FieldPath("y")).ok());
  run();
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_FALSE(initialized);
  auto c = client("t");
  EXPECT_TRUE(receives(*c, "one\n"));
  holds.clear();
  EXPECT_TRUE(initialized);
  c = client("s");
  EXPECT_TRUE(receives(*c, "wait\n"));
}

TEST_F(ListenerManagerTest, NothingChangesOnceTheProcessDrains) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  ASSERT_EQ(put(listener("m", "wait")), "");
  auto c = client("l");
  ASSERT_TRUE(receives(*c, "one\n"));
  manager->stop();
  std::atomic<int> drained{0};
  for (auto& worker : workers) {
    worker->drain([&] { ++drained; });
  }
  holds.clear();
  EXPECT_EQ(put(listener("n", "new")), "");
  EXPECT_FALSE(manager->remove("l"));
  EXPECT_EQ(addressOf("m"), nullptr);
  EXPECT_EQ(addressOf("n"), nullptr);
  EXPECT_TRUE(receives(*c, "one\ndraining\n"));
  EXPECT_EQ(counter("listener_stopped"), 1u);
  c->send("quit");
  EXPECT_TRUE(until([&] { return drained == 2; }));
}

// A worker may be told to drain while updates are under way to it.
TEST_F(ListenerManagerTest, AWorkerThatDrainsAcceptsNothingOfALaterUpdate) {
  start();
  Proto proto = listener("l", "one");
  ASSERT_EQ(put(proto), "");
  auto c = client("l");
  ASSERT_TRUE(receives(*c, "one\n"));
  std::atomic<int> drained{0};
  for (auto& worker : workers) {
    worker->drain([&] { ++drained; });
  }
  setAddress(proto, "127.0.0.5", 0);
  ASSERT_EQ(put(proto), "");
  const net::AddressPtr late = addressOf("l");
  EXPECT_TRUE(until([&] { return Client(*late).refused; }));
  c->send("quit");
  EXPECT_TRUE(until([&] { return drained == 2; }));
}

} // namespace
} // namespace moe::server
