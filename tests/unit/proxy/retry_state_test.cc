#include "proxy/retry_state.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "proxy/header_fixture.h"

namespace moe::proxy::test {
namespace {

using http::ResetReason;
using Verdict = RetryState::Verdict;

class RetryStateTest : public HeaderTest {
protected:
  std::unique_ptr<RetryState> make(const std::string& yaml, http::HeaderMap& request) {
    envoy::config::route::v3::RetryPolicy proto;
    EXPECT_TRUE(config::loadText("r.yaml", yaml, proto).ok());
    auto compiled = route::RetryPolicy::compile(proto, config::FieldPath("r"));
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    policy = *compiled;
    return RetryState::make(&policy, request, cluster);
  }
  http::HeaderMapPtr headers(const std::vector<std::pair<std::string, std::string>>& fields) {
    http::HeaderMapPtr map = pool_.make();
    for (const auto& [name, value] : fields) {
      map->add(name, value);
    }
    return map;
  }
  std::unique_ptr<RetryState> make(const std::string& yaml) {
    const auto request = headers({});
    return make(yaml, *request);
  }
  Verdict answered(RetryState& state, const std::string& status,
                   std::vector<std::pair<std::string, std::string>> more = {}) {
    more.emplace_back(":status", status);
    return state.afterHeaders(*headers(more));
  }

