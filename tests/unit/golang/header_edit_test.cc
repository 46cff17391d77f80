#include "golang/header_edit.h"

#include <gtest/gtest.h>

namespace moe::golang {
namespace {

using Kind = HeaderEdit::Kind;

const char* problem(Kind kind, std::string_view name, std::string_view value) {
  return HeaderEdit(kind, name, value).problem();
}

TEST(HeaderEdit, RefusesWhatCouldSplitOrForgeAMessage) {
  EXPECT_NE(problem(Kind::Set, "x-a", "1\r\nx-b: 2"), nullptr);
  EXPECT_NE(problem(Kind::Set, "x-a", std::string_view("1\0", 2)), nullptr);
  EXPECT_NE(problem(Kind::Add, "x a", "1"), nullptr);
  EXPECT_NE(problem(Kind::Add, "", "1"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":path", "/a b"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":path", ""), nullptr);
  EXPECT_NE(problem(Kind::Set, ":method", "GE T"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":authority", "a/b"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":status", "20"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":scheme", "ftp"), nullptr);
  EXPECT_NE(problem(Kind::Set, ":other", "x"), nullptr);
  EXPECT_NE(problem(Kind::Add, ":path", "/a"), nullptr);
  EXPECT_NE(problem(Kind::Remove, ":path", ""), nullptr);
}

TEST(HeaderEdit, TakesWhatIsValid) {
  EXPECT_EQ(problem(Kind::Set, "x-a", "1"), nullptr);
  EXPECT_EQ(problem(Kind::Set, "X-A", "caf\xc3\xa9"), nullptr);
  EXPECT_EQ(problem(Kind::Set, "x-a", ""), nullptr);
  EXPECT_EQ(problem(Kind::Set, ":path", "/a?b=c"), nullptr);
  EXPECT_EQ(problem(Kind::Set, ":status", "204"), nullptr);
  EXPECT_EQ(problem(Kind::Remove, "x-a", ""), nullptr);
}

TEST(HeaderEdit, Applies) {
  base::BlockPool blocks;
  base::Slab slab(blocks);
  http::HeaderMap map(slab);
  map.add("x-a", "1");
  map.add("x-a", "2");
  HeaderEdit(Kind::Set, "X-A", "3").apply(map);
  EXPECT_EQ(map.size(), 1u);
  EXPECT_EQ(map.get("x-a"), "3");
  HeaderEdit(Kind::Add, "x-a", "4").apply(map);
  EXPECT_EQ(map.size(), 2u);
  HeaderEdit(Kind::Remove, "x-a", "").apply(map);
  EXPECT_TRUE(map.empty());
  HeaderEdit(Kind::Set, "Host", "a.test").apply(map);
  EXPECT_EQ(map.authority(), "a.test") << "host and :authority are one";
  EXPECT_FALSE(map.get("host").has_value());
}

} // namespace
} // namespace moe::golang
