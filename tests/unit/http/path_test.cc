#include "http/path.h"

#include <gtest/gtest.h>

namespace moe::http {
namespace {

TEST(Path, NormalizesDotSegmentsAndEscapes) {
  EXPECT_EQ(normalizePath("/a/b"), "/a/b");
  EXPECT_EQ(normalizePath("/a/./b/../c"), "/a/c");
  EXPECT_EQ(normalizePath("/a/.."), "/");
  EXPECT_EQ(normalizePath("/a/b/."), "/a/b/");
  EXPECT_EQ(normalizePath("/%61/%2e%2E/b"), "/b");
  EXPECT_EQ(normalizePath("/a%2fb"), "/a%2Fb"); // a slash stays encoded
  EXPECT_EQ(normalizePath("/a//b"), "/a//b");
  EXPECT_EQ(normalizePath("/a\\..\\b?c\\d"), "/b?c\\d"); // a backslash is a slash
  EXPECT_EQ(normalizePath("/a/../b?x=../y"), "/b?x=../y");
  EXPECT_EQ(normalizePath("*"), "*");
}

TEST(Path, ABackslashIsASlash) {
  EXPECT_EQ(normalizePath("/a\\..\\b"), "/b");
  EXPECT_EQ(normalizePath("\\a/.\\b"), "/a/b");
  EXPECT_EQ(normalizePath("/a\\%2e%2e\\b?c\\d"), "/b?c\\d");
  EXPECT_EQ(normalizePath("/a%5Cb"), "/a%5Cb");
  EXPECT_EQ(normalizePath("/a\\..\\.."), std::nullopt);
}

TEST(Path, RefusesWhatClimbsOrIsBroken) {
  for (const std::string_view bad :
       {"/..", "/a/../..", "/%2e%2e/x", "/..\\x", "/%", "/%4", "/%zz", "/%00"}) {
    EXPECT_EQ(normalizePath(bad), std::nullopt) << bad;
  }
}

TEST(Path, UnescapesSlashes) {
  EXPECT_EQ(unescapeSlashes("/a%2Fb%2fc%5Cd%5ce?f%2F"), "/a/b/c\\d\\e?f%2F");
  EXPECT_EQ(unescapeSlashes("/a%2"), std::nullopt);
  EXPECT_EQ(unescapeSlashes("/%25/%2"), std::nullopt);
  EXPECT_EQ(unescapeSlashes("/%2%2F"), "/%2/");
  EXPECT_EQ(unescapeSlashes("%2F"), "/");
  EXPECT_EQ(unescapeSlashes("/?%2F"), std::nullopt);
}

TEST(Path, MergesSlashesInThePathOnly) { EXPECT_EQ(mergeSlashes("//a///b/?c//d"), "/a/b/?c//d"); }

TEST(Path, QueryParameters) {
  EXPECT_EQ(queryParameter("/p?a=1&b=2#b=3", "b"), "2");
  EXPECT_EQ(queryParameter("/p?a&b", "a"), "");
  EXPECT_EQ(queryParameter("/p?aa=1", "a"), std::nullopt);
  EXPECT_EQ(queryParameter("/p", "a"), std::nullopt);
}

} // namespace
} // namespace moe::http
