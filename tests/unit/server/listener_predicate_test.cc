#include "server/listener_predicate.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::server {
namespace {

absl::StatusOr<ListenerPredicate> compile(const std::string& json) {
  ListenerPredicate::Proto proto;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &proto);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return ListenerPredicate::compile(proto, config::FieldPath("filter_disabled"));
}

bool matches(const std::string& json, uint16_t port) {
  auto predicate = compile(json);
  EXPECT_TRUE(predicate.ok()) << json;
  return predicate->matches(**net::Address::parseIp("10.0.0.1", port));
}

std::string errorOf(const std::string& json) {
  return std::string(base::message(compile(json).status()));
}

TEST(ListenerPredicate, PortRangesAreWithoutTheirEnd) {
  const std::string range = R"({"destination_port_range": {"start": 100, "end": 200}})";
  EXPECT_FALSE(matches(range, 99));
  EXPECT_TRUE(matches(range, 100));
  EXPECT_TRUE(matches(range, 199));
  EXPECT_FALSE(matches(range, 200));
  EXPECT_FALSE(compile(range)->matches(**net::Address::pipe("/a")));
}

TEST(ListenerPredicate, Combinations) {
  const std::string a = R"({"destination_port_range": {"start": 100, "end": 200}})";
  const std::string b = R"({"destination_port_range": {"start": 150, "end": 300}})";
  EXPECT_TRUE(matches(R"({"any_match": true})", 1));
  EXPECT_FALSE(matches(R"({"not_match": {"any_match": true}})", 1));
  const std::string either = R"({"or_match": {"rules": [)" + a + "," + b + "]}}";
  const std::string both = R"({"and_match": {"rules": [)" + a + "," + b + "]}}";
  EXPECT_TRUE(matches(either, 100));
  EXPECT_TRUE(matches(either, 299));
  EXPECT_FALSE(matches(either, 300));
  EXPECT_TRUE(matches(both, 150));
  EXPECT_FALSE(matches(both, 100));
  EXPECT_FALSE(matches(both, 250));
  EXPECT_TRUE(matches(R"({"not_match": )" + both + "}", 250));
}

TEST(ListenerPredicate, ErrorsNameTheRule) {
  EXPECT_THAT(errorOf("{}"), testing::HasSubstr("filter_disabled: found no rule"));
  EXPECT_THAT(errorOf(R"({"or_match": {"rules": [{"any_match": true}, {"not_match": {}}]}})"),
              testing::HasSubstr("filter_disabled.or_match.rules[1].not_match: found no rule"));
  EXPECT_THAT(errorOf(R"({"destination_port_range": {"start": 5, "end": 5}})"),
              testing::HasSubstr("destination_port_range: found 5 to 5"));
}

} // namespace
} // namespace moe::server
