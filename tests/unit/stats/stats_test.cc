#include "stats/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "stats/text.h"

namespace moe::stats {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> counters(const Store& store) {
  std::vector<std::string> names;
  store.forEachCounter(
      [&](const std::string& name, const Counter& /*counter*/) { names.push_back(name); });
  return names;
}

TEST(Stats, ANameIsOneStatHoweverItIsReached) {
  Store store;
  Counter& counter = store.root().child("a").child("b").counter("c");
  EXPECT_EQ(&store.root().counter("a.b.c"), &counter);
  EXPECT_EQ(&store.root().child("a").counter("b.c"), &counter);
  EXPECT_EQ(&store.root().child("a.b").counter("c"), &counter);
  EXPECT_EQ(store.findCounter("a.b.c"), &counter);
  EXPECT_EQ(store.findCounter("a.b.d"), nullptr);
  EXPECT_EQ(store.findGauge("a.b.c"), nullptr);
}

TEST(Stats, AreVisitedByName) {
  Store store;
  const Scope web = store.root().child("cluster", "envoy_cluster_name", "web");
  web.counter("z");
  web.child("http2").counter("m");
  web.counter("a");
  store.root().counter("before");
  EXPECT_THAT(counters(store), testing::ElementsAre("before", "cluster.web.a",
                                                    "cluster.web.http2.m", "cluster.web.z"));
}

TEST(Stats, MayEndInTheValueOfATag) {
  Store store;
  const Scope scope = store.root().child("listener", "envoy_listener_address", "a").child("ssl");
  Counter& counter = scope.counter("versions", "envoy_ssl_version", "TLSv1.3");
  counter.inc();
  EXPECT_EQ(&scope.counter("versions", "envoy_ssl_version", "TLSv1.3"), &counter);
  EXPECT_EQ(store.findCounter("listener.a.ssl.versions.TLSv1.3"), &counter);
  const Identity identity = counter.label().identity();
  EXPECT_EQ(identity.name, "listener.a.ssl.versions.TLSv1.3");
  EXPECT_EQ(identity.tagExtractedName, "listener.ssl.versions");
  ASSERT_EQ(identity.tags.size(), 2u);
  EXPECT_EQ(identity.tags[1].name, "envoy_ssl_version");
  EXPECT_EQ(identity.tags[1].value, "TLSv1.3");
  EXPECT_THAT(counters(store), testing::ElementsAre("listener.a.ssl.versions.TLSv1.3"));
}

TEST(Stats, OfALeaseGoWithItsLastScope) {
  Store store;
  const Scope root = store.root();
  root.child("cluster", "envoy_cluster_name", "stays").counter("rq");
  {
    std::optional<Scope> child;
    {
      const Scope web = root.leasedChild("cluster", "envoy_cluster_name", "web");
      web.counter("rq").inc();
      web.histogram("time").record(5);
      child = web.child("http2");
      child->gauge("streams").set(3);
    }
    EXPECT_EQ(store.findCounter("cluster.web.rq")->value(), 1u);
    EXPECT_EQ(store.findGauge("cluster.web.http2.streams")->value(), 3);
  }
  EXPECT_EQ(store.findCounter("cluster.web.rq"), nullptr);
  EXPECT_EQ(store.findGauge("cluster.web.http2.streams"), nullptr);
  EXPECT_THAT(textStats(store, {}), Not(HasSubstr("web")));
  EXPECT_NE(store.findCounter("cluster.stays.rq"), nullptr);
}

// A cluster that is replaced goes on counting; so does one whose old form is still in use.
TEST(Stats, ALeaseTakenTwiceIsTheSameStats) {
  Store store;
  const auto lease = [&] {
    return store.root().leasedChild("cluster", "envoy_cluster_name", "web");
  };
  std::optional<Scope> before = lease();
  before->counter("rq").add(2);
  std::optional<Scope> after = lease();
  EXPECT_EQ(&after->counter("rq"), &before->counter("rq"));
  before.reset();
  EXPECT_EQ(after->counter("rq").value(), 2u);
  after.reset();
  EXPECT_EQ(store.findCounter("cluster.web.rq"), nullptr);
  EXPECT_EQ(lease().counter("rq").value(), 0u);
}

// "a" has a child "b"; "a.b" is another cluster.
TEST(Stats, LeasesWithOneNameInAnotherDoNotEndEachOther) {
  Store store;
  std::optional<Scope> a = store.root().leasedChild("cluster", "envoy_cluster_name", "a");
  std::optional<Scope> ab = store.root().leasedChild("cluster", "envoy_cluster_name", "a.b");
  Counter& counter = ab->counter("rq");
  a->counter("rq");
  a.reset();
  counter.inc();
  EXPECT_EQ(store.findCounter("cluster.a.b.rq"), &counter);
  EXPECT_EQ(store.findCounter("cluster.a.rq"), nullptr);
}

TEST(Stats, LeasesMayEndWhileOthersAreMadeAndVisited) {
  Store store;
  std::thread other([&] {
    for (int i = 0; i < 2000; ++i) {
      store.root().leasedChild("cluster", "envoy_cluster_name", "web").counter("rq").inc();
    }
  });
  for (int i = 0; i < 500; ++i) {
    store.root().leasedChild("cluster", "envoy_cluster_name", "web").histogram("time").record(1);
    store.forEachHistogram([](const std::string& name, const Histogram& /*histogram*/) {
      EXPECT_EQ(name, "cluster.web.time");
    });
  }
  other.join();
  EXPECT_TRUE(counters(store).empty());
}

} // namespace
} // namespace moe::stats
