#include "admin/query.h"

#include <gtest/gtest.h>

namespace moe::admin {
namespace {

TEST(Query, DecodesNamesAndValues) {
  auto query = Query::parse("usedonly&filter=^a%2Eb+|c%3d&&empty=");
  ASSERT_TRUE(query.ok()) << query.status();
  ASSERT_NE(query->find("filter"), nullptr);
  EXPECT_EQ(*query->find("filter"), "^a.b+|c=");
  EXPECT_EQ(*query->find("usedonly"), "");
  EXPECT_EQ(*query->find("empty"), "");
  EXPECT_EQ(query->find("other"), nullptr);
  EXPECT_TRUE(Query::parse("")->empty());
}

TEST(Query, NamesWhatIsWrong) {
  EXPECT_EQ(Query::parse("a=%2").status().message(),
            "query: found \"%2\", expected % and two hexadecimal digits");
  EXPECT_EQ(Query::parse("%zz=1").status().message(),
            "query: found \"%zz\", expected % and two hexadecimal digits");
  EXPECT_EQ(Query::parse("a=1&a=2").status().message(),
            "query: found parameter \"a\" again, expected it once");
}

TEST(Query, UnknownParametersAreNamedWithTheKnown) {
  const auto query = Query::parse("format=json&colour=red");
  EXPECT_TRUE(query->expectOnly({"colour", "format"}).ok());
  EXPECT_EQ(query->expectOnly({"filter", "format"}).message(),
            "query: found parameter \"colour\", expected any of: filter, format");
  EXPECT_EQ(query->expectOnly({}).message(),
            "query: found parameter \"format\", expected any of: none");
}

} // namespace
} // namespace moe::admin
