#include "xds/nack.h"

#include "config/utf8.h"
#include "xds/resource_name.h"
#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;

TEST(NackTest, OneErrorStandsAlone) {
  NackText text;
  EXPECT_EQ(text.str(), "");
  text.add("web", "port: found 0, expected 1");
  EXPECT_EQ(text.str(), "\"web\": port: found 0, expected 1");
}

TEST(NackTest, TenErrorsAndTheNumberOfAll) {
  NackText text;
  for (int i = 0; i < 25; ++i) {
    text.add(base::cat("r", i), "wrong");
  }
  EXPECT_EQ(text.count(), 25u);
  EXPECT_THAT(text.str(), testing::StartsWith("25 errors: \"r0\": wrong; \"r1\": wrong;"));
  EXPECT_THAT(text.str(), testing::EndsWith("\"r9\": wrong; and 15 more"));
}

TEST(NackTest, EightKibibytesOfUtf8) {
  NackText text;
  for (int i = 0; i < 30; ++i) {
    std::string error(i, 'x');
    for (int j = 0; j < 5000; ++j) {
      error += "\u20ac";
    }
    text.add("r", i % 2 == 0 ? error : error + "\xff");
  }
  const std::string all = text.str();
  EXPECT_LE(all.size(), NackText::kMaxBytes);
  EXPECT_GT(all.size(), NackText::kMaxBytes / 2);
  EXPECT_TRUE(config::isUtf8(all));
  EXPECT_THAT(all, testing::EndsWith("; and 20 more"));
}

TEST(ResourceNameTest, IsFieldOne) {
  EXPECT_EQ(*resourceName(route("a", "content")), "a");
  EXPECT_EQ(*resourceName(cluster("b", "content")), "b");
  google::protobuf::Any twice = route("a");
  twice.set_value(twice.value() + route("b").value());
  EXPECT_EQ(*resourceName(twice), "b"); // the last one counts
}

TEST(ResourceNameTest, GarbageHasNone) {
  google::protobuf::Any any = route("a");
  for (const char* bytes :
       {"\xff", "\x0a\x7f", "\x0a\xff\xff\xff\xff\x0f", "\x0c", "\x0b\x0b\x0b"}) {
    any.set_value(bytes);
    EXPECT_FALSE(resourceName(any).ok());
  }
  any.set_value("\x0a\x01\xff");
  EXPECT_THAT(std::string(resourceName(any).status().message()), HasSubstr("UTF-8"));
}

} // namespace
} // namespace moe::xds
