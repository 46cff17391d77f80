#include "proxy/path_rules.h"

#include "header_fixture.h"

namespace moe::proxy {
namespace {

class PathRulesTest : public test::HeaderTest {
protected:
  // The path that is left, or what becomes of the request.
  std::string apply(std::string_view path) {
    headers_->set(http::HeaderId::Path, path);
    switch (rules_.apply(*headers_)) {
    case PathRules::Outcome::Reject:
      return "rejected";
    case PathRules::Outcome::Redirect:
      return "redirect " + std::string(headers_->path());
    default:
      return std::string(headers_->path());
    }
  }
  PathRules rules_;
};

using Escaped = PathRules::EscapedSlashes;

TEST_F(PathRulesTest, EscapedSlashes) {
  EXPECT_EQ(apply("/a%2Fb%5cc"), "/a%2Fb%5cc");
  rules_.escapedSlashes = Escaped::Reject;
  EXPECT_EQ(apply("/a%2Fb"), "rejected");
  EXPECT_EQ(apply("/a%5cb"), "rejected");
  EXPECT_EQ(apply("/a%252Fb?x=%2F"), "/a%252Fb?x=%2F");
  rules_.escapedSlashes = Escaped::Forward;
  EXPECT_EQ(apply("/a%2fb%5Cc?x=%2F"), "/a/b\\c?x=%2F");
  rules_.escapedSlashes = Escaped::Redirect;
  EXPECT_EQ(apply("/a%2Fb"), "redirect /a/b");
  EXPECT_EQ(apply("/a/b"), "/a/b");
}

TEST_F(PathRulesTest, TheOrderIsUnescapeNormalizeMerge) {
  rules_ = {.escapedSlashes = Escaped::Forward, .normalize = true, .mergeSlashes = true};
  EXPECT_EQ(apply("/a%2F..%2f%2Fb%5C%5Cc"), "/b/c");
  EXPECT_EQ(apply("/a%2F..%2F..%2Fb"), "rejected");
  EXPECT_EQ(apply("/a%252f..%2Fb"), "/a%252f../b");
  rules_.escapedSlashes = Escaped::Redirect;
  EXPECT_EQ(apply("/x%2F..%2Fb"), "redirect /b");
  EXPECT_EQ(apply("/x/../b"), "/b");
}

TEST_F(PathRulesTest, ConnectHasNoPath) {
  rules_ = {.escapedSlashes = Escaped::Reject, .normalize = true, .mergeSlashes = true};
  EXPECT_EQ(rules_.apply(*headers_), PathRules::Outcome::Forward);
}

TEST_F(PathRulesTest, ARedirectStaysOnItsServer) {
  headers_->set(http::HeaderId::Scheme, "http");
  headers_->set(http::HeaderId::Authority, "a.test");
  rules_.escapedSlashes = Escaped::Redirect;
  EXPECT_EQ(apply("/%2Fevil.test/"), "redirect //evil.test/");
  EXPECT_EQ(locationOfPath(*headers_), "http://a.test//evil.test/");
  EXPECT_EQ(apply("/%5cevil.test"), "redirect /\\evil.test");
  EXPECT_EQ(locationOfPath(*headers_), "http://a.test/\\evil.test");
  EXPECT_EQ(apply("/a%2Fb"), "redirect /a/b");
  EXPECT_EQ(locationOfPath(*headers_), "/a/b");
}

} // namespace
} // namespace moe::proxy
