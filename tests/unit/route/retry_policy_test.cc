#include "route/retry_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace moe::route {
namespace {

absl::StatusOr<RetryPolicy> read(const std::string& yaml) {
  envoy::config::route::v3::RetryPolicy proto;
  EXPECT_TRUE(config::loadText("r.yaml", yaml, proto).ok());
  return RetryPolicy::compile(proto, config::FieldPath("retry_policy"));
}

TEST(RetryPolicy, AsIstioSendsIt) {
  const auto policy = read(R"(
retry_on: connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes
num_retries: 2
retry_host_predicate:
- name: envoy.retry_host_predicates.previous_hosts
  typed_config: {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}
host_selection_retry_max_attempts: 5
)");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->retries, 2u);
  EXPECT_TRUE(policy->otherHosts);
  EXPECT_EQ(policy->hostAttempts, 5u);
  EXPECT_EQ(policy->on, static_cast<uint32_t>(RetryOn::ConnectFailure) |
                            static_cast<uint32_t>(RetryOn::RefusedStream) |
                            static_cast<uint32_t>(RetryOn::GrpcUnavailable) |
                            static_cast<uint32_t>(RetryOn::GrpcCancelled) |
                            static_cast<uint32_t>(RetryOn::StatusCodes));
}

TEST(RetryPolicy, HasEnvoysDefaults) {
  const auto policy = read("{retry_on: 5xx, retry_back_off: {base_interval: 0.05s}}");
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->retries, 1u);
  EXPECT_EQ(policy->perTryTimeout.count(), 0);
  EXPECT_EQ(policy->maxInterval.count(), 500);
  EXPECT_FALSE(policy->otherHosts);
}

TEST(RetryPolicy, ErrorsNameTheField) {
  for (const auto& [yaml, text] : std::vector<std::pair<std::string, std::string>>{
           {"retry_on: \"5xx,often\"", "retry_policy.retry_on: found \"often\""},
           {"retry_host_predicate: [{name: a.b}]",
            "retry_policy.retry_host_predicate[0]: found \"a.b\""},
           {"retry_back_off: {base_interval: 2s, max_interval: 1s}",
            "retry_policy.retry_back_off.max_interval: found"},
           {"retriable_headers: [{name: a, string_match: {safe_regex: {regex: \"(\"}}}]",
            "retry_policy.retriable_headers[0]"},
       }) {
    const auto policy = read(yaml);
    ASSERT_FALSE(policy.ok()) << yaml;
    EXPECT_THAT(std::string(policy.status().message()), testing::HasSubstr(text));
  }
}

} // namespace
} // namespace moe::route
