#include "base/buffer.h"

#include <gtest/gtest.h>

#include <random>
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
  // Reads of other connections, which share the slab and are soon over.
  void others() { slab_.copy(std::string(3000, '-')); }
  // What is kept beyond the slab's own block, against what is counted.
  void expectDense(const Buffer& buffer) {
    ASSERT_LE((pool_.inUse() - 1) * Block::kSize, 4 * buffer.size() + size_t{64} * 1024);
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

TEST_F(BufferTest, ManySmallReadsKeepFewBlocks) {
  for (const size_t size : {1u, 7u, 300u, 600u, 2000u, 4000u}) {
    Buffer buffer;
    std::string expected;
    for (size_t i = 0; i < 2000; ++i) {
      const std::string piece(size, static_cast<char>('a' + i % 26));
      buffer.append(read(piece));
      others();
      others();
      expected += piece;
      expectDense(buffer);
    }
    EXPECT_TRUE(buffer.toString() == expected) << size;
  }
}

TEST_F(BufferTest, SmallAndLargeReadsInTurnKeepFewBlocks) {
  Buffer buffer;
  std::string expected;
  for (size_t i = 0; i < 200; ++i) {
    for (const size_t size : {size_t{8192}, size_t{1}, 1 + i % 7, size_t{2}}) {
      const std::string piece(size, static_cast<char>('a' + i % 26));
      buffer.append(read(piece));
      slab_.copy(std::string(4000, '-'));
      slab_.copy(std::string(4000, '-'));
      expected += piece;
      expectDense(buffer);
    }
  }
  EXPECT_TRUE(buffer.toString() == expected);
}

TEST_F(BufferTest, BuffersMovedTogetherKeepFewBlocks) {
  Buffer waiting;
  std::string expected;
  for (size_t i = 0; i < 2000; ++i) {
    Buffer data;
    data.append(read("0123456789"));
    data.appendStatic("\r\n");
    others();
    data.append(read("abcdefghi"));
    others();
    waiting.moveFrom(data, 5);
    waiting.moveFrom(data);
    expected += "0123456789\r\nabcdefghi";
    expectDense(waiting);
  }
  EXPECT_TRUE(waiting.toString() == expected);
}

// A slow reader's queue is never empty.
TEST_F(BufferTest, LongLivedQueuesKeepFewBlocks) {
  Buffer buffer;
  std::string expected;
  for (size_t i = 0; i < 5000; ++i) {
    const std::string piece = std::to_string(i);
    buffer.append(read(piece));
    others();
    expected += piece;
    if (buffer.size() > 100) {
      buffer.drain(piece.size());
      expected.erase(0, piece.size());
    }
    expectDense(buffer);
  }
  EXPECT_EQ(buffer.toString(), expected);
}

TEST_F(BufferTest, SlicesWorthTheirBlocksAreNotCopied) {
  Buffer buffer;
  std::vector<const char*> at;
  for (int i = 0; i < 100; ++i) {
    buffer.append(read(std::string(9000, 'x')));
    at.push_back(buffer.slices().back().data);
  }
  for (size_t i = 0; i < at.size(); ++i) {
    EXPECT_EQ(buffer.slices()[i].data, at[i]);
  }
}

// As DATA frames of one read, behind heads of their own.
TEST_F(BufferTest, SlicesOfFewBlocksAreNotCopied) {
  const Slice bodies = read(std::string(16'000, 'b'));
  others(); // begins the next block
  Buffer buffer;
  for (size_t i = 0; i < 20; ++i) {
    buffer.append(slab_, "head");
    buffer.append(Slice{bodies.block, bodies.data + i * 700, 600});
    buffer.appendStatic("\r\n");
  }
  EXPECT_EQ(buffer.slices().size(), 60u);
}

TEST_F(BufferTest, AttachedBytesTouchNoOtherBlock) {
  Buffer buffer;
  buffer.append(read("a"));
  slab_.copy(std::string(4000, '-')); // of a block of its own soon
  for (int i = 0; i < 100; ++i) {
    buffer.attach(Slice::foreignCopy("b"));
  }
  EXPECT_EQ(buffer.slices().size(), 101u);
  EXPECT_EQ(buffer.toString(), "a" + std::string(100, 'b'));
}

// Whatever is shared, moved and copied: every buffer has its own bytes.
TEST_F(BufferTest, BuffersStayApart) {
  std::mt19937 random(1); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
  auto below = [&](size_t n) { return random() % n; };
  constexpr size_t kBuffers = 4;
  Buffer buffers[kBuffers];
  std::string expected[kBuffers];
  for (size_t i = 0; i < 50'000; ++i) {
    const size_t a = below(kBuffers);
    const size_t b = (a + 1 + below(kBuffers - 1)) % kBuffers;
    const size_t size = below(10) == 0 ? below(10'000) : below(600);
    const std::string piece(size, static_cast<char>('!' + i % 90));
    switch (below(7)) {
    case 0:
      buffers[a].append(slab_, piece);
      expected[a] += piece;
      break;
    case 1:
      if (size > 0) {
        Slice slice = read(piece);
        if (below(2) == 0) { // shared, as the parts of a read are
          buffers[b].append(Slice{slice.block, slice.data, size / 2});
          expected[b] += piece.substr(0, size / 2);
        }
        buffers[a].append(std::move(slice));
        expected[a] += piece;
      }
      break;
    case 2:
      buffers[a].moveFrom(buffers[b]);
      expected[a] += std::exchange(expected[b], "");
      break;
    case 3: {
      const size_t n = below(buffers[b].size() + 1);
      buffers[a].moveFrom(buffers[b], n);
      expected[a] += expected[b].substr(0, n);
      expected[b].erase(0, n);
      break;
    }
    case 4: {
      const size_t n = below(buffers[a].size() + 1);
      buffers[a].drain(n);
      expected[a].erase(0, n);
      break;
    }
    case 5: {
      const size_t n = below(buffers[a].size() + 1) % 5000;
      ASSERT_EQ(buffers[a].linearize(slab_, n), expected[a].substr(0, n));
      break;
    }
    default:
      buffers[a].prepend(slab_.copy(piece));
      expected[a].insert(0, piece);
      break;
    }
    for (size_t k = 0; k < kBuffers; ++k) {
      ASSERT_EQ(buffers[k].size(), expected[k].size());
      if (i % 16 == 0) {
        ASSERT_TRUE(buffers[k].toString() == expected[k]) << i;
      }
      if (expected[k].size() > 100'000) {
        buffers[k].clear();
        expected[k].clear();
      }
    }
  }
}

} // namespace
} // namespace moe::base
