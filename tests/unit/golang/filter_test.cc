#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "golang/exports.h"
#include "golang/go_fixture.h"
#include "golang/log_bridge.h"

namespace moe::golang::test {
namespace {

TEST_F(GoFilterTest, EveryPartPassesInOrder) {
  headers(false);
  data("one", false);
  trailers();
  terminal->answer(host, "body", false);
  terminal->answerTrailers(host);
  EXPECT_EQ(go.calls, "dHdD3dTeHeD4eTCLX");
  EXPECT_EQ(terminal->seen, "GET|one|T:x-end=1|end");
  EXPECT_EQ(host.sent, "200|body|T:x-end=1|end");
  EXPECT_EQ(counter("requests_total"), 1u);
}

TEST_F(GoFilterTest, HeadersAreEditedDuringTheCall) {
  go.onHeaders = [](abi::ProcessState* s) {
    EXPECT_EQ(set(s, "x-go", "1"), abi::kOk);
    EXPECT_EQ(set(s, "x-bad", "1\r\n"), abi::kInternalFailure);
    uint64_t value = 0;
    int length = 0;
    EXPECT_EQ(envoyGoFilterHttpGetHeader(s, goData("x-go"), 4, &value, &length), abi::kOk);
    EXPECT_EQ(length, 1);
    EXPECT_EQ(set(s, "x-gone", "1"), abi::kOk);
    EXPECT_EQ(envoyGoFilterHttpRemoveHeader(s, goData("x-gone"), 6), abi::kOk);
    return abi::kContinue;
  };
  headers(true);
  EXPECT_EQ(terminal->seen, "GET x-go=1|end");
  EXPECT_EQ(set(&Request::of(go.request).decode, "x-late", "1"), abi::kNotInGo);
}

TEST_F(GoFilterTest, RunningHoldsEverythingUntilContinue) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return s->isEncoding || s->state != abi::kProcessingHeaders ? abi::kContinue : abi::kRunning;
  };
  headers(false);
  data("one", false);
  data("two", true);
  EXPECT_EQ(terminal->seen, "");
  std::thread([&] {
    EXPECT_EQ(set(state, "x-go", "later"), abi::kOk);
    EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kOk);
  }).join();
  EXPECT_EQ(terminal->seen, "") << "goroutines do not run the chain";
  turn();
  EXPECT_EQ(terminal->seen, "GET x-go=later|onetwo|end");
  EXPECT_EQ(go.calls, "dHdD6.");
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kNotInGo);
}

TEST_F(GoFilterTest, ContinuingTwiceDoesNoHarm) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return abi::kRunning;
  };
  go.onData = [](auto*, auto) { return abi::kRunning; };
  headers(false);
  data("one", true);
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kOk);
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kOk);
  turn();
  EXPECT_EQ(go.calls, "dHdD3.");
  EXPECT_EQ(terminal->seen, "GET") << "the second was for the headers and must not pass the body";
}

TEST_F(GoFilterTest, TheWholeBodyIsGivenAtOnceAndItsLengthMended) {
  go.onHeaders = [](auto*) { return abi::kStopAndBuffer; };
  go.onData = [](abi::ProcessState* s, uint64_t buffer) {
    std::string text(6, ' ');
    EXPECT_EQ(envoyGoFilterHttpGetBuffer(s, buffer, text.data()), abi::kOk);
    EXPECT_EQ(text, "onetwo");
    EXPECT_EQ(envoyGoFilterHttpDrainBuffer(s, buffer, 3), abi::kOk);
    EXPECT_EQ(write(s, buffer, "<", abi::kBufferPrepend), abi::kOk);
    EXPECT_EQ(write(s, buffer, ">>", abi::kBufferAppend), abi::kOk);
    EXPECT_EQ(write(s, buffer + 8, "x", abi::kBufferSet), abi::kInvalidPhase);
    return abi::kContinue;
  };
  headers(false, "6");
  data("one", false);
  EXPECT_EQ(terminal->seen, "");
  data("two", true);
  EXPECT_EQ(terminal->seen, "GET content-length=6|<two>>|end");
}

