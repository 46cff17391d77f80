#include "server/listener_manager.h"

#include "server/listener_fixture.h"

namespace moe::server {
namespace {

using test::Client;
using test::ListenerManagerTest;
using test::Proto;
using testing::HasSubstr;

TEST_F(ListenerManagerTest, ANewListenerServesAndIsShown) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "one\n"));
  int seen = 0;
  manager->forEach([&](const ListenerInfo& info) {
    ++seen;
    EXPECT_EQ(info.name, "l");
    EXPECT_EQ(info.version, "v");
    EXPECT_FALSE(info.isStatic);
    EXPECT_EQ(info.proto().stat_prefix(), "l");
    EXPECT_NE(info.addresses.at(0).address->port(), 0);
  });
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(counter("listener_added"), 1u);
  EXPECT_EQ(counter("listener_create_success"), 2u); // workers
  EXPECT_EQ(gauge("total_listeners_active"), 1);
  EXPECT_EQ(gauge("total_listeners_warming"), 0);
}

TEST_F(ListenerManagerTest, ListenersThatComeBeforeTheWorkersRunServeToo) {
  make();
  ASSERT_TRUE(manager->addStatic(listener("s", "static"), config::FieldPath("x")).ok());
  ASSERT_TRUE(manager->bind().ok());
  ASSERT_EQ(put(listener("l", "one")), "");
  ASSERT_EQ(put(listener("l", "two")), "");
  bool initialized = false;
  manager->onInitialized([&] { initialized = true; });
  EXPECT_TRUE(initialized);
  for (auto& worker : workers) {
    worker->start();
  }
  auto c = client("s");
  EXPECT_TRUE(receives(*c, "static\n"));
  c = client("l");
  EXPECT_TRUE(receives(*c, "two\n"));
}

TEST_F(ListenerManagerTest, ErrorsOfStaticListenersNameTheirPath) {
  make();
  const config::FieldPath path("static_resources.listeners[0]");
  Proto proto = listener("s", "one");
  setAddress(proto, "127.0.0.1", 7);
  ASSERT_TRUE(manager->addStatic(proto, path).ok());
  EXPECT_EQ(base::message(manager->addStatic(proto, path)),
            "static_resources.listeners[0].name: found \"s\" again, expected a name that no other "
            "listener has");
  proto.set_name("t");
  EXPECT_EQ(base::message(manager->addStatic(proto, path)),
            "static_resources.listeners[0].address: found 127.0.0.1:7 again, expected an address "
            "that no other listener has");
}

TEST_F(ListenerManagerTest, StaticListenersAreNeitherChangedNorRemoved) {
  make();
  ASSERT_TRUE(manager->addStatic(listener("s", "one"), config::FieldPath("x")).ok());
  run();
  EXPECT_EQ(put(listener("s", "two")),
            "name: found \"s\", expected a name that no static listener has");
  EXPECT_FALSE(manager->remove("s"));
  auto c = client("s");
  EXPECT_TRUE(receives(*c, "one\n"));
}

TEST_F(ListenerManagerTest, TheSameBytesDoNothing) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  const net::AddressPtr address = addressOf("l");
  auto c = client("l");
  ASSERT_TRUE(receives(*c, "one\n"));
  ASSERT_EQ(put(listener("l", "one")), "");
  settle();
  c->send("quit");
  EXPECT_TRUE(receives(*c, "one\nquit")); // and no "draining"
  EXPECT_EQ(counter("listener_modified"), 0u);
  EXPECT_EQ(*addressOf("l"), *address);
}

TEST_F(ListenerManagerTest, WhatIsWrongIsRefusedByFieldAndChangesNothing) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  EXPECT_EQ(put(listener("l", "wrong")),
            "default_filter_chain.filters[0].typed_config.value: found wrong, expected right");
  EXPECT_EQ(put(listener("", "one")), "name: found none, expected a name");
  auto c = client("l");
  EXPECT_TRUE(receives(*c, "one\n"));
  EXPECT_EQ(counter("listener_modified"), 0u);
}

TEST_F(ListenerManagerTest, ChainsThatAreTheSameKeepTheirConnectionsAndOthersDrain) {
  start();
  Proto proto = listener("l", "default");
  addChain(proto, "127.0.0.2", "kept");
  addChain(proto, "127.0.0.3", "gone");
  ASSERT_EQ(put(proto), "");
  const net::AddressPtr address = addressOf("l");
  auto kept = client("l", "127.0.0.2");
  auto gone = client("l", "127.0.0.3");
  ASSERT_TRUE(receives(*kept, "kept\n"));
  ASSERT_TRUE(receives(*gone, "gone\n"));

  Proto changed = listener("l", "default");
  addChain(changed, "127.0.0.3", "new");
  addChain(changed, "127.0.0.2", "kept"); // in another place
  ASSERT_EQ(put(changed), "");
  EXPECT_EQ(*addressOf("l"), *address); // the same sockets
  EXPECT_TRUE(receives(*gone, "gone\ndraining\n"));
  EXPECT_EQ(gauge("total_filter_chains_draining"), 1);
  auto fresh = client("l", "127.0.0.3");
  EXPECT_TRUE(receives(*fresh, "new\n"));
  EXPECT_EQ(counter("listener_in_place_updated"), 1u);
  EXPECT_EQ(counter("listener_modified"), 1u);
  EXPECT_EQ(gauge("total_listeners_draining"), 0);

  gone->send("quit");
  EXPECT_TRUE(closes(*gone));
  EXPECT_TRUE(until([&] { return gauge("total_filter_chains_draining") == 0; }));
  settle();
  kept->send("still");
  EXPECT_TRUE(receives(*kept, "kept\nstill"));
  // What was kept is kept by the next one, too, and drains with the one after.
  ASSERT_EQ(put(listener("l", "default")), "");
  EXPECT_TRUE(receives(*kept, "kept\nstilldraining\n"));
}

