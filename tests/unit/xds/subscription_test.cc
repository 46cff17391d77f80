#include "xds/subscription.h"

#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;

class SubscriptionTest : public net::test::LoopTest {
protected:
  void SetUp() override { make(kRouteType, false); }
  void make(std::string_view type, bool delta) {
    subscription.reset();
    subscription = std::make_unique<Subscription>(Subscription::Options{
        .typeUrl = std::string(type),
        .loop = worker.loop,
        .consumer = consumer,
        .state = delta ? createDeltaState(std::string(type)) : createSotwState(std::string(type)),
        .logger = noLog(),
        .stats = &stats,
        .wake = [this] { ++wakes; }});
    subscription->onStreamStart();
  }
  // Takes a response and returns the answer.
  DiscoveryRequest take(DiscoveryResponse from) {
    subscription->onResponse(from);
    auto request = subscription->next();
    EXPECT_NE(request, nullptr);
    return static_cast<DiscoveryRequest&>(*request);
  }
  DeltaDiscoveryRequest take(DeltaDiscoveryResponse from) {
    subscription->onResponse(from);
    auto request = subscription->next();
    EXPECT_NE(request, nullptr);
    return static_cast<DeltaDiscoveryRequest&>(*request);
  }
  uint64_t count(const char* name) {
    const stats::Counter* counter = store.findCounter(base::cat("lds.", name));
    return counter == nullptr ? 0 : counter->value();
  }

  stats::Store store;
  SubscriptionStats stats{store.root().child("lds")};
  TestConsumer consumer;
  Told told;
  int wakes = 0;
  std::unique_ptr<Subscription> subscription;
};

TEST_F(SubscriptionTest, GivesChangesToTheConsumerAndTellsWatchers) {
  auto a = subscription->watch("a", told.options());
  subscription->next();
  DiscoveryRequest answer = take(response("1", {route("a"), route("stranger")}));
  EXPECT_EQ(answer.version_info(), "1");
  EXPECT_THAT(consumer.take(), ElementsAre("+a")); // what nobody wants is passed over
  EXPECT_THAT(told.take(), ElementsAre("present:1"));

  // The same bytes: no consumer, no news; the version is the new one.
  take(response("2", {route("a")}));
  EXPECT_THAT(consumer.take(), IsEmpty());
  EXPECT_THAT(told.take(), IsEmpty());
  EXPECT_EQ(subscription->resources().find("a")->version, "2");

  take(response("3", {route("a", "new")}));
  EXPECT_THAT(consumer.take(), ElementsAre("+a"));
  EXPECT_THAT(told.take(), ElementsAre("present:3"));
  EXPECT_EQ(count("update_success"), 3u);
  EXPECT_EQ(count("update_rejected"), 0u);
  EXPECT_EQ(stats.versionText(), "3");
}

TEST_F(SubscriptionTest, OneThatIsWrongIsRefusedAndTheRestTaken) {
  Told others;
  auto a = subscription->watch("a", told.options());
  auto b = subscription->watch("b", others.options());
  subscription->next();
  take(response("1", {route("a", "first"), route("b")}));
  consumer.take();
  told.take();
  others.take();
  const DiscoveryRequest nack = take(response("2", {route("a", "bad"), route("b", "second")}));
  EXPECT_EQ(nack.version_info(), "1");
  EXPECT_EQ(nack.error_detail().message(), "\"a\": field: found bad, expected good");
  EXPECT_THAT(consumer.take(), ElementsAre("!a", "+b"));
  EXPECT_THAT(told.take(), ElementsAre("refused:field: found bad, expected good keeps 1"));
  EXPECT_THAT(others.take(), ElementsAre("present:2"));
  const KeptResource* kept = subscription->resources().find("a");
  EXPECT_EQ(kept->version, "1");
  EXPECT_EQ(kept->body.value(), route("a", "first").value());
  ASSERT_TRUE(kept->refusal);
  EXPECT_EQ(kept->refusal->version, "2");

  // Again: not compiled again, and refused again.
  const int calls = consumer.calls;
  const DiscoveryRequest again = take(response("3", {route("a", "bad"), route("b", "second")}));
  EXPECT_EQ(consumer.calls, calls);
  EXPECT_EQ(again.version_info(), "1");
  EXPECT_EQ(again.error_detail().message(), "\"a\": field: found bad, expected good");
  EXPECT_EQ(count("update_rejected"), 2u);

  // Back to what is in use: nothing to do, and nothing wrong.
  const DiscoveryRequest ack = take(response("4", {route("a", "first"), route("b", "second")}));
  EXPECT_EQ(consumer.calls, calls);
  EXPECT_EQ(ack.version_info(), "4");
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_FALSE(subscription->resources().find("a")->refusal);
}

