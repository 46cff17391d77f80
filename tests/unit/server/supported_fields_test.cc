#include "server/supported_fields.h"

#include <gtest/gtest.h>

#include "config/coverage.h"
#include "http/supported_fields.h"
#include "proxy/supported_fields.h"
#include "route/supported_fields.h"
#include "upstream/supported_fields.h"

namespace moe::server {
namespace {

TEST(SupportedFields, NameFieldsThatExist) {
  const config::Coverage coverage(
      {http::kFields, upstream::kFields, route::kFields, proxy::kFields, kFields});
  EXPECT_EQ(coverage.unknownEntries(), std::vector<std::string>());
}

} // namespace
} // namespace moe::server