TEST_F(ListenerManagerTest, WhatElseChangesDrainsAll) {
  start();
  Proto proto = listener("l", "default");
  addChain(proto, "127.0.0.2", "same");
  ASSERT_EQ(put(proto), "");
  const net::AddressPtr address = addressOf("l");
  auto one = client("l", "127.0.0.2");
  auto two = client("l");
  ASSERT_TRUE(receives(*one, "same\n"));
  ASSERT_TRUE(receives(*two, "default\n"));
  proto.mutable_per_connection_buffer_limit_bytes()->set_value(1000);
  ASSERT_EQ(put(proto), "");
  EXPECT_TRUE(receives(*one, "same\ndraining\n"));
  EXPECT_TRUE(receives(*two, "default\ndraining\n"));
  EXPECT_EQ(*addressOf("l"), *address);
  EXPECT_EQ(counter("listener_in_place_updated"), 0u);
  EXPECT_EQ(gauge("total_listeners_draining"), 1);
  auto fresh = client("l", "127.0.0.2");
  EXPECT_TRUE(receives(*fresh, "same\n"));
  one->send("quit");
  two->send("quit");
  EXPECT_TRUE(closes(*one));
  EXPECT_TRUE(closes(*two));
  EXPECT_TRUE(until([&] { return gauge("total_listeners_draining") == 0; }));
  EXPECT_EQ(gauge("total_listeners_active"), 1);
}

TEST_F(ListenerManagerTest, ANewAddressReplacesTheOldOne) {
  start();
  Proto proto = listener("l", "one");
  ASSERT_EQ(put(proto), "");
  const net::AddressPtr old = addressOf("l");
  auto before = client("l");
  ASSERT_TRUE(receives(*before, "one\n"));
  setAddress(proto, "127.0.0.5", 0);
  ASSERT_EQ(put(proto), "");
  EXPECT_TRUE(receives(*before, "one\ndraining\n"));
  auto c = client("l");
  EXPECT_EQ(addressOf("l")->ip(), "127.0.0.5");
  EXPECT_TRUE(receives(*c, "one\n"));
  EXPECT_TRUE(until([&] { return Client(*old).refused; }));
}

TEST_F(ListenerManagerTest, ARemovedListenerDrains) {
  start();
  ASSERT_EQ(put(listener("l", "one")), "");
  const net::AddressPtr old = addressOf("l");
  auto c = client("l");
  ASSERT_TRUE(receives(*c, "one\n"));
  EXPECT_NE(stats.findCounter("listener.l.downstream_cx_total"), nullptr);
  EXPECT_TRUE(manager->remove("l"));
  EXPECT_FALSE(manager->remove("l"));
  EXPECT_TRUE(receives(*c, "one\ndraining\n"));
  EXPECT_TRUE(until([&] { return Client(*old).refused; }));
  bool shown = false;
  manager->forEach([&](const ListenerInfo& info) {
    shown = info.state == ListenerInfo::State::Draining && info.name == "l";
  });
  EXPECT_TRUE(shown);
  EXPECT_EQ(counter("listener_removed"), 1u);
  EXPECT_EQ(gauge("total_listeners_active"), 0);
  EXPECT_EQ(gauge("total_listeners_draining"), 1);
  c->send("quit");
  EXPECT_TRUE(closes(*c));
  EXPECT_FALSE(c->reset);
  EXPECT_TRUE(until([&] { return gauge("total_listeners_draining") == 0; }));
  // Its statistics went with it.
  EXPECT_TRUE(
      until([&] { return stats.findCounter("listener.l.downstream_cx_total") == nullptr; }));
}

TEST_F(ListenerManagerTest, StatisticsGoOnThroughUpdates) {
  start();
  Proto proto = listener("l", "one");
  for (uint32_t i = 1; i <= 3; ++i) {
    proto.mutable_per_connection_buffer_limit_bytes()->set_value(1000 * i);
    ASSERT_EQ(put(proto), "");
    settle(); // else a worker may take it for what was before, and drain it
    auto c = client("l");
    ASSERT_TRUE(receives(*c, "one\n")) << c->received;
    EXPECT_EQ(stats.findCounter("listener.l.downstream_cx_total")->value(), i);
  }
}

TEST_F(ListenerManagerTest, TheDrainTimeEndsWhatHasNotEnded) {
  start(base::Milliseconds(20));
  Proto proto = listener("l", "default");
  addChain(proto, "127.0.0.2", "gone");
  ASSERT_EQ(put(proto), "");
  auto gone = client("l", "127.0.0.2");
  auto removed = client("l");
  ASSERT_TRUE(receives(*gone, "gone\n"));
  ASSERT_TRUE(receives(*removed, "default\n"));
  ASSERT_EQ(put(listener("l", "default")), "");
  EXPECT_TRUE(closes(*gone));
  EXPECT_TRUE(until([&] { return gauge("total_filter_chains_draining") == 0; }));
  settle();
  removed->read();
  EXPECT_EQ(removed->received, "default\n");
  EXPECT_TRUE(manager->remove("l"));
  EXPECT_TRUE(closes(*removed));
  EXPECT_TRUE(until([&] { return gauge("total_listeners_draining") == 0; }));
}

} // namespace
} // namespace moe::server
