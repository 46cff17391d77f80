#include "server/listener_fixture.h"

namespace moe::server {
namespace {

using test::Client;
using test::ListenerManagerTest;
using test::Proto;
using testing::HasSubstr;
using testing::StartsWith;

// A port that was free a moment ago.
uint16_t freePort() {
  const auto fd = net::listenOn(**net::Address::parseIp("127.0.0.1", 0), {});
  return net::Address::localOf(fd->get())->port();
}

TEST_F(ListenerManagerTest, AnAddressThatSomebodyElseHasRefusesTheUpdate) {
  const auto other = net::listenOn(**net::Address::parseIp("127.0.0.1", 0), {.reusePort = false});
  ASSERT_TRUE(other.ok());
  start();
  Proto proto = listener("l", "one");
  ASSERT_EQ(put(proto), "");
  setAddress(proto, "127.0.0.1", net::Address::localOf(other->get())->port());
  EXPECT_THAT(put(proto), StartsWith("address: cannot bind to 127.0.0.1:"));
  EXPECT_EQ(counter("listener_create_failure"), 1u);
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "one\n"));
}

TEST_F(ListenerManagerTest, TwoListenersDoNotHaveOneAddress) {
  start();
  Proto one = listener("one", "one");
  setAddress(one, "127.0.0.1", freePort());
  ASSERT_EQ(put(one), "");
  Proto two = one;
  two.set_name("two");
  EXPECT_THAT(put(two), HasSubstr(" again, expected an address that no other listener has"));
  two.mutable_bind_to_port()->set_value(false); // as Envoy
  EXPECT_NE(put(two), "");
  // Removed first, its address is free at once.
  EXPECT_TRUE(manager->remove("one"));
  two.clear_bind_to_port();
  setGreeting(*two.mutable_default_filter_chain(), "two");
  ASSERT_EQ(put(two), "");
  settle();
  auto c = client("two");
  EXPECT_TRUE(receives(*c, "two\n"));
}

TEST_F(ListenerManagerTest, ASocketOfAllWorkersIsTakenOver) {
  start();
  Proto proto = listener("one", "one");
  proto.mutable_enable_reuse_port()->set_value(false);
  setAddress(proto, "127.0.0.1", freePort());
  ASSERT_EQ(put(proto), "");
  auto before = client("one");
  ASSERT_TRUE(receives(*before, "one\n"));
  EXPECT_TRUE(manager->remove("one"));
  proto.set_name("two");
  setGreeting(*proto.mutable_default_filter_chain(), "two");
  ASSERT_EQ(put(proto), "");
  settle();
  auto c = client("two");
  EXPECT_TRUE(receives(*c, "two\n"));
}

TEST_F(ListenerManagerTest, OtherSocketOptionsMakeNewSocketsOrAnError) {
  start();
  Proto proto = listener("l", "one");
  setAddress(proto, "127.0.0.1", freePort());
  ASSERT_EQ(put(proto), "");
  proto.mutable_freebind()->set_value(true);
  setGreeting(*proto.mutable_default_filter_chain(), "two");
  ASSERT_EQ(put(proto), "");
  settle();
  auto c = client("l");
  EXPECT_TRUE(
      until([&] { return c->received == "two\n" || c->received == "one\ndraining\n"; }, {c.get()}));
  proto.mutable_enable_reuse_port()->set_value(false);
  EXPECT_EQ(put(proto), base::cat("address: found ", addressOf("l")->asString(),
                                  " with other socket options, expected those that it has, or "
                                  "enable_reuse_port both before and after the change"));
}

// Waiting in the kernel's queue when the socket goes.
TEST_F(ListenerManagerTest, WhoHasConnectedIsServed) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  const net::AddressPtr address = addressOf("l");
  std::vector<std::unique_ptr<Client>> clients;
  std::atomic<bool> go{false};
  std::atomic<int> busy{0};
  for (auto& worker : workers) {
    worker->loop().post([&] {
      ++busy;
      go.wait(false);
    });
  }
  ASSERT_TRUE(until([&] { return busy == 2; }));
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(*address));
  }
  EXPECT_TRUE(manager->remove("l"));
  go = true;
  go.notify_all();
  for (auto& each : clients) {
    EXPECT_TRUE(until([&] { return each->received.starts_with("one\n"); }, {each.get()}));
  }
  settle();
}