TEST_F(SubscriptionTest, AResponseThatCannotBeReadChangesNothing) {
  auto a = subscription->watch("a", told.options());
  subscription->next();
  const DiscoveryRequest nack = take(response("1", {route("a"), route("a")}));
  EXPECT_THAT(nack.error_detail().message(), HasSubstr("found \"a\" again"));
  EXPECT_EQ(nack.version_info(), "");
  EXPECT_THAT(told.take(), ElementsAre(HasSubstr("refused:"))); // whoever waits need not any more
  EXPECT_EQ(consumer.calls, 0);
  EXPECT_EQ(count("update_rejected"), 1u);
}

TEST_F(SubscriptionTest, WatchersOfOneNameAreAnsweredAtOnceAndCounted) {
  auto first = subscription->watch("a", told.options());
  subscription->next();
  take(response("1", {route("a")}));
  Told second;
  auto other = subscription->watch("a", second.options());
  EXPECT_THAT(second.take(), ElementsAre("present:1"));
  EXPECT_EQ(subscription->next(), nullptr); // nothing to say
  first.reset();
  EXPECT_EQ(subscription->next(), nullptr);
  EXPECT_NE(subscription->resources().find("a"), nullptr);
  other.reset();
  consumer.take();
  auto request = subscription->next();
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(static_cast<DiscoveryRequest&>(*request).resource_names_size(), 0);
  EXPECT_THAT(consumer.take(), ElementsAre("-a"));
  EXPECT_EQ(subscription->resources().find("a"), nullptr);
}

TEST_F(SubscriptionTest, WhatIsWatchedAgainBeforeItWasGivenUpStays) {
  auto first = subscription->watch("a", told.options());
  subscription->next();
  take(response("1", {route("a")}));
  consumer.take();
  first.reset();
  take(response("2", {route("a", "meanwhile")})); // the control plane has not been told yet
  // (its answer says so, and gives "a" up)
  EXPECT_THAT(consumer.take(), ElementsAre("+a", "-a"));
  Told again;
  auto second = subscription->watch("a", again.options());
  EXPECT_THAT(again.take(), IsEmpty());
  auto request = subscription->next();
  ASSERT_NE(request, nullptr);
  EXPECT_THAT(namesOf(static_cast<DiscoveryRequest&>(*request).resource_names()), ElementsAre("a"));
  second.reset();
  second = subscription->watch("a", again.options());
  EXPECT_EQ(subscription->next(), nullptr);
}

TEST_F(SubscriptionTest, ARefusalIsToldToWatchersThatComeLater) {
  auto a = subscription->watch("a", told.options());
  subscription->next();
  take(response("1", {route("a", "bad")}));
  EXPECT_THAT(told.take(), ElementsAre("refused:field: found bad, expected good"));
  Told late;
  auto again = subscription->watch("a", late.options());
  EXPECT_THAT(late.take(), ElementsAre("refused:field: found bad, expected good"));
}

