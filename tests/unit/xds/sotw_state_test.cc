#include "xds/sotw_state.h"

#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;

class SotwStateTest : public testing::Test {
protected:
  // The next request; an empty one with type_url "-" if there is none.
  DiscoveryRequest next() {
    auto next =
        state->next(interest, [] { return std::vector<std::pair<std::string, std::string>>(); });
    DiscoveryRequest none;
    none.set_type_url("-");
    return next.request == nullptr ? none : static_cast<DiscoveryRequest&>(*next.request);
  }
  bool quiet() { return next().type_url() == "-"; }
  absl::StatusOr<Batch> read(DiscoveryResponse from) {
    last = std::move(from);
    return state->read(last);
  }

  Interest interest;
  std::unique_ptr<DiscoveryState> state = createSotwState(std::string(kRouteType));
  DiscoveryResponse last;
};

TEST_F(SotwStateTest, AsksForNothingBeforeAnythingIsWanted) {
  state->onStreamStart();
  EXPECT_FALSE(state->hasNext(interest));
  EXPECT_TRUE(quiet());
  interest.add("a");
  EXPECT_TRUE(state->hasNext(interest));
  EXPECT_THAT(namesOf(next().resource_names()), ElementsAre("a"));
  EXPECT_FALSE(state->hasNext(interest));
}

TEST_F(SotwStateTest, AcceptedAndRefused) {
  state->onStreamStart();
  interest.add("b");
  interest.add("a");
  const DiscoveryRequest first = next();
  EXPECT_EQ(first.type_url(), kRouteType);
  EXPECT_EQ(first.version_info(), "");
  EXPECT_EQ(first.response_nonce(), "");
  EXPECT_THAT(namesOf(first.resource_names()), ElementsAre("a", "b"));

  ASSERT_TRUE(read(response("1", {route("a"), route("b")})).ok());
  state->answer("");
  const DiscoveryRequest ack = next();
  EXPECT_EQ(ack.version_info(), "1");
  EXPECT_EQ(ack.response_nonce(), "n1");
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_THAT(namesOf(ack.resource_names()), ElementsAre("a", "b"));
  EXPECT_TRUE(quiet());

  ASSERT_TRUE(read(response("2", {route("a")})).ok());
  state->answer("it is wrong");
  const DiscoveryRequest nack = next();
  EXPECT_EQ(nack.version_info(), "1"); // the one that stays
  EXPECT_EQ(nack.response_nonce(), "n2");
  EXPECT_EQ(nack.error_detail().message(), "it is wrong");
  EXPECT_EQ(nack.error_detail().code(), 13);

  // Asking for more is no second refusal.
  interest.add("c");
  const DiscoveryRequest more = next();
  EXPECT_FALSE(more.has_error_detail());
  EXPECT_EQ(more.version_info(), "1");
  EXPECT_EQ(more.response_nonce(), "n2");
  EXPECT_THAT(namesOf(more.resource_names()), ElementsAre("a", "b", "c"));
}

TEST_F(SotwStateTest, ANewStreamHasNoNonceButTheVersion) {
  state->onStreamStart();
  interest.add("a");
  next();
  ASSERT_TRUE(read(response("1", {route("a")})).ok());
  state->answer("");
  state->onStreamStart(); // before the answer could be sent
  const DiscoveryRequest again = next();
  EXPECT_EQ(again.version_info(), "1");
  EXPECT_EQ(again.response_nonce(), "");
  EXPECT_THAT(namesOf(again.resource_names()), ElementsAre("a"));
  EXPECT_TRUE(quiet());
}

TEST_F(SotwStateTest, EverythingIsAnEmptyListUntilNamesWereTold) {
  state->onStreamStart();
  interest.setWildcard(true);
  EXPECT_THAT(namesOf(next().resource_names()), IsEmpty());
  interest.add("a");
  EXPECT_THAT(namesOf(next().resource_names()), ElementsAre("*", "a"));
  interest.remove("a");
  EXPECT_THAT(namesOf(next().resource_names()), ElementsAre("*"));
  interest.setWildcard(false);
  EXPECT_THAT(namesOf(next().resource_names()), IsEmpty()); // means nothing, now
  state->onStreamStart();
  EXPECT_TRUE(quiet());
  interest.setWildcard(true);
  EXPECT_THAT(namesOf(next().resource_names()), IsEmpty());
}

TEST_F(SotwStateTest, AnEmptyListIsNeverSentForNothing) {
  state->onStreamStart();
  interest.setWildcard(true);
  next();
  interest.setWildcard(false);
  EXPECT_TRUE(quiet()); // it would ask for everything again
}

TEST_F(SotwStateTest, WhatComesAndGoesBetweenTwoRequestsIsNotSaid) {
  state->onStreamStart();
  interest.add("a");
  next();
  interest.add("b");
  interest.remove("b");
  interest.remove("a");
  interest.add("a");
  EXPECT_TRUE(quiet());
}

TEST_F(SotwStateTest, AResponseThatNamesAResourceTwiceIsWrong) {
  const auto batch = read(response("1", {route("a"), route("b"), route("a", "other")}));
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.status().message(),
            "resources[2].name: found \"a\" again, expected a name that no "
            "other resource of the response has");
}

TEST_F(SotwStateTest, AResponseOfAnotherTypeIsWrong) {
  DiscoveryResponse other = response("1", {});
  other.set_type_url(std::string(kClusterType));
  EXPECT_FALSE(read(other).ok());
}

TEST_F(SotwStateTest, WhatCannotBeReadIsRefusedByItself) {
  google::protobuf::Any garbage = route("x");
  garbage.set_value("\xff\xff\xff");
  google::protobuf::Any nameless = route("");
  auto batch = read(response("1", {route("a"), cluster("b"), garbage, nameless}));
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->resources.size(), 4u);
  EXPECT_EQ(batch->resources[0].name, "a");
  EXPECT_EQ(batch->resources[0].error, "");
  EXPECT_THAT(batch->resources[1].error, HasSubstr("resources[1]: found"));
  EXPECT_THAT(batch->resources[1].error, HasSubstr("envoy.config.cluster.v3.Cluster"));
  EXPECT_THAT(batch->resources[2].error, HasSubstr("do not parse"));
  EXPECT_THAT(batch->resources[3].error, HasSubstr("without a name"));
}

TEST_F(SotwStateTest, AbsenceMeansSomethingForClustersAndListenersOnly) {
  EXPECT_FALSE(read(response("1", {route("a")}))->complete);
  state = createSotwState(std::string(kClusterType));
  EXPECT_TRUE(read(response("1", {cluster("a")}))->complete);
  // One that has no name may be any of those that are missing.
  google::protobuf::Any garbage = cluster("x");
  garbage.set_value("\xff");
  EXPECT_FALSE(read(response("1", {cluster("a"), garbage}))->complete);
}

TEST_F(SotwStateTest, ReadsTheEnvelope) {
  envoy::service::discovery::v3::Resource envelope;
  envelope.set_name("a");
  *envelope.mutable_resource() = route("a");
  envelope.mutable_ttl()->set_seconds(3);
  google::protobuf::Any any;
  any.PackFrom(envelope);
  auto batch = read(response("7", {any}));
  ASSERT_TRUE(batch.ok());
  const Incoming& got = batch->resources[0];
  EXPECT_EQ(got.error, "");
  EXPECT_EQ(got.name, "a");
  EXPECT_EQ(got.version, "7");
  EXPECT_EQ(got.ttl, std::chrono::milliseconds(3000));
  EXPECT_EQ(got.body->value(), route("a").value());
}

} // namespace
} // namespace moe::xds
