#include "proxy/underscores.h"

#include "header_fixture.h"

namespace moe::proxy {
namespace {

class UnderscoresTest : public test::HeaderTest {
protected:
  stats::Store store_;
  uint64_t count(const std::string& name) { return store_.root().counter(name).value(); }
};

TEST_F(UnderscoresTest, AreDropped) {
  const Underscores rule(store_.root(), Underscores::Action::Drop);
  headers_->add("a_b", "1");
  headers_->add("a-b", "2");
  headers_->add("_", "3");
  EXPECT_TRUE(rule.apply(*headers_, false));
  EXPECT_EQ(value("a_b") + value("_") + value("a-b"), "nonenone2");
  EXPECT_EQ(count("http1.dropped_headers_with_underscores"), 2u);
  EXPECT_EQ(count("http2.dropped_headers_with_underscores"), 0u);
}

TEST_F(UnderscoresTest, AreRefused) {
  const Underscores rule(store_.root(), Underscores::Action::Reject);
  headers_->add("a-b", "a_b");
  EXPECT_TRUE(rule.apply(*headers_, true));
  headers_->add("a_b", "1");
  EXPECT_FALSE(rule.apply(*headers_, true));
  EXPECT_EQ(count("http2.requests_rejected_with_underscores_in_headers"), 1u);
  EXPECT_EQ(count("http1.requests_rejected_with_underscores_in_headers"), 0u);
}

} // namespace
} // namespace moe::proxy