TEST_F(SubscriptionTest, AbsenceIsRemovalForClustersAndNotForRoutes) {
  auto a = subscription->watch("a", told.options());
  auto b = subscription->watch("b", told.options());
  subscription->next();
  take(response("1", {route("a"), route("b")}));
  take(response("2", {route("b", "x")}));
  EXPECT_THAT(consumer.take(), ElementsAre("+a", "+b", "+b"));

  a.reset();
  b.reset();
  told.take();
  make(kClusterType, false);
  auto all = subscription->watchAll(told.options());
  Told one;
  auto missing = subscription->watch("c", one.options());
  subscription->next();
  consumer.take();
  take(response("1", {cluster("a"), cluster("b")}));
  EXPECT_THAT(consumer.take(), ElementsAre("+a", "+b"));
  EXPECT_THAT(one.take(), ElementsAre("missing"));
  take(response("2", {cluster("b")}));
  EXPECT_THAT(consumer.take(), ElementsAre("-a"));
  take(response("3", {}));
  EXPECT_THAT(consumer.take(), ElementsAre("-b"));
  EXPECT_THAT(told.take(), ElementsAre("all", "all", "all"));
  EXPECT_EQ(subscription->resources().size(), 0u);
}

TEST_F(SubscriptionTest, AClusterThatIsRefusedIsNotAbsent) {
  make(kClusterType, false);
  auto all = subscription->watchAll(told.options());
  subscription->next();
  take(response("1", {cluster("a"), cluster("b")}));
  consumer.take();
  take(response("2", {cluster("a", "bad")}));
  EXPECT_THAT(consumer.take(), ElementsAre("!a", "-b"));
  EXPECT_TRUE(subscription->resources().find("a")->accepted);
  // One whose name cannot be read: none is known to be gone.
  google::protobuf::Any garbage = cluster("a");
  garbage.set_value("\xff");
  take(response("3", {garbage}));
  EXPECT_THAT(consumer.take(), IsEmpty());
  EXPECT_TRUE(subscription->resources().find("a")->accepted);
}

TEST_F(SubscriptionTest, TimesOut) {
  auto a = subscription->watch("a", told.options(20));
  auto never = subscription->watch("b", told.options(0));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("timeout"));
  EXPECT_EQ(count("init_fetch_timeout"), 1u);
  subscription->next();
  take(response("1", {route("a")})); // late is not too late
  EXPECT_THAT(told.take(), ElementsAre("present:1"));
}

TEST_F(SubscriptionTest, AnAnswerStopsTheClock) {
  auto a = subscription->watch("a", told.options(30));
  auto b = subscription->watch("b", told.options(60));
  subscription->next();
  take(response("1", {route("a")}));
  ASSERT_TRUE(until([&] { return told.log.size() == 2; }));
  EXPECT_THAT(told.take(), ElementsAre("present:1", "timeout"));
  EXPECT_EQ(count("init_fetch_timeout"), 1u);
}

TEST_F(SubscriptionTest, CountsForEachWatchThatHasStatisticsOfItsOwn) {
  SubscriptionStats own{store.root().child("cluster", "envoy_cluster_name", "a")};
  auto a = subscription->watch("a", told.options(0, &own));
  subscription->next();
  take(response("1", {route("a")}));
  take(response("2", {route("a", "bad")}));
  subscription->onStreamFailure();
  const auto value = [&](const char* name) { return store.findCounter(name)->value(); };
  EXPECT_EQ(value("cluster.a.update_success"), 1u);
  EXPECT_EQ(value("cluster.a.update_rejected"), 1u);
  EXPECT_EQ(value("cluster.a.update_failure"), 1u);
  EXPECT_EQ(value("cluster.a.update_attempt"), 4u);
  EXPECT_EQ(own.versionText(), "1");
}

TEST_F(SubscriptionTest, WatchesMayEndAndBeginInsideCallbacks) {
  std::unique_ptr<Watch> a;
  std::unique_ptr<Watch> b;
  std::unique_ptr<Watch> c;
  Told second;
  told.then = [&] {
    a.reset();
    b.reset();
    if (c == nullptr) {
      c = subscription->watch("a", second.options());
    }
  };
  a = subscription->watch("a", told.options());
  b = subscription->watch("a", told.options());
  subscription->next();
  take(response("1", {route("a")}));
  EXPECT_THAT(told.take(), ElementsAre("present:1")); // the other had ended
  EXPECT_THAT(second.take(), ElementsAre("present:1"));
  Told late;
  late.then = [&] { c.reset(); };
  c = subscription->watch("late", late.options(10)); // ends in its own time-out
  ASSERT_TRUE(until([&] { return !late.log.empty(); }));
}

