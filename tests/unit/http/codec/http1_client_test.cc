#include "http/codec/http1.h"
#include "net/loop_fixture.h"

namespace moe::http {
namespace {

// A client codec on a real connection; the test is the upstream.
class Http1ClientTest : public net::test::ConnectionTest,
                        public ClientCodecCallbacks,
                        public ResponseDecoder,
                        public StreamCallbacks,
                        public net::ConnectionCallbacks {
protected:
  class Filter final : public net::ReadFilter {
  public:
    explicit Filter(Http1ClientTest& test) : test_(test) {}
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool end) override {
      const absl::Status status = test_.codec_->dispatch(data, end);
      if (!status.ok()) {
        test_.error = std::string(status.message());
        test_.codec_->onConnectionClosed(ResetReason::ProtocolError, test_.error);
        test_.connection_->close(net::CloseType::NoFlush);
      }
      return net::FilterStatus::StopIteration;
    }

  private:
    Http1ClientTest& test_;
  };

  void SetUp() override {
    ConnectionTest::SetUp();
    connection_ = net::Connection::connect(worker, address, nullptr);
    connection_->addCallbacks(this);
    connection_->enableHalfClose(true);
    connection_->addReadFilter(std::make_unique<Filter>(*this));
    codec_ = createHttp1Client({worker, headers_}, *connection_, *this, {.enableTrailers = true});
    ASSERT_TRUE(until([&] { return !accepted.empty(); }));
    upstream = std::make_unique<net::test::Peer>(std::move(accepted.back()));
    accepted.clear();
    upstream->connection->start();
    settle();
  }

  void send(const std::string& method, bool end,
            const std::vector<std::pair<std::string, std::string>>& more = {}) {
    request_ = headers_.make();
    request_->set(HeaderId::Method, method);
    request_->set(HeaderId::Path, "/p");
    request_->set(HeaderId::Authority, "h");
    for (const auto& [name, value] : more) {
      request_->add(name, value);
    }
    encoder = &codec_->newStream(*this);
    encoder->setCallbacks(this);
    ASSERT_TRUE(encoder->encodeHeaders(*request_, end).ok());
    settle();
  }
  void sendData(std::string_view text, bool end) {
    base::Buffer data = bytes(text);
    encoder->encodeData(data, end);
    settle();
  }
  // The upstream says this.
  void answer(std::string_view text, bool end = false) {
    base::Buffer data = bytes(text);
    upstream->connection->write(data, end);
    settle();
  }

  // ClientCodecCallbacks
  void onStreamComplete(bool canReuse) override {
    seen += canReuse ? "|reusable" : "|used";
    encoder = nullptr;
  }
  void onGoAway() override {}
  void onCapacityChanged() override {}
  // ResponseDecoder
  void decode1xxHeaders(HeaderMapPtr headers) override {
    seen += std::to_string(headers->status()) + "|";
  }
  void decodeHeaders(HeaderMapPtr headers, bool end) override {
    seen += std::to_string(headers->status()) + (end ? "|end" : "");
  }
  void decodeData(base::Buffer& data, bool end) override {
    seen += "|" + data.toString() + (end ? "|end" : "");
    data.clear();
  }
  void decodeTrailers(HeaderMapPtr trailers) override {
    seen += "|T:" + std::string(trailers->entries().front().value());
  }
  // StreamCallbacks
  void onResetStream(ResetReason reason, std::string_view) override {
    seen += "|reset " + std::string(resetReasonName(reason));
  }
  void onAboveWriteBufferHighWatermark() override { ++high; }
  void onBelowWriteBufferLowWatermark() override { ++low; }
  // net::ConnectionCallbacks
  void onConnectionEvent(net::ConnectionEvent) override {}