TEST_F(ListenerManagerTest, SocketsThatComeDuringAnOverloadDoNotAccept) {
  start();
  for (auto& worker : workers) {
    worker->setAccepting(false);
  }
  ASSERT_EQ(put(listener("l", "one")), "");
  settle();
  auto c = client("l"); // the kernel queues it
  for (int i = 0; i < 5; ++i) {
    settle();
    c->read();
  }
  EXPECT_EQ(c->received, "");
  for (auto& worker : workers) {
    worker->setAccepting(true);
  }
  EXPECT_TRUE(receives(*c, "one\n"));
}

TEST_F(ListenerManagerTest, OriginalDestinationsFollowUpdatesAndRemovals) {
  start();
  Proto catcher = listener("catcher", "catcher");
  catcher.mutable_use_original_dst()->set_value(true);
  addFinder(catcher, "10.9.9.9:5432");
  ASSERT_EQ(put(catcher), "");
  const auto served = [&] {
    settle();
    auto c = client("catcher");
    until([&] { return c->received.ends_with('\n'); }, {c.get()});
    return c->received;
  };
  EXPECT_EQ(served(), "catcher\n");
  Proto database = listener("database", "database");
  database.mutable_bind_to_port()->set_value(false);
  setAddress(database, "0.0.0.0", 5432);
  ASSERT_EQ(put(database), "");
  EXPECT_EQ(served(), "database\n");
  setGreeting(*database.mutable_default_filter_chain(), "in place");
  ASSERT_EQ(put(database), "");
  EXPECT_EQ(served(), "in place\n");
  Proto nearer = database;
  nearer.set_name("nearer");
  setAddress(nearer, "10.9.9.9", 5432);
  setGreeting(*nearer.mutable_default_filter_chain(), "nearer");
  ASSERT_EQ(put(nearer), "");
  EXPECT_EQ(served(), "nearer\n");
  setAddress(nearer, "10.9.9.9", 5433);
  ASSERT_EQ(put(nearer), "");
  EXPECT_EQ(served(), "in place\n");
  EXPECT_TRUE(manager->remove("database"));
  EXPECT_EQ(served(), "catcher\n");
}

TEST_F(ListenerManagerTest, SocketsThatFiltersLookAtFinishUnderWhatTheyCameTo) {
  start();
  Proto proto = listener("l", "one");
  addFinder(proto, "a byte");
  ASSERT_EQ(put(proto), "");
  auto first = client("l");
  const auto pending = [&](int64_t n) {
    return until([&] {
      const auto* found = stats.findGauge("listener.l.downstream_pre_cx_active");
      return found != nullptr && found->value() == n;
    });
  };
  ASSERT_TRUE(pending(1));
  // Only chains have changed: it goes to the one that is there then.
  setGreeting(*proto.mutable_default_filter_chain(), "two");
  ASSERT_EQ(put(proto), "");
  settle();
  first->send("x");
  EXPECT_TRUE(receives(*first, "two\nx"));
  // All has changed: it is served as it would have been, and drains.
  auto second = client("l");
  ASSERT_TRUE(pending(1));
  proto.mutable_per_connection_buffer_limit_bytes()->set_value(1000);
  setGreeting(*proto.mutable_default_filter_chain(), "three");
  ASSERT_EQ(put(proto), "");
  settle();
  second->send("x");
  EXPECT_TRUE(until([&] { return second->received.find("draining") != std::string::npos; },
                    {second.get()}));
  EXPECT_THAT(second->received, StartsWith("two\n"));
  second->send("quit");
  EXPECT_TRUE(closes(*second));
  first->send("quit");
  EXPECT_TRUE(closes(*first));
  EXPECT_TRUE(until([&] { return gauge("total_listeners_draining") == 0; }));
}

TEST_F(ListenerManagerTest, TheDrainTimeEndsSocketsThatFiltersLookAt) {
  start(base::Milliseconds(20));
  Proto proto = listener("l", "one");
  proto.mutable_listener_filters_timeout()->set_seconds(0); // none
  addFinder(proto, "a byte");
  ASSERT_EQ(put(proto), "");
  auto c = client("l");
  ASSERT_TRUE(
      until([&] { return stats.findGauge("listener.l.downstream_pre_cx_active")->value() == 1; }));
  EXPECT_TRUE(manager->remove("l"));
  EXPECT_TRUE(closes(*c));
  EXPECT_TRUE(until([&] { return gauge("total_listeners_draining") == 0; }));
}

} // namespace
} // namespace moe::server
