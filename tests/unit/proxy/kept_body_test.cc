#include "proxy/kept_body.h"

#include <gtest/gtest.h>

#include "base/slab.h"

namespace moe::proxy {
namespace {

class KeptBodyTest : public testing::Test {
protected:
  base::Buffer bytes(const std::string& text) {
    base::Buffer data;
    data.append(slab_, text);
    return data;
  }
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  KeptBody body_;
};

TEST_F(KeptBodyTest, IsKeptUpToItsLimit) {
  const base::Buffer data = bytes("abc");
  body_.keep(data, 4, slab_);
  EXPECT_EQ(data.toString(), "abc");
  EXPECT_FALSE(body_.overflowed());
  EXPECT_EQ(body_.take().toString(), "abc");
  body_.keep(data, 4, slab_);
  body_.keep(data, 4, slab_);
  EXPECT_TRUE(body_.overflowed());
  EXPECT_EQ(body_.take().size(), 0u);
}

TEST_F(KeptBodyTest, IsSentAsOftenAsNeeded) {
  const std::string large(100'000, 'l');
  {
    base::Buffer data = bytes(large);
    body_.keep(data, 0, slab_);
    body_.keep(bytes("small"), 0, slab_);
    data.clear();
  }
  for (int i = 0; i < 3; ++i) {
    base::Buffer out = body_.share();
    EXPECT_EQ(out.toString(), large + "small");
    out.drain(1000); // as a codec does
  }
  EXPECT_EQ(body_.take().toString(), large + "small");
}

} // namespace
} // namespace moe::proxy
