#include "http/header_map.h"

#include <gtest/gtest.h>

namespace moe::http {
namespace {

class HeaderMapTest : public testing::Test {
protected:
  base::BlockPool blocks_;
  base::Slab slab_{blocks_};
  HeaderMapPool pool_{slab_};
  HeaderMapPtr map_ = pool_.make();
};

TEST(HeaderId, EveryKnownNameIsFoundAndOthersAreNot) {
  for (uint8_t i = 1; i < static_cast<uint8_t>(HeaderId::Count); ++i) {
    EXPECT_EQ(headerIdOf(kHeaderNames[i]), static_cast<HeaderId>(i)) << kHeaderNames[i];
  }
  for (const std::string_view name : {"", "x", "hosts", "content-lengtx", "x-custom", "Host"}) {
    EXPECT_EQ(headerIdOf(name), HeaderId::Other) << name;
  }
}

TEST_F(HeaderMapTest, KeepsOrderAndDuplicates) {
  map_->add("x-a", "1");
  map_->add(HeaderId::Cookie, "c");
  map_->add("x-a", "2");
  EXPECT_EQ(map_->get("x-a"), "1");
  std::string storage;
  EXPECT_EQ(map_->joined("x-a", storage), "1,2");
  EXPECT_EQ(map_->joined("cookie", storage), "c");
  EXPECT_EQ(map_->joined("absent", storage), std::nullopt);
  EXPECT_EQ(map_->size(), 3u);
  EXPECT_EQ(map_->byteSize(), 3u + 1 + 6 + 1 + 3 + 1);
}

TEST_F(HeaderMapTest, SetReplacesAllAndKeepsThePlace) {
  map_->add("x-a", "1");
  map_->add("x-b", "b");
  map_->add("x-a", "2");
  map_->set("x-a", "3");
  ASSERT_EQ(map_->size(), 2u);
  EXPECT_EQ(map_->entries()[0].value(), "3");
  map_->add(HeaderId::Via, "p");
  map_->add(HeaderId::Via, "q");
  map_->set(HeaderId::Via, "longer value");
  EXPECT_EQ(map_->count(HeaderId::Via), 1u);
  EXPECT_EQ(map_->value(HeaderId::Via), "longer value");
  uint64_t bytes = 0;
  for (const auto& entry : map_->entries()) {
    bytes += entry.nameSize + entry.valueSize;
  }
  EXPECT_EQ(map_->byteSize(), bytes);
}

TEST_F(HeaderMapTest, RemovesByIdAndName) {
  map_->add("via", "1"); // by text, found by id
  map_->add("x-a", "1");
  map_->add("x-a", "2");
  EXPECT_TRUE(map_->has(HeaderId::Via));
  EXPECT_EQ(map_->remove(HeaderId::Via), 1u);
  EXPECT_FALSE(map_->has(HeaderId::Via));
  EXPECT_EQ(map_->remove("x-a"), 2u);
  EXPECT_TRUE(map_->empty());
  EXPECT_EQ(map_->byteSize(), 0u);
}

TEST_F(HeaderMapTest, CopiesWhatItIsGiven) {
  std::string name = "x-name";
  std::string value = "value";
  map_->add(name, value);
  name.assign(6, '?');
  value.assign(5, '?');
  EXPECT_EQ(map_->get("x-name"), "value");
}

TEST_F(HeaderMapTest, NumbersAndStatus) {
  EXPECT_EQ(map_->status(), 0u);
  EXPECT_EQ(map_->contentLength(), std::nullopt);
  map_->setStatus(503);
  map_->setNumber(HeaderId::ContentLength, 12345678901);
  EXPECT_EQ(map_->status(), 503u);
  EXPECT_EQ(map_->contentLength(), 12345678901u);
  for (const std::string_view bad : {"", "-1", "1x", "0x10", "1,1", " 1", "99999999999999999999"}) {
    map_->set(HeaderId::ContentLength, bad);
    EXPECT_EQ(map_->contentLength(), UINT64_MAX) << bad;
  }
}

TEST_F(HeaderMapTest, AppendsToAValue) {
  map_->appendValue(HeaderId::ForwardedFor, "1.1.1.1");
  map_->appendValue(HeaderId::ForwardedFor, "2.2.2.2");
  EXPECT_EQ(map_->value(HeaderId::ForwardedFor), "1.1.1.1,2.2.2.2");
}

TEST_F(HeaderMapTest, AppendsBehindEveryEntry) {
  map_->add(HeaderId::ForwardedFor, "1.1.1.1");
  map_->add("x-b", "b");
  map_->add(HeaderId::ForwardedFor, "");
  map_->add(HeaderId::ForwardedFor, "2.2.2.2");
  map_->appendValue(HeaderId::ForwardedFor, "3.3.3.3");
  EXPECT_EQ(map_->count(HeaderId::ForwardedFor), 1u);
  EXPECT_EQ(map_->value(HeaderId::ForwardedFor), "1.1.1.1,,2.2.2.2,3.3.3.3");
  EXPECT_EQ(map_->get("x-b"), "b");
  EXPECT_EQ(map_->byteSize(), 15u + 24 + 3 + 1);
}

TEST_F(HeaderMapTest, RecycledMapsAreEmptyAndReleaseTheirBlocks) {
  map_->add("x-a", std::string(10'000, 'a'));
  HeaderMap* address = map_.get();
  map_ = nullptr;
  EXPECT_LE(blocks_.inUse(), 1u);
  map_ = pool_.make();
  EXPECT_EQ(map_.get(), address);
  EXPECT_TRUE(map_->empty());
  EXPECT_FALSE(map_->has(HeaderId::Other));
}

} // namespace
} // namespace moe::http
