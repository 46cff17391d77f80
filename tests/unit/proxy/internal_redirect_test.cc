#include "proxy/internal_redirect.h"

#include "base/strings.h"
#include "header_fixture.h"

namespace moe::proxy {
namespace {

class InternalRedirectTest : public test::HeaderTest {
protected:
  InternalRedirectTest() {
    headers_->add(":method", "GET");
    headers_->add(":scheme", "http");
    headers_->add(":authority", "a.test:80");
    headers_->add(":path", "/a?b");
    headers_->add("x-forwarded-proto", "http");
  }
  // "scheme authority path" of the request that follows, or "no".
  std::string follow(std::string_view location, uint32_t redirects = 0, uint32_t status = 302) {
    response_->clear();
    response_->setStatus(status);
    response_->add("location", location);
    response_->add("x-hint", "2");
    next_->clear();
    if (!followRedirect(policy_, *headers_, *response_, redirects, *next_)) {
      return "no";
    }
    return base::cat(next_->scheme(), " ", next_->authority(), " ", next_->path());
  }
  route::RedirectPolicy policy_;
  http::HeaderMapPtr response_ = pool_.make();
  http::HeaderMapPtr next_ = pool_.make();
};

TEST_F(InternalRedirectTest, TheLocationIsTheNewTarget) {
  EXPECT_EQ(follow("http://b.test:81/c?d#e"), "http b.test:81 /c?d");
  EXPECT_EQ(next_->get("x-envoy-original-url"), "http://a.test:80/a?b");
  EXPECT_EQ(follow("HTTP://b.test"), "http b.test /");
  EXPECT_EQ(follow("http://b.test?c"), "http b.test /?c");
  for (const std::string_view bad :
       {"", "/relative", "//b.test/", "ftp://b.test/", "http://", "http:///c", "http://u@b.test/",
        "http://b.test/a b", "https://b.test/"}) {
    EXPECT_EQ(follow(bad), "no") << bad;
  }
}

TEST_F(InternalRedirectTest, SchemesMayBeCrossedWhereThePolicySaysSo) {
  policy_.crossScheme = true;
  EXPECT_EQ(follow("https://b.test/"), "https b.test /");
  policy_.crossScheme = false;
  headers_->set("x-forwarded-proto", "https");
  EXPECT_EQ(follow("https://b.test/"), "https b.test /");
  EXPECT_EQ(follow("http://b.test/"), "no");
}

TEST_F(InternalRedirectTest, NoMoreThanThePolicySays) {
  EXPECT_EQ(follow("http://b.test/", 1), "no");
  policy_.maxRedirects = 2;
  EXPECT_EQ(follow("http://b.test/", 1), "http b.test /");
  EXPECT_EQ(follow("http://b.test/", 2), "no");
}

TEST_F(InternalRedirectTest, HeadersAreCopiedOrCleared) {
  policy_.copiedHeaders = {"x-hint", "x-none"};
  headers_->add("x-hint", "1");
  headers_->add("x-none", "1");
  headers_->add("x-stays", "1");
  EXPECT_EQ(follow("http://b.test/"), "http b.test /");
  EXPECT_EQ(next_->get("x-hint"), "2");
  EXPECT_EQ(next_->get("x-none"), std::nullopt);
  EXPECT_EQ(next_->get("x-stays"), "1");
}

TEST_F(InternalRedirectTest, SeeOtherIsGet) {
  headers_->set(":method", "POST");
  headers_->set("content-length", "3");
  EXPECT_EQ(follow("http://b.test/", 0, 307), "http b.test /");
  EXPECT_EQ(next_->method(), "POST");
  EXPECT_EQ(follow("http://b.test/", 0, 303), "http b.test /");
  EXPECT_EQ(next_->method(), "GET");
  EXPECT_FALSE(next_->has(http::HeaderId::ContentLength));
}

} // namespace
} // namespace moe::proxy