TEST_F(SubscriptionTest, WatchesMayOutliveTheSubscription) {
  auto a = subscription->watch("a", told.options(10));
  subscription.reset();
  a.reset();
  SUCCEED();
}

TEST_F(SubscriptionTest, AConsumerMayWatchWhileItIsUpdated) {
  std::unique_ptr<Watch> b;
  consumer.then = [&] {
    if (b == nullptr) {
      b = subscription->watch("b", told.options());
    }
  };
  auto a = subscription->watch("a", told.options());
  subscription->next();
  const DiscoveryRequest ack = take(response("1", {route("a")}));
  EXPECT_EQ(ack.version_info(), "1");
  EXPECT_THAT(namesOf(ack.resource_names()), ElementsAre("a", "b"));
}

TEST_F(SubscriptionTest, DeltaRemovesAndSaysWhatDoesNotExist) {
  make(kRouteType, true);
  auto a = subscription->watch("a", told.options());
  Told none;
  auto b = subscription->watch("b", none.options());
  subscription->next();
  take(delta("1", {{"a", "v1"}}, {"b", "stranger"}));
  EXPECT_THAT(consumer.take(), ElementsAre("+a"));
  EXPECT_THAT(told.take(), ElementsAre("present:v1"));
  EXPECT_THAT(none.take(), ElementsAre("missing"));
  Told late;
  auto again = subscription->watch("b", late.options());
  EXPECT_THAT(late.take(), ElementsAre("missing"));
  take(delta("2", {{"b", "v1"}}, {"a"}));
  EXPECT_THAT(consumer.take(), ElementsAre("+b", "-a"));
  EXPECT_THAT(told.take(), ElementsAre("missing"));
  EXPECT_THAT(none.take(), ElementsAre("present:v1"));
  EXPECT_EQ(stats.versionText(), "system-2");
}

TEST_F(SubscriptionTest, DeltaKeepsTheVersionThatWasAccepted) {
  make(kRouteType, true);
  auto a = subscription->watch("a", told.options());
  subscription->next();
  take(delta("1", {{"a", "v1"}}));
  const DeltaDiscoveryRequest nack = take(delta("2", {{"a", "v2", "bad"}}));
  EXPECT_EQ(nack.response_nonce(), "2");
  EXPECT_EQ(nack.error_detail().message(), "\"a\": field: found bad, expected good");
  subscription->onStreamStart();
  auto request = subscription->next();
  EXPECT_EQ(static_cast<DeltaDiscoveryRequest&>(*request).initial_resource_versions().at("a"),
            "v1");
}

TEST_F(SubscriptionTest, HeartbeatsAreNeitherChangeNorError) {
  make(kRouteType, true);
  auto a = subscription->watch("a", told.options());
  subscription->next();
  take(delta("1", {{"a", "v1", "", true, {}, 60}}));
  consumer.take();
  told.take();
  const DeltaDiscoveryRequest ack = take(delta("2", {{"a", "v1", "", false, {}, 60}}));
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_THAT(consumer.take(), IsEmpty());
  EXPECT_THAT(told.take(), IsEmpty());
  // Another version without a resource is an error.
  const DeltaDiscoveryRequest nack = take(delta("3", {{"a", "v2", "", false, {}, 60}}));
  EXPECT_THAT(nack.error_detail().message(), HasSubstr("found no resource and version \"v2\""));
  EXPECT_TRUE(subscription->resources().find("a")->accepted);
}

