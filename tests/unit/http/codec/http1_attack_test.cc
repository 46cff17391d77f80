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

struct Remains : event::DeferredDeletable {
  explicit Remains(int& count) : alive(count) { ++alive; }
  ~Remains() override { --alive; }
  int& alive;
};

class Http1Pipeline : public Http1ServerTest {
protected:
  void SetUp() override {
    Http1ServerTest::SetUp();
    onEnd_ = [this] {
      ++answers_;
      worker_.loop.deferredDelete(std::make_unique<Remains>(alive_));
      most_ = std::max(most_, alive_);
      respond(200, "ok");
    };
  }
  void send(int requests, std::string_view rest = "") {
    std::string all;
    for (int i = 0; i < requests; ++i) {
      all += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    }
    all += rest;
    ASSERT_EQ(::send(client_.get(), all.data(), all.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(all.size()));
  }
  void turnUntilClosed() {
    for (int i = 0; i < 100 && !serverClosed_; ++i) {
      got_ += turn();
    }
  }
  int answers_ = 0;
  int alive_ = 0;
  int most_ = 0;
  std::string got_;
};

TEST_F(Http1Pipeline, IsAnsweredInSeveralTurns) {
  send(1000);
  for (int i = 0; i < 100 && answers_ < 1000; ++i) {
    got_ += turn();
  }
  got_ += turn();
  EXPECT_EQ(answers_, 1000);
  EXPECT_EQ(got_.size(), 1000 * kOk.size());
  EXPECT_LE(most_, 16);
  EXPECT_TRUE(connection_->readEnabled());
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), kOk);
}

TEST_F(Http1Pipeline, IsAnsweredWholeBeforeItsEnd) {
  for (const int requests : {15, 16, 17, 32, 100}) {
    SetUp();
    answers_ = 0;
    serverClosed_ = false;
    send(requests);
    ::shutdown(client_.get(), SHUT_WR);
    turnUntilClosed();
    EXPECT_EQ(answers_, requests);
    EXPECT_TRUE(serverClosed_);
  }
}

TEST_F(Http1Pipeline, AfterAnAsynchronousAnswerToo) {
  auto answer = std::exchange(onEnd_, nullptr);
  send(100);
  turn();
  onEnd_ = answer;
  respond(200, "ok");
  for (int i = 0; i < 100 && answers_ < 99; ++i) {
    got_ += turn();
  }
  EXPECT_EQ(answers_, 99);
  EXPECT_LE(most_, 16);
}

TEST_F(Http1Pipeline, ThatIsToldToGoIsToldSo) {
  send(100);
  auto answer = onEnd_;
  bool told = false;
  event::NextTurn next(worker_.loop, [&] {
    told = true;
    codec_->goAway();
  });
  onEnd_ = [&] {
    if (answers_ == 15) {
      next.schedule(); // before the codec's
    }
    answer();
  };
  turnUntilClosed();
  EXPECT_TRUE(told);
  EXPECT_EQ(answers_, 17);
  EXPECT_NE(got_.find("connection: close"), std::string::npos);
}

TEST_F(Http1Pipeline, ThatIsToldToGoAtItsEndIsClosed) {
  send(16);
  auto answer = onEnd_;
  event::NextTurn next(worker_.loop, [&] { codec_->goAway(); });
  onEnd_ = [&] {
    if (answers_ == 15) {
      next.schedule();
    }
    answer();
  };
  turnUntilClosed();
  EXPECT_EQ(answers_, 16);
  EXPECT_TRUE(serverClosed_ || connection_->closing());
}

TEST_F(Http1Pipeline, WithItsLastRequestCutShortIsAnsweredUpToThere) {
  send(40, "GET / HT");
  ::shutdown(client_.get(), SHUT_WR);
  turnUntilClosed();
  EXPECT_EQ(answers_, 40);
  EXPECT_TRUE(serverClosed_);
}

// A client that reads slowly and has said that it sends no more.
TEST_F(Http1Pipeline, AboveTheWatermarkIsAnsweredWholeBeforeItsEnd) {
  connection_->setBufferLimit(10'000);
  onEnd_ = [&] {
    ++answers_;
    respond(200, std::string(200'000, 'x'));
  };
  send(40);
  ::shutdown(client_.get(), SHUT_WR);
  turnUntilClosed();
  EXPECT_EQ(answers_, 40);
  EXPECT_GT(got_.size(), 8'000'000u);
}

} // namespace
} // namespace moe::http::test