  HeaderMapPool headers_{worker.slab};
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<ClientCodec> codec_;
  HeaderMapPtr request_;
  std::unique_ptr<net::test::Peer> upstream;
  RequestEncoder* encoder = nullptr;
  std::string seen;
  std::string error;
  int high = 0;
  int low = 0;
};

TEST_F(Http1ClientTest, SendsAndReadsByLength) {
  send("GET", true);
  EXPECT_EQ(upstream->received, "GET /p HTTP/1.1\r\nhost: h\r\n\r\n");
  answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
  EXPECT_EQ(seen, "200|hello|end|reusable");
}

TEST_F(Http1ClientTest, ChunksABodyOfUnknownLength) {
  send("POST", false);
  sendData("abc", false);
  sendData("", true);
  EXPECT_EQ(upstream->received, "POST /p HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
                                "3\r\nabc\r\n0\r\n\r\n");
  answer("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(seen, "204|end|reusable");
}

TEST_F(Http1ClientTest, SaysThatAPostHasNoBody) {
  send("POST", true);
  EXPECT_EQ(upstream->received, "POST /p HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n");
}

TEST_F(Http1ClientTest, ReadsChunksAndTrailers) {
  send("GET", true);
  answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n");
  answer("2\r\nde\r\n0\r\nx-sum: 9\r\n\r\n");
  EXPECT_EQ(seen, "200|abc|de|T:9|reusable");
}

TEST_F(Http1ClientTest, TrailersForgeNoHeaders) {
  send("GET", true);
  answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nSet-Cookie: a\r\nRange: b\r\n"
         "Authorization: c\r\nX-Forwarded-Any: d\r\nX-Envoy-Any: e\r\nIf-Match: f\r\nx-sum: "
         "9\r\n\r\n");
  EXPECT_EQ(seen, "200|T:9|reusable");
}

TEST_F(Http1ClientTest, CloseWinsOverKeepAlive) {
  send("GET", true);
  answer("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close, keep-alive\r\n\r\n");
  EXPECT_EQ(seen, "200|end|used");
}

TEST_F(Http1ClientTest, ReadsUntilTheClose) {
  send("GET", true);
  answer("HTTP/1.0 200 OK\r\n\r\nall of it", true);
  EXPECT_EQ(seen, "200|all of it||end|used");
}

TEST_F(Http1ClientTest, PassesInterimResponsesOn) {
  send("GET", true);
  answer(
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(seen, "103|200|end|reusable");
}

TEST_F(Http1ClientTest, KnowsWhichResponsesHaveNoBody) {
  send("HEAD", true);
  answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
  EXPECT_EQ(seen, "200|end|reusable");
  seen.clear();
  send("GET", true);
  answer("HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n");
  EXPECT_EQ(seen, "304|end|reusable");
}

TEST_F(Http1ClientTest, BytesBehindAResponseSpoilTheConnection) {
  send("GET", true);
  answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(seen, "200|end|used");
}

TEST_F(Http1ClientTest, AnAnswerBeforeTheWholeRequestSpoilsTheConnection) {
  send("POST", false);
  sendData("half", false);
  answer("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(seen, "413|end|used");
}

TEST_F(Http1ClientTest, RefusesWhatIsNoResponse) {
  for (const char* text :
       {"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 204 No\r\ncontent-length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header: x\r\n\r\n", "HTTP/1.1 200 OK\nx: y\n\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"}) {
    TearDown();
    seen.clear();
    error.clear();
    SetUp();
    send("GET", true);
    answer(text);
    EXPECT_NE(error, "") << text;
    EXPECT_TRUE(seen.ends_with("|reset protocol_error")) << text << ": " << seen;
  }
}

TEST_F(Http1ClientTest, AShortBodyIsNoBody) {
  send("GET", true);
  answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", true);
  EXPECT_EQ(error, "http1.premature_end");
}

TEST_F(Http1ClientTest, TunnelBytesWaitForTheAgreement) {
  send("GET", false, {{"connection", "upgrade"}, {"upgrade", "echo"}});
  sendData("early", false);
  EXPECT_TRUE(upstream->received.ends_with("upgrade: echo\r\n\r\n")) << upstream->received;
  upstream->received.clear();
  answer("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nhi");
  EXPECT_EQ(upstream->received, "early");
  EXPECT_EQ(seen, "101|hi");
  sendData(" late", true);
  EXPECT_EQ(upstream->received, "early late");
  EXPECT_TRUE(upstream->ended);
}

TEST_F(Http1ClientTest, ARefusedTunnelCarriesNothing) {
  send("GET", false, {{"connection", "upgrade"}, {"upgrade", "echo"}});
  upstream->received.clear();
  sendData("GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n", false);
  answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
  EXPECT_EQ(upstream->received, "");
  EXPECT_EQ(seen, "200|no|end|used");
}

TEST_F(Http1ClientTest, HoldsTheSenderOfManyEarlyBytes) {
  connection_->setBufferLimit(1000);
  send("CONNECT", false);
  sendData(std::string(600, 'a'), false);
  EXPECT_EQ(high, 0);
  sendData(std::string(600, 'b'), false);
  EXPECT_EQ(high, 1);
  EXPECT_EQ(low, 0);
  upstream->received.clear();
  answer("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(upstream->received.size(), 1200u);
  EXPECT_EQ(high, low);
}

} // namespace
} // namespace moe::http
