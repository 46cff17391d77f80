#include "http/codec/http2_fixture.h"

namespace moe::http::test {
namespace {

// A client codec on a connection; the test is the upstream, on the level of frames.
class Http2ClientTest : public net::test::ConnectionTest, public ClientCodecCallbacks {
protected:
  // One request, and what came of it.
  class Exchange final : public ResponseDecoder, public StreamCallbacks {
  public:
    void decode1xxHeaders(HeaderMapPtr headers) override { note(headers->status()); }
    void decodeHeaders(HeaderMapPtr headers, bool end) override {
      note(headers->status(), end ? " end" : "");
      response = std::move(headers);
    }
    void decodeData(base::Buffer& data, bool end) override {
      note(data.toString(), end ? " end" : "");
      data.clear();
    }
    void decodeTrailers(HeaderMapPtr trailers) override {
      note("T:", trailers->entries().front().value());
    }
    void onResetStream(ResetReason reason, std::string_view) override {
      note("reset ", resetReasonName(reason));
    }
    void onAboveWriteBufferHighWatermark() override { ++high; }
    void onBelowWriteBufferLowWatermark() override { ++low; }
    template <class... T> void note(const T&... pieces) { seen += base::cat(pieces..., "|"); }

    std::string seen;
    HeaderMapPtr response;
    int high = 0;
    int low = 0;
  };
  class Filter final : public net::ReadFilter {
  public:
    explicit Filter(Http2ClientTest& test) : test_(test) {}
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool end) override {
      if (const absl::Status status = test_.codec_->dispatch(data, end);
          !status.ok() && !test_.connection_->closed()) {
        test_.codec_->onConnectionClosed(ResetReason::ProtocolError, "");
        test_.connection_->close(net::CloseType::NoFlush);
      }
      return net::FilterStatus::StopIteration;
    }

  private:
    Http2ClientTest& test_;
  };

  void SetUp() override {
    ConnectionTest::SetUp();
    connection_ = net::Connection::connect(worker, address, nullptr);
    connection_->setNoDelay(true);
    connection_->enableHalfClose(true);
    connection_->addReadFilter(std::make_unique<Filter>(*this));
    codec_ = createHttp2Client({worker, pool_}, *connection_, *this, {}, stats_);
    ASSERT_TRUE(until([&] { return !accepted.empty(); }));
    upstream_ = std::make_unique<net::test::Peer>(std::move(accepted.back()));
    accepted.clear();
    upstream_->connection->setNoDelay(true);
    upstream_->connection->start();
    answer(frame(kSettings, 0, 0, ""));
    EXPECT_TRUE(upstream_->received.starts_with(kPreface));
  }
  void TearDown() override {
    codec_.reset();
    settle();
  }
  // ClientCodecCallbacks
  void onStreamComplete(bool) override { ++complete; }
  void onGoAway() override { ++goAways; }
  void onCapacityChanged() override {}

  RequestEncoder& begin(Exchange& exchange, const std::string& method, bool end,
                        const std::vector<std::pair<std::string, std::string>>& more = {}) {
    RequestEncoder& encoder = codec_->newStream(exchange);
    encoder.setCallbacks(&exchange);
    HeaderMapPtr headers = pool_.make();
    headers->set(HeaderId::Method, method);
    headers->set(HeaderId::Path, "/p");
    headers->set(HeaderId::Authority, "h");
    for (const auto& [name, value] : more) {
      headers->add(name, value);
    }
    EXPECT_TRUE(encoder.encodeHeaders(*headers, end).ok());
    return encoder;
  }
  RequestEncoder& send(Exchange& exchange, const std::string& method, bool end,
                       const std::vector<std::pair<std::string, std::string>>& more = {}) {
    RequestEncoder& encoder = begin(exchange, method, end, more);
    settle();
    return encoder;
  }
  void answer(std::string_view text) {
    base::Buffer data = bytes(text);
    upstream_->connection->write(data, false);
    settle();
  }
  std::string status(uint32_t stream, std::string_view code, bool end, std::string_view more = "") {
    return frame(kHeaders, kEndHeaders | (end ? kEndStream : 0), stream,
                 base::cat(field(":status", code), more));
  }
  // Whether a RST_STREAM of a code came for a stream.
  bool reset(uint32_t stream, uint32_t code) {
    settle();
    return upstream_->received.find(frame(kReset, 0, stream, number32(code))) != std::string::npos;
  }

