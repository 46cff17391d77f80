#include "xds/delta_state.h"

#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;

class DeltaStateTest : public testing::Test {
protected:
  DeltaDiscoveryRequest next() {
    auto next = state->next(interest, [this] { return held; });
    DeltaDiscoveryRequest none;
    none.set_type_url("-");
    return next.request == nullptr ? none : static_cast<DeltaDiscoveryRequest&>(*next.request);
  }
  bool quiet() { return next().type_url() == "-"; }
  absl::StatusOr<Batch> read(DeltaDiscoveryResponse from) {
    last = std::move(from);
    return state->read(last);
  }

  Interest interest;
  std::vector<std::pair<std::string, std::string>> held;
  std::unique_ptr<DiscoveryState> state = createDeltaState(std::string(kRouteType));
  DeltaDiscoveryResponse last;
};

TEST_F(DeltaStateTest, SaysWhatChanges) {
  state->onStreamStart();
  EXPECT_TRUE(quiet());
  interest.add("a");
  interest.add("b");
  const DeltaDiscoveryRequest first = next();
  EXPECT_EQ(first.type_url(), kRouteType);
  EXPECT_THAT(namesOf(first.resource_names_subscribe()), ElementsAre("a", "b"));
  EXPECT_THAT(namesOf(first.resource_names_unsubscribe()), IsEmpty());
  interest.remove("a");
  interest.add("c");
  const DeltaDiscoveryRequest second = next();
  EXPECT_THAT(namesOf(second.resource_names_subscribe()), ElementsAre("c"));
  EXPECT_THAT(namesOf(second.resource_names_unsubscribe()), ElementsAre("a"));
  EXPECT_EQ(second.response_nonce(), "");
  interest.add("a");
  interest.remove("a");
  EXPECT_TRUE(quiet());
}

TEST_F(DeltaStateTest, AnswersEachResponseByARequestOfItsOwn) {
  state->onStreamStart();
  interest.add("a");
  next();
  ASSERT_TRUE(read(delta("1", {{"a", "v1"}})).ok());
  state->answer("");
  ASSERT_TRUE(read(delta("2", {{"a", "v2"}})).ok());
  state->answer("wrong");
  EXPECT_EQ(state->unanswered(), 2u);
  interest.add("b");
  const DeltaDiscoveryRequest ack = next();
  EXPECT_EQ(ack.response_nonce(), "1");
  EXPECT_FALSE(ack.has_error_detail());
  EXPECT_THAT(namesOf(ack.resource_names_subscribe()), ElementsAre("b"));
  EXPECT_EQ(ack.initial_resource_versions_size(), 0);
  const DeltaDiscoveryRequest nack = next();
  EXPECT_EQ(nack.response_nonce(), "2");
  EXPECT_EQ(nack.error_detail().message(), "wrong");
  EXPECT_EQ(nack.error_detail().code(), 13);
  EXPECT_THAT(namesOf(nack.resource_names_subscribe()), IsEmpty());
  EXPECT_TRUE(quiet());
}

TEST_F(DeltaStateTest, ANewStreamListsWhatIsHeldWithVersionsOrWithout) {
  state->onStreamStart();
  interest.add("a");
  interest.add("b");
  next();
  ASSERT_TRUE(read(delta("1", {{"a", ""}})).ok());
  state->answer("");
  held = {{"a", ""}};
  state->onStreamStart();
  const DeltaDiscoveryRequest again = next();
  ASSERT_EQ(again.initial_resource_versions_size(), 1);
  EXPECT_EQ(again.initial_resource_versions().at("a"), "");
  EXPECT_EQ(again.response_nonce(), ""); // an answer belongs to its stream
  EXPECT_THAT(namesOf(again.resource_names_subscribe()), ElementsAre("a", "b"));
  EXPECT_TRUE(quiet());
}

TEST_F(DeltaStateTest, EverythingAloneIsSaidByNoName) {
  state->onStreamStart();
  interest.setWildcard(true);
  held = {{"x", "1"}};
  const DeltaDiscoveryRequest first = next();
  EXPECT_EQ(first.type_url(), kRouteType);
  EXPECT_THAT(namesOf(first.resource_names_subscribe()), IsEmpty());
  EXPECT_EQ(first.initial_resource_versions().at("x"), "1");
  interest.add("a");
  EXPECT_THAT(namesOf(next().resource_names_subscribe()), ElementsAre("a"));
  state->onStreamStart();
  EXPECT_THAT(namesOf(next().resource_names_subscribe()), ElementsAre("*", "a"));
  interest.setWildcard(false);
  EXPECT_THAT(namesOf(next().resource_names_unsubscribe()), ElementsAre("*"));
  interest.setWildcard(true);
  EXPECT_THAT(namesOf(next().resource_names_subscribe()), ElementsAre("*"));
}

TEST_F(DeltaStateTest, EverythingAfterNamesIsSaidByAnAsterisk) {
  state->onStreamStart();
  interest.add("a");
  next();
  interest.remove("a");
  interest.setWildcard(true);
  const DeltaDiscoveryRequest request = next();
  EXPECT_THAT(namesOf(request.resource_names_subscribe()), ElementsAre("*"));
  EXPECT_THAT(namesOf(request.resource_names_unsubscribe()), ElementsAre("a"));
}

TEST_F(DeltaStateTest, ANameThatComesTwiceIsWrong) {
  EXPECT_FALSE(read(delta("1", {{"a", "1"}, {"a", "2"}})).ok());
  EXPECT_FALSE(read(delta("1", {{"a", "1"}}, {"a"})).ok());
  EXPECT_FALSE(read(delta("1", {}, {"b", "b"})).ok());
  EXPECT_TRUE(read(delta("1", {{"a", "1"}}, {"b"})).ok());
}

TEST_F(DeltaStateTest, RefusesWhatItDoesNotActOn) {
  DeltaDiscoveryResponse response = delta("1", {{"a", "1"}, {"b", "1"}, {"c", "1"}});
  response.mutable_resources(0)
      ->mutable_resource_name()
      ->mutable_dynamic_parameter_constraints()
      ->mutable_constraint()
      ->set_key("env");
  response.mutable_resources(1)->mutable_ttl()->set_seconds(-1);
  response.mutable_resources(2)->clear_name();
  auto batch = read(response);
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(batch->resources[0].error,
              HasSubstr("resources[0].resource_name.dynamic_parameter_constraints: found"));
  EXPECT_THAT(batch->resources[1].error, HasSubstr("resources[1].ttl"));
  EXPECT_THAT(batch->resources[2].error, HasSubstr("resources[2].name: found none"));
}

TEST_F(DeltaStateTest, TakesNamesAsObjects) {
  DeltaDiscoveryResponse response = delta("1", {{"a", "1"}});
  response.mutable_resources(0)->clear_name();
  response.mutable_resources(0)->mutable_resource_name()->set_name("a");
  response.add_removed_resource_names()->set_name("b");
  auto batch = read(response);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->resources[0].name, "a");
  EXPECT_EQ(batch->resources[0].error, "");
  EXPECT_THAT(batch->removed, ElementsAre("b"));
}

} // namespace
} // namespace moe::xds