  route::RetryPolicy policy;
  stats::Store store;
  upstream::ClusterInfoPtr cluster =
      std::make_shared<const upstream::ClusterInfo>(upstream::ClusterSettings{}, store.root());
};

TEST_F(RetryStateTest, NothingToRetryIsNoState) {
  EXPECT_EQ(make("{}"), nullptr);
  EXPECT_EQ(make("num_retries: 3"), nullptr);
  const auto request = headers({{"x-envoy-max-retries", "3"}});
  EXPECT_EQ(RetryState::make(nullptr, *request, cluster), nullptr);
  EXPECT_FALSE(request->get("x-envoy-max-retries").has_value());
}

TEST_F(RetryStateTest, StatusesAndResetsByCondition) {
  struct Case {
    std::string on;
    std::vector<std::string> retried;
    std::vector<std::string> left;
    std::vector<ResetReason> resets;
  };
  const ResetReason all[] = {ResetReason::RemoteReset,
                             ResetReason::RemoteRefused,
                             ResetReason::RemoteConnectionFailure,
                             ResetReason::ConnectionTimeout,
                             ResetReason::ConnectionTermination,
                             ResetReason::Overflow};
  const std::vector<ResetReason> any(std::begin(all), std::end(all) - 1);
  const std::vector<ResetReason> connecting{ResetReason::RemoteConnectionFailure,
                                            ResetReason::ConnectionTimeout};
  for (const Case& c : std::vector<Case>{
           {"5xx", {"500", "503", "599"}, {"200", "404", "409"}, any},
           {"gateway-error", {"502", "503", "504"}, {"500", "505"}, any},
           {"reset", {}, {"503"}, any},
           {"connect-failure", {}, {"503"}, connecting},
           {"refused-stream", {}, {"503"}, {ResetReason::RemoteRefused}},
           {"retriable-4xx", {"409"}, {"404", "500"}, {}},
           {"retriable-status-codes", {"418", "429"}, {"500"}, {}},
           {"connect-failure,refused-stream",
            {},
            {"500"},
            {ResetReason::RemoteRefused, ResetReason::RemoteConnectionFailure,
             ResetReason::ConnectionTimeout}},
       }) {
    SCOPED_TRACE(c.on);
    const auto state =
        make("{retry_on: \"" + c.on + "\", num_retries: 100, retriable_status_codes: [418, 429]}");
    for (const std::string& status : c.retried) {
      EXPECT_EQ(answered(*state, status), Verdict::Retry) << status;
    }
    for (const std::string& status : c.left) {
      EXPECT_EQ(answered(*state, status), Verdict::No) << status;
    }
    for (const ResetReason reason : all) {
      const bool wanted = std::count(c.resets.begin(), c.resets.end(), reason) > 0;
      EXPECT_EQ(state->afterReset(reason), wanted ? Verdict::Retry : Verdict::No)
          << http::resetReasonName(reason);
    }
  }
}

TEST_F(RetryStateTest, GrpcStatusesThatComeWithTheHeaders) {
  const std::pair<std::string, std::string> kinds[] = {{"cancelled", "1"},
                                                       {"deadline-exceeded", "4"},
                                                       {"resource-exhausted", "8"},
                                                       {"internal", "13"},
                                                       {"unavailable", "14"}};
  for (const auto& [word, mine] : kinds) {
    const auto state = make("{retry_on: " + word + ", num_retries: 100}");
    for (const std::string status : {"0", "1", "2", "4", "8", "13", "14"}) {
      EXPECT_EQ(answered(*state, "200", {{"grpc-status", status}}),
                status == mine ? Verdict::Retry : Verdict::No)
          << word << status;
    }
    EXPECT_EQ(answered(*state, "200"), Verdict::No);
  }
}

TEST_F(RetryStateTest, HeadersOfTheAnswerAndOfTheRequest) {
  const std::string yaml = "{retry_on: retriable-headers, num_retries: 9, retriable_headers: "
                           "[{name: x-again, string_match: {exact: \"yes\"}}], "
                           "retriable_request_headers: [{name: x-safe, present_match: true}]}";
  const auto safe = headers({{"x-safe", "1"}});
  const auto state = make(yaml, *safe);
  EXPECT_EQ(answered(*state, "200", {{"x-again", "yes"}}), Verdict::Retry);
  EXPECT_EQ(answered(*state, "200", {{"x-again", "no"}}), Verdict::No);
  EXPECT_EQ(make(yaml), nullptr); // as Envoy: not retried, which is no limit that was reached
}

TEST_F(RetryStateTest, WhoeverSaysSlowDownIsNotAskedAgain) {
  const auto state = make("{retry_on: 5xx, num_retries: 9}");
  EXPECT_EQ(answered(*state, "503", {{"x-envoy-ratelimited", "true"}}), Verdict::No);
  const auto asked = make("{retry_on: envoy-ratelimited}");
  EXPECT_EQ(answered(*asked, "429", {{"x-envoy-ratelimited", "true"}}), Verdict::Retry);
}

TEST_F(RetryStateTest, RequestsMayAsk) {
  const auto request = headers({{"x-envoy-retry-on", "retriable-status-codes, retriable-headers"},
                                {"x-envoy-max-retries", "2"},
                                {"x-envoy-retriable-status-codes", "418"},
                                {"x-envoy-retriable-header-names", "X-Again"},
                                {"x-envoy-upstream-rq-per-try-timeout-ms", "70"},
                                {"x-other", "stays"}});
  const auto state = RetryState::make(nullptr, *request, cluster);
  ASSERT_NE(state, nullptr);
  EXPECT_EQ(request->entries().size(), 1u);
  EXPECT_EQ(state->perTryTimeout().count(), 70);
  EXPECT_EQ(answered(*state, "418"), Verdict::Retry);
  EXPECT_EQ(answered(*state, "200", {{"x-again", ""}}), Verdict::Retry);
  EXPECT_EQ(answered(*state, "418"), Verdict::Exceeded);
  EXPECT_EQ(cluster->stats().retryLimitExceeded.value(), 1u);
}

TEST_F(RetryStateTest, TheClusterHasSoManyRetriesAtATime) {
  std::vector<std::unique_ptr<RetryState>> states;
  for (int i = 0; i < 3; ++i) { // max_retries: 3
    states.push_back(make("retry_on: 5xx"));
    EXPECT_EQ(answered(*states.back(), "503"), Verdict::Retry);
  }
  const auto other = make("{retry_on: 5xx, num_retries: 5}");
  EXPECT_EQ(answered(*other, "503"), Verdict::Overflow);
  states[0]->accepted();
  EXPECT_EQ(answered(*other, "503"), Verdict::Retry);
  states.clear();
  EXPECT_EQ(cluster->breakers().retries.taken(), 1u);
  EXPECT_EQ(cluster->stats().retrySuccess.value(), 1u);
  EXPECT_EQ(cluster->stats().retryOverflow.value(), 1u);
}

TEST_F(RetryStateTest, WaitsLongerEachTime) {
  base::Random random(1);
  const auto state = make("{retry_on: 5xx, num_retries: 50, retry_back_off: {base_interval: 0.1s, "
                          "max_interval: 0.4s}}");
  int64_t most[4] = {};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(answered(*state, "503"), Verdict::Retry);
    for (int n = 0; n < 1000; ++n) {
      most[i] = std::max(most[i], state->backOff(random).count());
    }
  }
  EXPECT_TRUE(most[0] > 80 && most[0] < 100) << most[0];
  EXPECT_TRUE(most[1] > 160 && most[1] < 200) << most[1];
  EXPECT_TRUE(most[2] > 320 && most[2] < 400) << most[2];
  EXPECT_TRUE(most[3] > 320 && most[3] < 400) << most[3];
}

} // namespace
} // namespace moe::proxy::test
