#include "proxy/filter_chain.h"

#include "proxy/chain_fixture.h"

namespace moe::proxy::test {
namespace {

using http::DataStatus;
using http::HeadersStatus;
using http::TrailersStatus;

// A filter whose answers a test sets.
class Scripted final : public FilterBase {
public:
  explicit Scripted(std::string mark) : mark_(std::move(mark)) {}
  HeadersStatus decodeHeaders(http::HeaderMap& headers, bool) override {
    headers.add("x-in", mark_);
    if (onHeaders) {
      onHeaders();
    }
    return headersStatus;
  }
  DataStatus decodeData(base::Buffer& data, bool endStream) override {
    calls += "[" + data.toString() + (endStream ? ".]" : "]");
    if (onData) {
      onData();
    }
    return dataStatus;
  }
  TrailersStatus decodeTrailers(http::HeaderMap&) override { return trailersStatus; }
  HeadersStatus encodeHeaders(http::HeaderMap& headers, bool) override {
    headers.add("x-out", mark_);
    return std::exchange(encodeStatus, HeadersStatus::Continue); // a reply after it passes
  }
  DataStatus encodeData(base::Buffer&, bool) override { return encodeDataStatus; }
  void onLocalReply() override { ++localReplies; }

  std::function<void()> onHeaders;
  std::function<void()> onData;
  HeadersStatus headersStatus = HeadersStatus::Continue;
  DataStatus dataStatus = DataStatus::Continue;
  TrailersStatus trailersStatus = TrailersStatus::Continue;
  HeadersStatus encodeStatus = HeadersStatus::Continue;
  DataStatus encodeDataStatus = DataStatus::Continue;
  std::string calls;
  int localReplies = 0;

private:
  std::string mark_;
};

class FilterChainTest : public ChainTest {
protected:
  void SetUp() override {
    a = &add(std::make_unique<Scripted>("a"));
    b = &add(std::make_unique<Scripted>("b"));
    finish();
  }
  Scripted* a = nullptr;
  Scripted* b = nullptr;
};

TEST_F(FilterChainTest, RequestsGoDownAndResponsesComeBackUp) {
  headers(false);
  data("one", false);
  data("two", false);
  trailers();
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|one|two|T:x-end=1|end");
  terminal->answer(host, "body", false);
  terminal->answerTrailers(host);
  EXPECT_EQ(host.sent, "200 x-out=b x-out=a|body|T:x-end=1|end");
}

TEST_F(FilterChainTest, StoppedHeadersWaitForContinueAndDataForTheirTurn) {
  a->headersStatus = HeadersStatus::StopAllIterationAndWatermark;
  headers(false);
  data("one", false);
  data("two", true);
  EXPECT_EQ(terminal->seen, "");
  EXPECT_EQ(a->calls, "") << "a filter that stopped everything is given nothing";
  a->decoder->continueDecoding();
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|onetwo|end");
  EXPECT_EQ(a->calls, "[onetwo.]");
}

TEST_F(FilterChainTest, AFilterThatBuffersGivesAllAtOnce) {
  b->headersStatus = HeadersStatus::StopIteration;
  b->dataStatus = DataStatus::StopIterationAndBuffer;
  headers(false);
  data("one", false);
  b->dataStatus = DataStatus::Continue;
  data("two", true);
  EXPECT_EQ(b->calls, "[one][two.]");
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|onetwo|end");
}

TEST_F(FilterChainTest, AddedDataMakesABody) {
  a->onHeaders = [this] {
    base::Buffer added = bytes("added");
    a->decoder->addDecodedData(added, false);
  };
  headers(true);
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|added|end");
}

TEST_F(FilterChainTest, AddedTrailersEndTheRequest) {
  a->onData = [this] { a->decoder->addDecodedTrailers().add("x-new", "1"); };
  headers(false);
  data("one", true);
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|one|T:x-new=1|end");
}

TEST_F(FilterChainTest, InjectedDataTakesTheHeadersAlong) {
  a->headersStatus = HeadersStatus::StopIteration;
  a->dataStatus = DataStatus::StopIterationNoBuffer;
  headers(false);
  data("dropped", false);
  base::Buffer nothing;
  a->decoder->injectDecodedData(nothing, false);
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b") << "headers alone, without an empty piece of body";
  base::Buffer more = bytes("new");
  a->decoder->injectDecodedData(more, false);
  base::Buffer last;
  a->decoder->injectDecodedData(last, true);
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|new||end");
}

TEST_F(FilterChainTest, ALocalReplyPassesTheEncodersOnly) {
  a->onHeaders = [this] { a->decoder->sendLocalReply({.status = 403, .body = "no"}); };
  headers(true);
  EXPECT_EQ(terminal->seen, "");
  EXPECT_EQ(host.sent, "403 x-out=b x-out=a|no|end");
  EXPECT_EQ(a->localReplies + b->localReplies, 2);
  data("late", true); // is ignored
  EXPECT_EQ(a->calls, "");
}

TEST_F(FilterChainTest, ALocalReplyReplacesAResponseThatIsHeld) {
  headers(true);
  a->encodeStatus = HeadersStatus::StopIteration;
  a->encodeDataStatus = DataStatus::StopIterationAndBuffer;
  terminal->answer(host, "held", true);
  EXPECT_EQ(host.sent, "");
  a->encodeDataStatus = DataStatus::Continue;
  a->decoder->sendLocalReply({.status = 502});
  EXPECT_EQ(host.sent, "502 x-out=b x-out=a|end");
}

TEST_F(FilterChainTest, ALocalReplyAfterTheResponseBeganResets) {
  headers(true);
  terminal->answer(host, "some", false);
  a->decoder->sendLocalReply({.status = 500, .details = "too_late"});
  EXPECT_EQ(host.reset, "too_late");
}

TEST_F(FilterChainTest, ABufferedRequestAboveTheLimitIsRefused) {
  a->headersStatus = HeadersStatus::StopAllIterationAndBuffer;
  headers(false);
  data(std::string(101, 'x'), false);
  EXPECT_EQ(host.sent.substr(0, 3), "413");
  EXPECT_EQ(host.info.responseCodeDetails, "request_payload_too_large");
}

TEST_F(FilterChainTest, AWatermarkHoldsTheSenderInstead) {
  a->headersStatus = HeadersStatus::StopAllIterationAndWatermark;
  headers(false);
  data(std::string(101, 'x'), false);
  EXPECT_EQ(host.downstreamHeld, 1);
  EXPECT_EQ(host.sent, "");
  a->decoder->continueDecoding();
  EXPECT_EQ(host.downstreamHeld, 0);
}

TEST_F(FilterChainTest, ABufferedResponseAboveTheLimitBecomesAnError) {
  headers(true);
  a->encodeStatus = HeadersStatus::StopAllIterationAndBuffer;
  terminal->answer(host, std::string(101, 'x'), false);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
}

TEST_F(FilterChainTest, StoppedTrailersGoOnWithContinue) {
  a->trailersStatus = TrailersStatus::StopIteration;
  headers(false);
  data("one", false);
  trailers();
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|one");
  a->decoder->continueDecoding();
  EXPECT_EQ(terminal->seen, "GET x-in=a x-in=b|one|T:x-end=1|end");
}

TEST_F(FilterChainTest, DestroyComesOnce) {
  headers(true);
  chain.destroy();
  chain.destroy();
  EXPECT_EQ(a->destroyed, 1);
  EXPECT_EQ(b->destroyed, 1);
}

} // namespace
} // namespace moe::proxy::test
