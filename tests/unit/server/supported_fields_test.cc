#include "server/supported_fields.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <map>

#include "config/coverage.h"
#include "discovery/supported_fields.h"
#include "filter/supported_fields.h"
#include "golang/supported_fields.h"
#include "http/supported_fields.h"
#include "proxy/supported_fields.h"
#include "route/supported_fields.h"
#include "tls/supported_fields.h"
#include "upstream/supported_fields.h"
#include "xds/supported_fields.h"

namespace moe::server {
namespace {

constexpr config::Claims kAll[] = {
    tls::kFields,    http::kFields,   upstream::kFields, route::kFields,     proxy::kFields,
    filter::kFields, golang::kFields, xds::kFields,      discovery::kFields, kFields};

config::Coverage coverage() {
  config::Coverage out;
  for (const config::Claims claims : kAll) {
    out.add(claims);
  }
  return out;
}

const google::protobuf::DescriptorPool& pool() {
  return *google::protobuf::DescriptorPool::generated_pool();
}

TEST(SupportedFields, NameFieldsThatExist) {
  EXPECT_EQ(coverage().unknownEntries(), std::vector<std::string>());
}

// A wildcard would claim the fields that the next version of the API adds: each is listed here
// with the fields that it had when somebody looked.
TEST(SupportedFields, WildcardsClaimNoNewField) {
  std::map<std::string, int> found;
  for (const config::Claims claims : kAll) {
    for (const std::string_view entry : claims) {
      const size_t star = entry.find(".*");
      if (star == std::string_view::npos) {
        continue;
      }
      const std::string name(entry.substr(0, star));
      const auto* message = pool().FindMessageTypeByName(name);
      ASSERT_NE(message, nullptr) << name;
      found[name] = message->field_count();
    }
  }
  const std::map<std::string, int> expected = {
      {"envoy.config.core.v3.BackoffStrategy", 2},
      {"envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs", 1},
      {"envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials", 3},
      {"envoy.config.core.v3.HeaderValue", 3},
      {"envoy.config.core.v3.Node", 11}, // goes to the control plane as it is
      {"envoy.config.core.v3.RateLimitSettings", 2},
      {"udpa.type.v1.TypedStruct", 2},
      {"xds.type.v3.TypedStruct", 2}};
  EXPECT_EQ(found, expected);
}

TEST(SupportedFields, DoNotNameWhatHasNoEffect) {
  const config::Coverage all = coverage();
  for (const char* name : {
           "envoy.config.route.v3.RedirectAction.path_rewrite",
           "envoy.config.route.v3.DirectResponseAction.body_format",
           "envoy.config.route.v3.InternalRedirectPolicy.predicates",
           "envoy.config.core.v3.RuntimePercent.runtime_key",
       }) {
    const auto* field = pool().FindFieldByName(name);
    ASSERT_NE(field, nullptr) << name;
    EXPECT_FALSE(all.claims(*field)) << name;
  }
}

} // namespace
} // namespace moe::server