TEST_F(SubscriptionTest, ATimeToLiveEndsUnlessItIsRefreshed) {
  make(kRouteType, true);
  auto a = subscription->watch("a", told.options());
  subscription->next();
  DeltaDiscoveryResponse first = delta("1", {{"a", "v1", "", true, {}, 1}});
  first.mutable_resources(0)->mutable_ttl()->set_seconds(0);
  first.mutable_resources(0)->mutable_ttl()->set_nanos(30'000'000);
  take(first);
  consumer.take();
  told.take();
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("missing"));
  EXPECT_THAT(consumer.take(), ElementsAre("-a"));
  EXPECT_EQ(subscription->resources().find("a"), nullptr);
  // One without a time to live stays.
  first.set_nonce("2");
  take(first);
  take(delta("3", {{"a", "v1"}}));
  told.take();
  auto waited = worker.loop.createTimer([&] { told.log.push_back("waited"); });
  waited->enable(std::chrono::milliseconds(60));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("waited"));
}

TEST_F(SubscriptionTest, HeartbeatsOfTheStateOfTheWorldRemoveNothing) {
  make(kClusterType, false);
  auto all = subscription->watchAll(told.options());
  subscription->next();
  const auto enveloped = [](const std::string& name, bool body) {
    envoy::service::discovery::v3::Resource envelope;
    envelope.set_name(name);
    envelope.mutable_ttl()->set_seconds(60);
    if (body) {
      *envelope.mutable_resource() = cluster(name);
    }
    google::protobuf::Any any;
    any.PackFrom(envelope);
    return any;
  };
  take(response("1", {enveloped("a", true), cluster("b")}));
  EXPECT_THAT(consumer.take(), ElementsAre("+a", "+b"));
  const DiscoveryRequest ack = take(response("1", {enveloped("a", false)}));
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_THAT(consumer.take(), IsEmpty());
  EXPECT_EQ(subscription->resources().size(), 2u);
}

TEST_F(SubscriptionTest, AliasesAreNames) {
  make(kVirtualHostType, true);
  auto byAlias = subscription->watch("table/host", told.options());
  subscription->next();
  const auto answer = [&](const std::string& nonce, bool body) {
    DeltaDiscoveryResponse from = delta(nonce, {{"table/vh", "1", "", false, {"table/host"}}});
    if (body) {
      from.mutable_resources(0)->mutable_resource()->set_type_url(std::string(kVirtualHostType));
    }
    return from;
  };
  take(answer("1", true));
  EXPECT_THAT(consumer.take(), ElementsAre("+table/vh"));
  EXPECT_THAT(told.take(), ElementsAre("present:1"));
  take(delta("2", {}, {"table/vh"}));
  EXPECT_THAT(consumer.take(), ElementsAre("-table/vh"));
  EXPECT_THAT(told.take(), ElementsAre("missing"));
  take(answer("3", true));
  consumer.take();
  byAlias.reset();
  subscription->next();
  EXPECT_THAT(consumer.take(), ElementsAre("-table/vh"));
}

TEST_F(SubscriptionTest, WhatAWildcardGaveGoesWithIt) {
  make(kRouteType, true);
  auto all = subscription->watchAll(told.options());
  auto a = subscription->watch("a", {});
  subscription->next();
  take(delta("1", {{"a", "1"}, {"b", "1"}}));
  consumer.take();
  a.reset(); // the wildcard has it, too
  subscription->next();
  EXPECT_THAT(consumer.take(), IsEmpty());
  a = subscription->watch("a", {});
  all.reset();
  subscription->next();
  EXPECT_THAT(consumer.take(), ElementsAre("-b"));
}

TEST_F(SubscriptionTest, ResourceErrorsAreWordOfAbsence) {
  auto a = subscription->watch("a", told.options());
  subscription->next();
  DiscoveryResponse from = response("1", {});
  from.add_resource_errors()->mutable_resource_name()->set_name("a");
  const DiscoveryRequest ack = take(from);
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_THAT(told.take(), ElementsAre("missing"));
}

} // namespace
} // namespace moe::xds
