#include "golang/flow.h"

#include <vector>

#include "golang/go_fixture.h"

namespace moe::golang::test {
namespace {

// Go's answers to decode calls; responses pass.
class GoFlowTest : public GoFilterTest {
protected:
  void SetUp() override {
    GoFilterTest::SetUp();
    go.onHeaders = [this](abi::ProcessState* s) {
      if (s->isEncoding != 0) {
        return static_cast<int>(abi::kContinue);
      }
      state = s;
      return s->state == abi::kProcessingTrailers ? trailers_ : headers_;
    };
    go.onData = [this](abi::ProcessState* s, uint64_t buffer) {
      if (s->isEncoding != 0) {
        return static_cast<int>(abi::kContinue);
      }
      buffers.push_back(buffer);
      return onBody ? onBody(buffer) : body_;
    };
  }
  void later(int status) {
    EXPECT_EQ(envoyGoFilterHttpContinue(state, status), abi::kOk);
    turn();
  }

  abi::ProcessState* state = nullptr;
  std::vector<uint64_t> buffers;
  std::function<int(uint64_t)> onBody;
  int headers_ = abi::kContinue;
  int body_ = abi::kContinue;
  int trailers_ = abi::kContinue;
};

TEST_F(GoFlowTest, AReplyInACallMadeFromAContinueMayEndTheStream) {
  headers_ = abi::kRunning;
  onBody = [this](uint64_t) {
    EXPECT_EQ(reply(state, 403, "no"), abi::kOk);
    return static_cast<int>(abi::kLocalReply);
  };
  headers(false);
  data("one", false);
  later(abi::kContinue);
  EXPECT_EQ(host.sent, "403|no|end");
  EXPECT_EQ(go.calls.substr(go.calls.size() - 3), "CLX");
}

TEST_F(GoFlowTest, AReplyInTheTrailersCallMadeFromAContinueMayEndTheStream) {
  headers_ = abi::kRunning;
  go.onHeaders = [this](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      state = s;
    }
    if (s->isEncoding == 0 && s->state == abi::kProcessingTrailers) {
      EXPECT_EQ(envoyGoFilterHttpSendPanicReply(s, goData("boom"), 4), abi::kOk);
    }
    return s->isEncoding != 0 ? abi::kContinue : abi::kRunning;
  };
  headers(false);
  trailers();
  later(abi::kContinue);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
}

TEST_F(GoFlowTest, AWrongStatusInACallMadeFromAContinueMayEndTheStream) {
  headers_ = abi::kRunning;
  body_ = abi::kLocalReply;
  headers(false);
  data("one", false);
  later(abi::kContinue);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
}

TEST_F(GoFlowTest, WhatGoKeepsGoesWithTheTrailersThatEndTheStream) {
  headers_ = abi::kRunning;
  body_ = abi::kStopAndBuffer;
  headers(false);
  data("one", false);
  trailers();
  later(abi::kStopAndBuffer);
  EXPECT_EQ(go.calls, "dHdD3dT");
  EXPECT_EQ(terminal->seen, "GET|one|T:x-end=1|end");
}

TEST_F(GoFlowTest, NoBodyAtAllIsNoDataCall) {
  headers_ = abi::kStopAndBuffer;
  headers(false);
  trailers();
  EXPECT_EQ(go.calls, "dHdT");
  EXPECT_EQ(terminal->seen, "GET|T:x-end=1|end");
}

TEST_F(GoFlowTest, EachDataCallHasABufferOfItsOwnWhileItIsKept) {
  body_ = abi::kStopAndBufferWatermark;
  headers(false);
  data("one", false);
  onBody = [this](uint64_t second) {
    EXPECT_NE(second, buffers[0]);
    EXPECT_EQ(read(state, buffers[0], 3), "one");
    EXPECT_EQ(read(state, second, 5), "three");
    EXPECT_EQ(write(state, buffers[0], "1", abi::kBufferSet), abi::kOk);
    return static_cast<int>(abi::kContinue);
  };
  data("three", false);
  EXPECT_EQ(terminal->seen, "GET|1three");
  onBody = [this](uint64_t third) {
    EXPECT_EQ(read(state, third, 4), "four");
    EXPECT_EQ(read(state, buffers[0], 3), "status -4");
    EXPECT_EQ(read(state, buffers[1], 5), "status -4");
    EXPECT_EQ(write(state, buffers[0], "x", abi::kBufferAppend), abi::kInvalidPhase);
    return static_cast<int>(abi::kContinue);
  };
  data("four", true);
  EXPECT_EQ(terminal->seen, "GET|1three|four|end");
  EXPECT_EQ(go.calls, "dHdD3dD5dD4.");
}

TEST_F(GoFlowTest, KeptDataIsNotGivenAgain) {
  body_ = abi::kStopAndBuffer;
  headers(false);
  data("one", false);
  data("two", false); // waits for the rest
  body_ = abi::kContinue;
  data("three", true);
  EXPECT_EQ(go.calls, "dHdD3dD8.");
  EXPECT_EQ(terminal->seen, "GET|onetwothree|end");
}

TEST_F(GoFlowTest, DroppingDropsTheLastOnly) {
  headers_ = abi::kStopAndBufferWatermark;
  body_ = abi::kStopAndBufferWatermark;
  headers(false, "9");
  data("one", false);
  body_ = abi::kStopNoBuffer;
  data("two", false);
  data("end", true);
  EXPECT_EQ(terminal->seen, "GET content-length=3|one|end");
}

TEST_F(GoFlowTest, DroppingAllUnderHeldHeadersMendsTheLength) {
  headers_ = abi::kStopAndBufferWatermark;
  body_ = abi::kStopNoBuffer;
  headers(false, "6");
  data("one", false);
  data("two", true);
  EXPECT_EQ(terminal->seen, "GET content-length=0|end");
}

TEST_F(GoFlowTest, DroppingLaterMendsTheLengthToo) {
  headers_ = abi::kStopAndBuffer;
  body_ = abi::kRunning;
  headers(false, "6");
  data("onetwo", true);
  later(abi::kStopNoBuffer);
  EXPECT_EQ(terminal->seen, "GET content-length=0||end");
}

class GoAddDataTest : public GoFlowTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Answers, GoAddDataTest,
                         testing::Values(abi::kContinue, abi::kStopAndBuffer,
                                         abi::kStopAndBufferWatermark));