TEST_F(GoFilterTest, AChangedBodyThatIsNotKnownWholeLosesItsLength) {
  go.onHeaders = [](abi::ProcessState* s) {
    return s->state == abi::kProcessingTrailers ? abi::kContinue : abi::kStopAndBufferWatermark;
  };
  go.onData = [](abi::ProcessState* s, uint64_t buffer) {
    write(s, buffer, "!", abi::kBufferAppend);
    return abi::kContinue;
  };
  headers(false, "6");
  data("one", false);
  EXPECT_EQ(terminal->seen, "GET|one!");
}

TEST_F(GoFilterTest, DroppedDataStillEnds) {
  go.onData = [](auto*, auto) { return abi::kStopNoBuffer; };
  headers(false);
  data("one", false);
  data("two", true);
  EXPECT_EQ(terminal->seen, "GET||end");
}

TEST_F(GoFilterTest, AddedDataMakesABody) {
  go.onHeaders = [](abi::ProcessState* s) {
    EXPECT_EQ(envoyGoFilterHttpAddData(s, goData("new"), 3, false), abi::kOk);
    return abi::kContinue;
  };
  headers(true);
  EXPECT_EQ(terminal->seen, "GET|new|end");
}

TEST_F(GoFilterTest, AReplyDuringTheCallIsSentAfterIt) {
  go.onHeaders = [](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      EXPECT_EQ(reply(s, 403, "no"), abi::kOk);
      return static_cast<int>(abi::kLocalReply);
    }
    return static_cast<int>(abi::kContinue);
  };
  headers(true);
  EXPECT_EQ(host.sent, "403|no|end");
  EXPECT_EQ(terminal->seen, "");
  EXPECT_EQ(counter("local_replies"), 1u);
}

TEST_F(GoFilterTest, AReplyFromAThreadIsSentByTheWorker) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      state = s;
      return abi::kRunning;
    }
    return abi::kContinue;
  };
  headers(true);
  std::thread([&] { EXPECT_EQ(reply(state, 418, "tea"), abi::kOk); }).join();
  EXPECT_EQ(host.sent, "");
  turn();
  EXPECT_EQ(host.sent, "418|tea|end");
}

TEST_F(GoFilterTest, APanicIs500AndCounted) {
  go.onHeaders = [](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      EXPECT_EQ(envoyGoFilterHttpSendPanicReply(s, goData("boom"), 4), abi::kOk);
    }
    return s->isEncoding == 0 ? abi::kRunning : abi::kContinue;
  };
  headers(true);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
  EXPECT_EQ(host.info.responseCodeDetails, "boom");
  EXPECT_EQ(counter("panic_error"), 1u);
  EXPECT_EQ(counter("local_replies"), 0u);
}

TEST_F(GoFilterTest, AnswersThatMakeNoSenseAreErrors) {
  int answer = abi::kLocalReply; // without a reply
  go.onHeaders = [&](abi::ProcessState* s) {
    return s->isEncoding == 0 ? answer : static_cast<int>(abi::kContinue);
  };
  headers(true);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
  EXPECT_EQ(counter("errors"), 1u);
}

TEST_F(GoFilterTest, WaitingForMoreWhenAllIsHereIsAnError) {
  go.onData = [](abi::ProcessState* s, uint64_t) {
    return s->isEncoding == 0 ? abi::kStopAndBuffer : abi::kContinue;
  };
  headers(false);
  data("all", true);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
  EXPECT_EQ(counter("errors"), 1u);
}

TEST_F(GoFilterTest, TooMuchToBufferIs413AndTooMuchMeanwhileHoldsTheSender) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return s->isEncoding == 0 ? abi::kRunning : abi::kContinue;
  };
  headers(false);
  data(std::string(101, 'x'), false);
  EXPECT_EQ(host.downstreamHeld, 1);
  EXPECT_EQ(host.sent, "");
  envoyGoFilterHttpContinue(state, abi::kStopAndBuffer);
  turn();
  EXPECT_EQ(host.sent.substr(0, 3), "413");
  EXPECT_EQ(host.downstreamHeld, 0);
}

TEST_F(GoFilterTest, TooMuchKeptPieceByPieceIs413) {
  go.onData = [](abi::ProcessState* s, uint64_t) {
    return s->isEncoding == 0 ? abi::kStopAndBufferWatermark : abi::kContinue;
  };
  headers(false);
  data(std::string(60, 'x'), false);
  EXPECT_EQ(host.sent, "");
  data(std::string(60, 'x'), false);
  EXPECT_EQ(host.sent.substr(0, 3), "413");
  EXPECT_EQ(host.downstreamHeld, 0);
}

