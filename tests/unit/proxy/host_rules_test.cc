#include "proxy/host_rules.h"

#include "header_fixture.h"

namespace moe::proxy {
namespace {

class HostRulesTest : public test::HeaderTest {
protected:
  std::string apply(std::string_view host) {
    headers_->set(http::HeaderId::Authority, host);
    stripped_ = rules_.apply(*headers_, 8080);
    return std::string(headers_->authority());
  }
  HostRules rules_;
  std::optional<uint16_t> stripped_;
};

TEST_F(HostRulesTest, Ports) {
  rules_.stripPort = HostRules::StripPort::Matching;
  EXPECT_EQ(apply("a.test:8080"), "a.test");
  EXPECT_EQ(stripped_, 8080);
  EXPECT_EQ(apply("a.test:80"), "a.test:80");
  EXPECT_EQ(stripped_, std::nullopt);
  EXPECT_EQ(apply("[::1]:8080"), "[::1]");
  EXPECT_EQ(apply("[::8080]"), "[::8080]");
  rules_.stripPort = HostRules::StripPort::Any;
  EXPECT_EQ(apply("a.test:80"), "a.test");
  EXPECT_EQ(apply("a.test"), "a.test");
  EXPECT_EQ(apply("a.test:"), "a.test:");
  EXPECT_EQ(apply("a.test:70000"), "a.test:70000");
}

TEST_F(HostRulesTest, TrailingDots) {
  EXPECT_EQ(apply("a.test."), "a.test.");
  rules_.stripTrailingDot = true;
  EXPECT_EQ(apply("a.test."), "a.test");
  EXPECT_EQ(apply("a.test.:80"), "a.test:80");
  EXPECT_EQ(apply("a.test.."), "a.test.");
  EXPECT_EQ(apply("a.test"), "a.test");
  rules_.stripPort = HostRules::StripPort::Any;
  EXPECT_EQ(apply("a.test.:80"), "a.test");
}

TEST_F(HostRulesTest, APortComesBack) {
  headers_->set(http::HeaderId::Authority, "a.test");
  restorePort(*headers_, 443);
  EXPECT_EQ(headers_->authority(), "a.test:443");
  restorePort(*headers_, 80);
  EXPECT_EQ(headers_->authority(), "a.test:443");
}

} // namespace
} // namespace moe::proxy
