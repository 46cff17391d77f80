#include "http/codec/http1_fixture.h"

namespace moe::http::test {
namespace {

TEST_F(Http1ServerTest, AnswersAndKeepsTheConnection) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("GET /a?b HTTP/1.1\r\nHost: h\r\nX-Name:  v  \r\n\r\n"), kOk);
  EXPECT_EQ(log_, "new GET h/a?b end ");
  EXPECT_EQ(last_->get("x-name"), "v");
  EXPECT_EQ(exchange("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"), kOk);
  EXPECT_FALSE(serverClosed_);
}

TEST_F(Http1ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  int n = 0;
  onEnd_ = [&] { respond(200, std::to_string(++n)); };
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  const std::string got = exchange(all);
  EXPECT_EQ(n, 20);
  size_t at = 0;
  for (int i = 1; i <= 20; ++i) {
    at = got.find("\r\n\r\n" + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(Http1ServerTest, PipelinedRequestWaitsForASlowAnswer) {
  exchange("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(log_, "new GET h/1 end ");
  respond(200, "ok");
  EXPECT_EQ(turn(), kOk);
  EXPECT_EQ(log_, "new GET h/1 end new GET h/2 end ");
}

TEST_F(Http1ServerTest, ByteByByteIsTheSame) {
  onEnd_ = [this] { respond(200, "ok"); };
  const std::string_view request =
      "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n";
  std::string got;
  for (const char c : request) {
    got += exchange({&c, 1});
  }
  EXPECT_EQ(got, kOk);
  EXPECT_EQ(log_, "new POST h/p body=hello world trailers=x-t end ");
}

TEST_F(Http1ServerTest, HalfClosedClientIsStillAnswered) {
  exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ::shutdown(client_.get(), SHUT_WR);
  turn();
  EXPECT_FALSE(serverClosed_);
  respond(200, "ok");
  EXPECT_EQ(turn(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
  EXPECT_TRUE(serverClosed_);
}

TEST_F(Http1ServerTest, ChunksWhereTheLengthIsUnknown) {
  exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  HeaderMapPtr headers = headers_.make();
  headers->setStatus(200);
  encoder_->encodeHeaders(*headers, false);
  base::Buffer data;
  data.append(worker_.slab, "0123456789abcdef");
  encoder_->encodeData(data, false);
  HeaderMapPtr trailers = headers_.make();
  trailers->add("x-t", "v");
  encoder_->encodeTrailers(*trailers);
  EXPECT_EQ(turn(), "HTTP/1.1 200 OK\r\ntransfer-encoding: "
                    "chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\nx-t: v\r\n\r\n");
}

TEST_F(Http1ServerTest, NoBodyForHeadAnd204) {
  exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  respond(200, "four");
  EXPECT_EQ(turn(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
  exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  respond(204, "");
  EXPECT_EQ(turn(), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(Http1ServerTest, InterimResponseComesFirst) {
  exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  HeaderMapPtr interim = headers_.make();
  interim->setStatus(100);
  encoder_->encode1xxHeaders(*interim);
  EXPECT_EQ(turn(), "HTTP/1.1 100 Continue\r\n\r\n");
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("ab"), kOk);
}

TEST_F(Http1ServerTest, UpgradeBecomesATunnel) {
  exchange("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  HeaderMapPtr headers = headers_.make();
  headers->setStatus(101);
  headers->add(HeaderId::Connection, "upgrade");
  headers->add(HeaderId::Upgrade, "websocket");
  encoder_->encodeHeaders(*headers, false);
  EXPECT_EQ(
      turn(),
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  exchange("GET raw bytes\r\n");
  EXPECT_EQ(body_, "GET raw bytes\r\n");
  base::Buffer data;
  data.append(worker_.slab, "back");
  encoder_->encodeData(data, false);
  EXPECT_EQ(turn(), "back");
}

TEST_F(Http1ServerTest, AnOfferOfH2cIsNotTakenUp) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("POST /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                     "Upgrade: h2c\r\nHTTP2-Settings: AAM\r\nContent-Length: 2\r\n\r\nhi"),
            kOk);
  EXPECT_EQ(log_, "new POST h/a body=hi end ");
  EXPECT_EQ(exchange("GET /b HTTP/1.1\r\nHost: h\r\n\r\n"), kOk); // still HTTP
}

TEST_F(Http1ServerTest, UpgradeWithoutItsConnectionOptionIsNone) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("GET /a HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nUpgrade: x\r\n\r\n"),
            kOk);
  EXPECT_EQ(log_, "new GET h/a end ");
}

TEST_F(Http1ServerTest, AbsoluteFormWinsOverHost) {
  exchange("GET http://real.example/x HTTP/1.1\r\nHost: forged\r\n\r\n");
  EXPECT_EQ(log_, "new GET real.example/x end ");
  EXPECT_FALSE(last_->has(HeaderId::Host));
}

TEST_F(Http1ServerTest, AnswerBeforeTheBodyClosesTheConnection) {
  exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
  respond(200, "ok");
  turn();
  EXPECT_TRUE(serverClosed_);
}

struct Bad {
  std::string_view request;
  uint32_t status;
  std::string_view details;
};
class Http1Refuses : public Http1ServerTest, public testing::WithParamInterface<Bad> {};

TEST_P(Http1Refuses, WithStatusAndReason) {
  const std::string got = exchange(GetParam().request);
  EXPECT_TRUE(got.starts_with(base::cat("HTTP/1.1 ", GetParam().status, " "))) << got;
  EXPECT_NE(log_.find(base::cat("error=", GetParam().status, ",", GetParam().details, " ")),
            std::string::npos)
      << log_;
  EXPECT_TRUE(serverClosed_);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc9112, Http1Refuses,
    testing::Values(
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400, "http1.content_length_and_transfer_encoding"}, // 6.1
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400,
            "http1.multiple_content_length"}, // 6.3
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", 400,
            "http1.invalid_content_length"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400,
            "http1.invalid_content_length"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
            "http1.invalid_transfer_encoding"}, // 6.1
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", 501,
            "http1.invalid_transfer_encoding"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n", 400, "http1.obs_fold"}, // 5.2
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: "
            "chunked\r\n\r\n",
            400, "http1.body_in_upgrade"},
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: "
            "4\r\n\r\n",
            400, "http1.body_in_upgrade"},
        Bad{"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, "http1.invalid_header_name"}, // 5.1
        Bad{"GET / HTTP/1.1\r\nHost: h\r\n: v\r\n\r\n", 400, "http1.invalid_header_name"},
        Bad{"GET / HTTP/1.1\nHost: h\r\n\r\n", 400, "http1.bare_lf"}, // 2.2
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nA: x\ry\r\n\r\n", 400, "http1.invalid_header_value"},
        Bad{{"GET / HTTP/1.1\r\nHost: h\r\nA: x\0y\r\n\r\n", 35},
            400,
            "http1.invalid_header_value"},
        Bad{"GET / HTTP/1.1\r\n\r\n", 400, "missing_host_header"}, // 3.2
        Bad{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "http1.multiple_host"},
        Bad{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400, "http1.invalid_host"},
        Bad{"CONNECT h: HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_connect_target"},
        Bad{"GET /#f HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_url"}, // 3.2
        Bad{"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_url"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nConnection: Host\r\n\r\n", 400,
            "http1.invalid_connection"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nConnection: a, X-Forwarded-For\r\n\r\n", 400,
            "http1.invalid_connection"},
        Bad{"GET / HTTP/1.1\r\nHost: h\r\nConnection: a,b,c,d,e\r\nConnection: f,g,h,i,j\r\n\r\n",
            400, "http1.invalid_connection"},
        Bad{"llGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_method"},
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nab\r\n", 400,
            "http1.invalid_chunk_extension"},                                       // 7.1.1
        Bad{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, "http1.unsupported_version"}, // 2.3
        Bad{"GET / HTTX/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_version"},
        Bad{"GET / HTTP/1.0\r\nHost: h\r\n\r\n", 426, "low_version"},
        Bad{"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_method"}, // 3.1
        Bad{"GET nopath HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_url"},
        Bad{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http1.invalid_url"}, // 3
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
            "http1.invalid_chunk_size"}, // 7.1
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400,
            "http1.invalid_chunk_size"},
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            400, "http1.invalid_chunk_size"},
        Bad{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXXX", 400,
            "http1.invalid_chunk_end"}));

TEST_F(Http1ServerTest, AClientThatReadsNoAnswersGetsNoMore) {
  connection_->setBufferLimit(10'000);
  int answers = 0;
  onEnd_ = [&] {
    ++answers;
    respond(200, std::string(100'000, 'x'));
  };
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  ASSERT_EQ(::send(client_.get(), all.data(), all.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(all.size()));
  for (int i = 0; i < 20; ++i) {
    worker_.loop.runOnce();
  }
  EXPECT_LT(answers, 10);
  EXPECT_LT(connection_->pendingOutput().size(), 300'000u);
  for (int i = 0; i < 200 && answers < 100; ++i) {
    turn();
  }
  EXPECT_EQ(answers, 100);
}

// The mark that one stream crossed is not taken for the next one's.
TEST_F(Http1ServerTest, WatermarksBelongToTheirStream) {
  connection_->setBufferLimit(1000);
  exchange("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  HeaderMapPtr headers = headers_.make();
  headers->setStatus(200);
  encoder_->encodeHeaders(*headers, false);
  base::Buffer data;
  data.append(worker_.slab, std::string(5000, 'x'));
  encoder_->encodeData(data, true);
  turn();
  EXPECT_EQ(log_, "new GET h/1 end new GET h/2 end ");
  EXPECT_EQ(high_, 1);
  EXPECT_EQ(low_, 0); // it ended above the mark, and the second never was
  encoder_->readDisable(false);
  encoder_->readDisable(true);
  EXPECT_FALSE(connection_->readEnabled());
}

TEST_F(Http1ServerTest, AMalformedSecondRequestIsAnswered) {
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), kOk);
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nA : b\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(Http1ServerTest, AnEarlyAnswerSaysThatTheConnectionCloses) {
  exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nsome");
  respond(413, "no");
  EXPECT_EQ(turn(), "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n"
                    "connection: close\r\n\r\nno");
}

TEST_F(Http1ServerTest, AnEmptyHostIsRefused) {
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nHost:\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(Http1ServerTest, OnlyHeaderLinesCountAsHeaders) {
  settings_.maxHeadersCount = 3;
  SetUp();
  onEnd_ = [this] { respond(200, "ok"); };
  EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 2\r\n\r\n"), kOk);
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nHost: h\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n")
                  .starts_with("HTTP/1.1 431 "));
}

TEST_F(Http1ServerTest, ASlowHeadIsAnsweredWith408) {
  exchange("GET / HTTP/1.1\r\nHo");
  EXPECT_TRUE(codec_->receivingHead());
  codec_->headTimedOut();
  EXPECT_TRUE(turn().starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(connection_->closing());
}

TEST_F(Http1ServerTest, AnnouncedTrailersNeedChunks) {
  exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  HeaderMapPtr headers = headers_.make();
  headers->setStatus(200);
  headers->add(HeaderId::ContentLength, "2");
  headers->add(HeaderId::Trailer, "x-t");
  encoder_->encodeHeaders(*headers, false);
  base::Buffer data;
  data.append(worker_.slab, "ok");
  encoder_->encodeData(data, false);
  HeaderMapPtr trailers = headers_.make();
  trailers->add("x-t", "v");
  encoder_->encodeTrailers(*trailers);
  EXPECT_EQ(turn(), "HTTP/1.1 200 OK\r\ntrailer: x-t\r\ntransfer-encoding: chunked\r\n\r\n"
                    "2\r\nok\r\n0\r\nx-t: v\r\n\r\n");
}

} // namespace
} // namespace moe::http::test