TEST_F(GoFilterTest, ASenderHeldWhileGoWorkedMaySendTheRest) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return abi::kRunning;
  };
  headers(false);
  data(std::string(101, 'x'), false);
  EXPECT_EQ(host.downstreamHeld, 1);
  envoyGoFilterHttpContinue(state, abi::kContinue);
  turn();
  EXPECT_EQ(host.downstreamHeld, 0);
  EXPECT_EQ(go.calls, "dHdD101");
  data("rest", true);
  EXPECT_EQ(terminal->seen, "GET|" + std::string(101, 'x') + "|rest|end");
}

TEST_F(GoFilterTest, AfterTheStreamEveryCallIsToldThatItHasGone) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return abi::kRunning;
  };
  headers(false);
  set(state, "x-go", "1");
  envoyGoFilterHttpContinue(state, abi::kContinue); // posted, and then the stream goes
  chain.destroy();
  EXPECT_EQ(go.calls, "dHX!");
  turn();
  EXPECT_EQ(terminal->seen, "");
  EXPECT_EQ(set(state, "x-go", "1"), abi::kFilterIsGone);
  EXPECT_EQ(envoyGoFilterHttpContinue(state, abi::kContinue), abi::kFilterIsGone);
  EXPECT_EQ(reply(state, 500, ""), abi::kFilterIsGone);
  uint64_t value = 0;
  int length = 0;
  EXPECT_EQ(envoyGoFilterHttpGetStringValue(go.request, abi::kRouteName, &value, &length),
            abi::kFilterIsGone);
  EXPECT_EQ(envoyGoFilterHttpGetDynamicMetadata(go.request, nullptr, 0, &value, &length),
            abi::kFilterIsGone);
  EXPECT_EQ(envoyGoFilterHttpClearRouteCache(go.request, false), abi::kFilterIsGone);
}

TEST_F(GoFilterTest, MetadataIsSetAndReadFromBothSides) {
  abi::ProcessState* state = nullptr;
  go.onHeaders = [&](abi::ProcessState* s) {
    state = s;
    return abi::kRunning;
  };
  headers(true);
  google::protobuf::Value value;
  value.set_string_value("s1");
  const std::string bytes = value.SerializeAsString();
  uint64_t found = 0;
  int length = 0;
  std::thread([&] {
    EXPECT_EQ(envoyGoFilterHttpSetDynamicMetadata(go.request, goData("envoy.lb"), 8, goData("site"),
                                                  4, goData(bytes), static_cast<int>(bytes.size())),
              abi::kOk);
    EXPECT_EQ(
        envoyGoFilterHttpGetDynamicMetadata(go.request, goData("envoy.lb"), 8, &found, &length),
        abi::kYield);
  }).join();
  turn();
  EXPECT_EQ(go.calls, "dH.S") << "the sleeping goroutine is woken";
  google::protobuf::Struct got;
  ASSERT_TRUE(got.ParseFromArray(reinterpret_cast<const void*>(found), length));
  EXPECT_EQ(got.fields().at("site").string_value(), "s1");
  EXPECT_EQ(host.info.dynamicMetadata()["envoy.lb"].fields().at("site").string_value(), "s1");
  EXPECT_EQ(envoyGoFilterHttpSetDynamicMetadata(go.request, nullptr, 0, nullptr, 0,
                                                goData("\xff\xff"), 2),
            abi::kSerializationFailure);
}

TEST_F(GoFilterTest, RequestsLiveUntilGoLetsGoOfThem) {
  headers(true);
  terminal->answer(host, "body");
  const stats::Gauge* live = store.findGauge("golang.fake.requests_live");
  ASSERT_NE(live, nullptr);
  EXPECT_EQ(live->value(), 1);
  envoyGoFilterHttpFinalize(std::exchange(go.request, nullptr), 0);
  EXPECT_EQ(live->value(), 0);
}

TEST_F(GoFilterTest, DetailsAreOneWord) {
  go.onHeaders = [](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      const std::string_view details = "no way\r\nGET / 200\t\x7f";
      EXPECT_EQ(envoyGoFilterHttpSendLocalReply(s, 403, nullptr, 0, nullptr, 0, -1, goData(details),
                                                size(details)),
                abi::kOk);
    }
    return s->isEncoding == 0 ? abi::kLocalReply : abi::kContinue;
  };
  headers(true);
  EXPECT_EQ(host.info.responseCodeDetails, "no_way__GET_/_200__");
}

