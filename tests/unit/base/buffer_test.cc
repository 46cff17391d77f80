#include "base/buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace moe::base {
namespace {

class BufferTest : public testing::Test {
protected:
  Slice read(std::string_view bytes) {
    const std::span<char> room = slab_.reserve(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    return slab_.commit(bytes.size());
  }
  BlockPool pool_;
  Slab slab_{pool_};
};

TEST_F(BufferTest, AppendsGrowTheLastSliceOfTheCurrentBlock) {
  Buffer buffer;
  buffer.append(slab_, "hello ");
  buffer.append(slab_, "world");
  EXPECT_EQ(buffer.slices().size(), 1u);
  EXPECT_EQ(buffer.toString(), "hello world");
}

TEST_F(BufferTest, ConsecutiveReadsMergeAndOthersDoNot) {
  Buffer a;
  Buffer b;
  a.append(read("one"));
  a.append(read("two"));
  EXPECT_EQ(a.slices().size(), 1u);
  b.append(read("three")); // another connection's read lies between
  a.append(read("four"));
  EXPECT_EQ(a.slices().size(), 2u);
  EXPECT_EQ(a.toString(), "onetwofour");
  EXPECT_EQ(b.toString(), "three");
}

TEST_F(BufferTest, AppendNeverWritesOverBytesOfOthers) {
  Buffer a;
  Buffer b;
  a.append(slab_, "aaa");
  b.append(slab_, "bbb");
  a.append(slab_, "AAA");
  EXPECT_EQ(a.toString(), "aaaAAA");
  EXPECT_EQ(b.toString(), "bbb");
}

TEST_F(BufferTest, MovesWholeAndPartOfAnotherBuffer) {
  Buffer from;
  from.append(read("0123456789"));
  Buffer other;
  other.append(read("x"));
  from.append(read("abcdef"));
  Buffer to;
  to.moveFrom(from, 4);
  EXPECT_EQ(to.toString(), "0123");
  EXPECT_EQ(from.toString(), "456789abcdef");
  to.moveFrom(from, 8);
  EXPECT_EQ(to.toString(), "0123456789ab");
  to.moveFrom(from);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(to.toString(), "0123456789abcdef");
  EXPECT_EQ(to.size(), 16u);
}

TEST_F(BufferTest, DrainsAcrossSlices) {
  Buffer buffer;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string piece(static_cast<size_t>(i) + 1, static_cast<char>('a' + i % 26));
    buffer.append(Slice::foreignCopy(piece));
    expected += piece;
  }
  size_t drained = 0;
  for (const size_t n : {1u, 2u, 7u, 100u, 300u}) {
    buffer.drain(n);
    drained += n;
    ASSERT_EQ(buffer.toString(), expected.substr(drained));
  }
}

TEST_F(BufferTest, LinearizesOnlyWhatIsAsked) {
  Buffer buffer;
  buffer.append(Slice::foreignCopy("abc"));
  buffer.append(Slice::foreignCopy("def"));
  buffer.append(Slice::foreignCopy("ghi"));
  EXPECT_EQ(buffer.linearize(slab_, 2), "ab");
  EXPECT_EQ(buffer.slices().size(), 3u);
  EXPECT_EQ(buffer.linearize(slab_, 5), "abcde");
  EXPECT_EQ(buffer.toString(), "abcdefghi");
}

TEST_F(BufferTest, PrependAndCopyOut) {
  Buffer buffer;
  buffer.append(Slice::foreignCopy("world"));
  buffer.prepend(Slice::foreignCopy("hello "));
  std::string out(7, '\0');
  buffer.copyOut(3, 7, out.data());
  EXPECT_EQ(out, "lo worl");
}

TEST_F(BufferTest, DrainIntoKeepsEverySliceAlive) {
  Buffer buffer;
  buffer.append(Slice::foreignCopy("abc"));
  buffer.append(Slice::foreignCopy("def"));
  Buffer dropped;
  buffer.drainInto(dropped, 4);
  EXPECT_EQ(buffer.toString(), "ef");
  EXPECT_EQ(dropped.toString(), "abc");
}

TEST_F(BufferTest, BlocksGoBackToThePool) {
  {
    Buffer buffer;
    for (int i = 0; i < 100; ++i) {
      buffer.append(slab_, std::string(1000, 'x'));
    }
    EXPECT_GT(pool_.inUse(), 5u);
    buffer.drain(99'000);
    EXPECT_LE(pool_.inUse(), 2u);
  }
  EXPECT_LE(pool_.inUse(), 1u); // the slab's own
}

TEST_F(BufferTest, LargeCopiesDoNotWasteTheSlab) {
  Buffer buffer;
  const std::string large(100'000, 'y');
  buffer.append(slab_, large);
  EXPECT_EQ(buffer.slices().size(), 1u);
  EXPECT_EQ(buffer.toString(), large);
}

TEST_F(BufferTest, LongLivedQueueKeepsItsOrder) {
  Buffer buffer;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece = std::to_string(i);
    buffer.append(Slice::foreignCopy(piece));
    expected += piece;
    if (i % 3 == 0) {
      buffer.drain(2 <= buffer.size() ? 2 : buffer.size());
      expected.erase(0, 2);
    }
  }
  EXPECT_EQ(buffer.toString(), expected);
}

} // namespace
} // namespace moe::base