  stats::Store store_;
  Http2Stats stats_{store_.root().child("http2")};
  HeaderMapPool pool_{worker.slab};
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<ClientCodec> codec_;
  std::unique_ptr<net::test::Peer> upstream_;
  int complete = 0;
  int goAways = 0;
};

TEST_F(Http2ClientTest, ResponsesFindTheirRequests) {
  Exchange first;
  Exchange second;
  send(first, "GET", true);
  send(second, "GET", true);
  answer(base::cat(status(3, "404", true), status(1, "200", false), frame(kData, 0, 1, "he"),
                   frame(kData, kEndStream, 1, "llo")));
  EXPECT_EQ(first.seen, "200|he|llo end|");
  EXPECT_EQ(second.seen, "404 end|");
  EXPECT_EQ(complete, 2);
  EXPECT_EQ(stats_.streamsActive.value(), 0);
}

TEST_F(Http2ClientTest, InterimResponsesAndTrailers) {
  Exchange exchange;
  send(exchange, "GET", true);
  answer(base::cat(status(1, "103", false), status(1, "200", false), frame(kData, 0, 1, "x"),
                   frame(kHeaders, kEndHeaders | kEndStream, 1, field("grpc-status", "0"))));
  EXPECT_EQ(exchange.seen, "103|200|x|T:0|");
}

TEST_F(Http2ClientTest, HeadHasALengthAndNoBody) {
  Exchange exchange;
  send(exchange, "HEAD", true);
  answer(status(1, "200", true, field("content-length", "10")));
  EXPECT_EQ(exchange.seen, "200 end|");
}

TEST_F(Http2ClientTest, MalformedResponsesResetTheirStreamOnly) {
  uint32_t stream = 1;
  for (const std::string& text :
       {status(1, "20", true), status(1, "101", true), status(1, "200", true, field("X", "y")),
        status(1, "200", true, field("connection", "close")),
        status(1, "200", true, field(":path", "/")), status(1, "200", true, field("a", "b\nc")),
        status(1, "200", true, field("content-length", "5")),
        frame(kHeaders, kEndHeaders | kEndStream, 1, field("a", "b")),
        base::cat(status(1, "200", false, field("content-length", "1")),
                  frame(kData, kEndStream, 1, "ab"))}) {
    Exchange exchange;
    send(exchange, "GET", true);
    std::string bytes = text;
    for (size_t at = 0; at < bytes.size();) { // the stream's number in each frame
      bytes.replace(at + 5, 4, number32(stream));
      at += 9 + static_cast<size_t>(static_cast<uint8_t>(bytes[at + 1]) << 8 |
                                    static_cast<uint8_t>(bytes[at + 2]));
    }
    answer(bytes);
    EXPECT_TRUE(exchange.seen.ends_with("reset protocol_error|")) << text << exchange.seen;
    EXPECT_TRUE(reset(stream, 1)) << text;
    stream += 2;
  }
  EXPECT_FALSE(connection_->closed());
}

TEST_F(Http2ClientTest, AnAnswerBeforeTheRequestIsWholeEndsIt) {
  Exchange exchange;
  RequestEncoder& encoder = send(exchange, "POST", false);
  base::Buffer part = bytes("part");
  encoder.encodeData(part, false);
  answer(status(1, "413", true));
  EXPECT_EQ(exchange.seen, "413 end|");
  EXPECT_TRUE(reset(1, 8)); // CANCEL
  EXPECT_EQ(complete, 1);
}

TEST_F(Http2ClientTest, ResponsesThatNobodyReadsLeaveTheConnectionOpenToOthers) {
  constexpr uint32_t kStreams = 16; // as many as fill the connection's window
  Exchange exchanges[kStreams];
  const std::string part = std::string(16'000, 'x');
  for (uint32_t i = 0; i < kStreams; ++i) {
    send(exchanges[i], "GET", true).readDisable(true);
    std::string text = status(1 + 2 * i, "200", false);
    for (int n = 0; n < 16; ++n) {
      text += frame(kData, 0, 1 + 2 * i, part);
    }
    answer(text);
  }
  int64_t room = 4 * 1024 * 1024 - int64_t{kStreams} * 16 * 16'000;
  std::string_view in = upstream_->received;
  in.remove_prefix(kPreface.size());
  while (in.size() >= 13) {
    const size_t size = static_cast<uint8_t>(in[1]) * 256u + static_cast<uint8_t>(in[2]);
    uint32_t increment = 0;
    memcpy(&increment, in.data() + 9, 4);
    if (in[3] == kWindow && in[8] == 0) {
      room += ntohl(increment);
    }
    EXPECT_FALSE(in[3] == kWindow && in[8] != 0) << "a stream's window was opened";
    in.remove_prefix(std::min(in.size(), 9 + size));
  }
  EXPECT_GT(room, 1'000'000);
  codec_->onConnectionClosed(ResetReason::ConnectionTermination, "");
}

TEST_F(Http2ClientTest, InterimResponsesHaveNoBodyAndAnEnd) {
  Exchange exchange;
  send(exchange, "GET", true);
  answer(status(1, "103", false, field("content-length", "5")));
  EXPECT_EQ(exchange.seen, "reset protocol_error|");
  Exchange patient;
  send(patient, "GET", true);
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += status(3, "103", false);
  }
  answer(many);
  EXPECT_TRUE(patient.seen.ends_with("103|reset protocol_error|"));
}

TEST_F(Http2ClientTest, ALargeBodyLeavesRoomForOthers) {
  answer(
      base::cat(frame(kSettings, 0, 0, base::cat(std::string_view("\0\4", 2), number32(1 << 20))),
                frame(kWindow, 0, 0, number32(1 << 20))));
  Exchange exchanges[2];
  RequestEncoder& large = send(exchanges[0], "POST", false);
  RequestEncoder& small = send(exchanges[1], "POST", false);
  base::Buffer much = bytes(std::string(500'000, 'l'));
  base::Buffer little = bytes(std::string(40'000, 's'));
  large.encodeData(much, true);
  small.encodeData(little, true);
  settle();
  EXPECT_TRUE(until([&] { return upstream_->received.size() > 540'000; }));
  const std::string& in = upstream_->received;
  EXPECT_LT(in.find("sss"), 100'000u);
  EXPECT_LT(in.rfind("sss"), 200'000u);
  answer(base::cat(status(1, "200", true), status(3, "200", true)));
  EXPECT_EQ(exchanges[0].seen + exchanges[1].seen, "200 end|200 end|");
}

TEST_F(Http2ClientTest, GoAwayRefusesWhatWasNotBegun) {
  Exchange first;
  Exchange second;
  send(first, "GET", true);
  send(second, "GET", true);
  answer(frame(kGoAway, 0, 0, base::cat(number32(1), number32(0))));
  EXPECT_EQ(goAways, 1);
  EXPECT_EQ(first.seen, "");
  EXPECT_EQ(second.seen, "reset remote_refused_stream_reset|");
  answer(status(1, "200", true));
  EXPECT_EQ(first.seen, "200 end|");
}

// The peer has left room for requests that are under way: one of the turn that reads its notice is
// such a one.
TEST_F(Http2ClientTest, ARequestThatBeganBeforeGoAwayWasReadIsSent) {
  Exchange exchange;
  begin(exchange, "GET", true);
  base::Buffer notice = bytes(frame(kGoAway, 0, 0, base::cat(number32(0x7fffffff), number32(0))));
  EXPECT_TRUE(codec_->dispatch(notice, false).ok());
  settle();
  EXPECT_EQ(goAways, 1);
  EXPECT_EQ(exchange.seen, "");
  answer(status(1, "200", true));
  EXPECT_EQ(exchange.seen, "200 end|");
}

TEST_F(Http2ClientTest, AResetByThePeerIsTold) {
  Exchange exchange;
  send(exchange, "GET", true);
  answer(frame(kReset, 0, 1, number32(2)));
  EXPECT_EQ(exchange.seen, "reset remote_reset|");
}

TEST_F(Http2ClientTest, AnUpgradeIsAnExtendedConnect) {
  Exchange exchange;
  RequestEncoder& encoder = send(exchange, "GET", false,
                                 {{"connection", "upgrade"},
                                  {"upgrade", "websocket"},
                                  {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}});
  answer(status(1, "200", false));
  EXPECT_EQ(exchange.seen, "101|");
  EXPECT_EQ(exchange.response->value(HeaderId::Upgrade), "websocket");
  EXPECT_EQ(exchange.response->get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  base::Buffer data = bytes("ping");
  encoder.encodeData(data, false);
  answer(frame(kData, 0, 1, "pong"));
  EXPECT_EQ(exchange.seen, "101|pong|");
  encoder.resetStream(ResetReason::LocalReset);
  EXPECT_TRUE(reset(1, 8));
}

TEST_F(Http2ClientTest, TheEndOfTheConnectionResetsAll) {
  Exchange exchange;
  send(exchange, "GET", true);
  codec_->onConnectionClosed(ResetReason::ConnectionTermination, "");
  EXPECT_EQ(exchange.seen, "reset connection_termination|");
  EXPECT_EQ(complete, 1);
}

} // namespace
} // namespace moe::http::test