// What the SDK does when a call from a plugin's method is refused because Go is not at work on the
// direction: it logs, keeps the panic for the next call, and answers "running".
TEST_F(GoFilterTest, APanicOfARefusedCallIsAnswered) {
  go.onHeaders = [this](abi::ProcessState* s) {
    if (s->isEncoding == 0) {
      EXPECT_EQ(reply(&Request::of(go.request).encode, 403, "no"), abi::kNotInGo);
      const std::string_view line = "http: panic serving: not proccessing Go\nstack";
      envoyGoFilterLog(4, goData(line), size(line));
    }
    return abi::kRunning;
  };
  headers(true);
  EXPECT_EQ(host.sent.substr(0, 3), "500");
  EXPECT_EQ(counter("panic_error"), 1u);
  EXPECT_EQ(go.calls, "dH.CLX") << "the SDK would panic again";
}

TEST_F(GoFilterTest, ARefusalThatThePluginHandlesIsNoPanic) {
  go.onHeaders = [this](abi::ProcessState* s) {
    EXPECT_EQ(reply(&Request::of(go.request).encode, 403, "no"), abi::kNotInGo);
    EXPECT_EQ(s->isEncoding, 0);
    return abi::kRunning; // a goroutine will continue
  };
  headers(true);
  EXPECT_EQ(host.sent, "");
  EXPECT_EQ(envoyGoFilterHttpContinue(&Request::of(go.request).decode, abi::kContinue), abi::kOk);
  turn();
  EXPECT_EQ(terminal->seen, "GET|end");
  EXPECT_EQ(counter("panic_error"), 0u);
}

TEST(GoPlugins, ANameIsInOneLibrary) {
  Plugins plugins;
  auto one = std::make_shared<const PluginLibrary>(
      "one.so", HttpFunctions{.newConfig = [](abi::HttpConfig*) -> uint64_t { return 1; }});
  auto two = std::make_shared<const PluginLibrary>(
      "two.so", HttpFunctions{.newConfig = [](abi::HttpConfig*) -> uint64_t { return 2; }});
  const auto first = plugins.plugin("a", one);
  const auto again = plugins.plugin("a", one);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->identity, again->identity) << "statistics are by the name";
  EXPECT_EQ(plugins.find("a"), one);
  const auto other = plugins.plugin("a", two);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().message(), "found \"a\" in the library \"two.so\", expected it in "
                                      "\"one.so\" as in another filter");
  EXPECT_EQ(plugins.find("a"), one);
  EXPECT_TRUE(plugins.plugin("b", two).ok());
  EXPECT_TRUE(plugins.plugin("a", std::make_shared<const PluginLibrary>(*one)).ok())
      << "the same library by another library_id";
}

TEST_F(GoFilterTest, WhatMoeDoesNotOfferIsLoggedOnce) {
  std::ostringstream out;
  bindGoLog(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(envoyGoFilterHttpIncrementMetric(nullptr, 0, 1), abi::kInternalFailure);
  }
  bindGoLog(config->logger);
  const std::string text = out.str();
  const size_t first = text.find("envoyGoFilterHttpIncrementMetric");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("envoyGoFilterHttpIncrementMetric", first + 1), std::string::npos) << text;
}

TEST_F(GoFilterTest, WhatMoeDoesNotOfferSaysSo) {
  stats::Store counts;
  showCallsNotOffered(counts.root());
  const stats::Gauge* calls = counts.findGauge("golang.calls_not_offered");
  ASSERT_NE(calls, nullptr);
  const int64_t before = calls->value();
  uint32_t id = 0;
  EXPECT_EQ(envoyGoFilterHttpDefineMetric(nullptr, 0, nullptr, 0, &id), abi::kInternalFailure);
  EXPECT_EQ(envoyGoFilterHttpDefineMetric(nullptr, 0, nullptr, 0, &id), abi::kInternalFailure);
  EXPECT_EQ(envoyGoFilterUpstreamConnect(nullptr, nullptr, 0), nullptr);
  EXPECT_EQ(calls->value(), before + 3);
}

} // namespace
} // namespace moe::golang::test
