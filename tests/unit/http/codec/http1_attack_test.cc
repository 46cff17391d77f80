// What a client may keep or cause.
#include "http/codec/http1_fixture.h"

namespace moe::http::test {
namespace {

// Sends a byte at a time, while others use the same blocks.
TEST_F(Http1ServerTest, ALineThatNeverEndsKeepsFewBlocks) {
  exchange("GET / HTTP/1.1\r\nHost: h\r\na: ");
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(::send(client_.get(), "x", 1, MSG_NOSIGNAL), 1);
    worker_.loop.runOnce();
    worker_.slab.copy(std::string(4000, '-'));
  }
  EXPECT_LE(worker_.blocks.inUse(), 8u);
  exchange("y\r\n\r\n");
  ASSERT_NE(last_, nullptr);
  EXPECT_EQ(last_->get("a"), std::string(2000, 'x') + "y");
}

TEST_F(Http1ServerTest, AHeadInManyPiecesKeepsFewBlocks) {
  settings_.nameCase.keep = true;
  SetUp();
  exchange("POST /path HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n");
  for (int i = 0; i < 90; ++i) {
    exchange(base::cat("Name-", i, ": value-", i, "\r\n"));
    for (int k = 0; k < 4; ++k) {
      worker_.slab.copy(std::string(4000, '-'));
    }
    ASSERT_LE(worker_.blocks.inUse(), 8u);
  }
  exchange("\r\n");
  ASSERT_NE(last_, nullptr);
  EXPECT_EQ(last_->path(), "/path");
  EXPECT_EQ(last_->authority(), "h");
  for (int i = 0; i < 90; ++i) {
    EXPECT_EQ(last_->get(base::cat("name-", i)), base::cat("value-", i));
    EXPECT_EQ(last_->originalName(base::cat("name-", i)), base::cat("Name-", i));
  }
}

TEST_F(Http1ServerTest, AnIdleConnectionKeepsNoBlock) {
  onEnd_ = [this] {
    last_ = nullptr;
    respond(200, "ok");
  };
  exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\nab\r\n0\r\n\r\n\r\n");
  for (int k = 0; k < 4; ++k) {
    worker_.slab.copy(std::string(4000, '-'));
  }
  EXPECT_LE(worker_.blocks.inUse(), 1u); // the slab's own
}

// As it does behind other bodies; nothing else would wake it.
TEST_F(Http1ServerTest, ARequestBehindChunksThatAreAnsweredAtOnceBegins) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
            base::cat(kOk, kOk));
}

TEST_F(Http1ServerTest, AStrayEmptyLineBeginsNoRequest) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n"), kOk);
  EXPECT_FALSE(codec_->receivingHead());
  exchange("GET");
  EXPECT_TRUE(codec_->receivingHead());
  EXPECT_EQ(exchange(" / HTTP/1.1\r\nHost: h\r\n\r\n"), kOk);
  exchange("\r\n");
  EXPECT_FALSE(codec_->receivingHead());
  EXPECT_TRUE(exchange("\r\n").starts_with("HTTP/1.1 400 ")); // one is enough
}

} // namespace
} // namespace moe::http::test