TEST_P(GoAddDataTest, WhatIsAddedToHeadersStandsBeforeTheBody) {
  go.onHeaders = [](abi::ProcessState* s) {
    EXPECT_EQ(addData(s, "new,"), abi::kOk);
    return GetParam();
  };
  headers(false, "3");
  data("one", true);
  EXPECT_EQ(go.calls, "dHdD3.") << "Go is not given what it has added";
  EXPECT_EQ(terminal->seen,
            GetParam() == abi::kContinue ? "GET|new,|one|end" : "GET content-length=7|new,one|end");
}

TEST_F(GoFlowTest, WhatIsAddedToHeadersStandsBeforeTheTrailersAndWhatTheyAdd) {
  go.onHeaders = [](abi::ProcessState* s) {
    const bool first = s->state == abi::kProcessingHeaders;
    EXPECT_EQ(addData(s, first ? "first," : ",last"), abi::kOk);
    return first ? abi::kStopAndBuffer : abi::kContinue;
  };
  body_ = abi::kStopAndBuffer;
  headers(false, "3");
  data("one", false);
  trailers();
  EXPECT_EQ(terminal->seen, "GET|first,one,last|T:x-end=1|end");
}

TEST_F(GoFlowTest, DataAddedByAGoroutineStandsBeforeTheBody) {
  headers_ = abi::kRunning;
  headers(false, "3");
  data("one", true);
  std::thread([&] { EXPECT_EQ(addData(state, "new,"), abi::kOk); }).join();
  later(abi::kStopAndBuffer);
  EXPECT_EQ(terminal->seen, "GET content-length=7|new,one|end");
}

// As in Envoy: a Continue answers the call that Go is at work on when it is made.
TEST_F(GoFlowTest, ALateContinueAnswersTheNextCall) {
  headers_ = abi::kRunning;
  body_ = abi::kRunning;
  headers(false);
  data("one", true);
  later(abi::kContinue);
  EXPECT_EQ(terminal->seen, "GET");
  later(abi::kContinue); // a second one for the headers: nobody can tell
  EXPECT_EQ(terminal->seen, "GET|one|end");
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kNotInGo);
}

TEST_F(GoFlowTest, AnswersAfterSomebodyElseHasAnsweredDoNothing) {
  abi::ProcessState* encoding = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    (s->isEncoding != 0 ? encoding : state) = s;
    return abi::kRunning;
  };
  headers(false);
  data(std::string(101, 'x'), false);
  EXPECT_EQ(host.downstreamHeld, 1);
  chain.sendLocalReply({.status = 408, .details = "timeout"});
  ASSERT_NE(encoding, nullptr);
  EXPECT_EQ(host.downstreamHeld, 0);
  EXPECT_EQ(reply(state, 418, "tea"), abi::kOk);
  turn();
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kOk);
  EXPECT_EQ(set(state, "x-go", "1"), abi::kOk) << "its headers live on";
  turn();
  EXPECT_EQ(envoyGoFilterHttpContinue(encoding, abi::kContinue), abi::kOk);
  turn();
  EXPECT_EQ(host.sent.substr(0, 3), "408");
  EXPECT_EQ(host.info.responseCodeDetails, "timeout");
  EXPECT_EQ(terminal->seen, "");
  EXPECT_EQ(counter("local_replies"), 0u);
}

} // namespace
} // namespace moe::golang::test
