// What goroutines may do, and what Go may do while the log is written.
#include <thread>

#include "golang/go_fixture.h"

namespace moe::golang::test {
namespace {

template <class F> void elsewhere(F f) { std::thread(f).join(); }

class GoThreadsTest : public GoFilterTest {
protected:
  void SetUp() override {
    GoFilterTest::SetUp();
    go.onHeaders = [this](abi::ProcessState* s) {
      (s->isEncoding != 0 ? encoding : decoding) = s;
      if (s->isEncoding != 0 && onEncode) {
        onEncode();
      }
      return s->isEncoding != 0 ? abi::kContinue : abi::kRunning;
    };
  }
  abi::Status setMetadata(std::string_view text) {
    google::protobuf::Value value;
    value.set_string_value(std::string(text));
    const std::string bytes = value.SerializeAsString();
    return envoyGoFilterHttpSetDynamicMetadata(go.request, goData("name"), 4, goData("key"), 3,
                                               goData(bytes), size(bytes));
  }
  abi::Status getMetadata() {
    return envoyGoFilterHttpGetDynamicMetadata(go.request, goData("name"), 4, &found, &length);
  }
  std::string metadata() {
    google::protobuf::Struct out;
    EXPECT_TRUE(out.ParseFromArray(reinterpret_cast<const void*>(found), length));
    return out.fields().contains("key") ? out.fields().at("key").string_value() : "";
  }
  static abi::Status copyHeaders(abi::ProcessState* s) {
    std::string strings(10'000, ' ');
    std::string bytes(10'000, ' ');
    return envoyGoFilterHttpCopyHeaders(s, strings.data(), bytes.data());
  }
  static abi::Status getHeader(abi::ProcessState* s) {
    uint64_t value = 0;
    int length = 0;
    return envoyGoFilterHttpGetHeader(s, goData(":path"), 5, &value, &length);
  }

  abi::ProcessState* decoding = nullptr;
  abi::ProcessState* encoding = nullptr;
  std::function<void()> onEncode;
  uint64_t found = 0;
  int length = 0;
};

TEST_F(GoThreadsTest, AQuestionIsAnsweredBeforeTheWorkerEntersGo) {
  headers(true);
  elsewhere([&] {
    EXPECT_EQ(setMetadata("v"), abi::kOk);
    EXPECT_EQ(getMetadata(), abi::kYield);
  });
  chain.streamComplete(); // where the plugin may take the lock that the goroutine has
  EXPECT_EQ(go.calls, "dH.SC");
  EXPECT_EQ(metadata(), "v") << "with what the same goroutine has set before";
  turn();
  EXPECT_EQ(go.calls, "dH.SC") << "once only";
  EXPECT_EQ(host.info.dynamicMetadata()["name"].fields().at("key").string_value(), "v");
}

TEST_F(GoThreadsTest, AQuestionWhileTheWorkerIsInGoIsAnsweredAtOnce) {
  headers(true);
  elsewhere([&] { EXPECT_EQ(setMetadata("early"), abi::kOk); });
  turn();
  onEncode = [&] {
    elsewhere([&] {
      EXPECT_EQ(getMetadata(), abi::kOk);
      EXPECT_EQ(metadata(), "early");
      EXPECT_EQ(setMetadata("late"), abi::kOk);
      EXPECT_EQ(getMetadata(), abi::kOk);
      EXPECT_EQ(metadata(), "late");
    });
  };
  chain.sendLocalReply({.status = 408});
  ASSERT_NE(encoding, nullptr);
}

TEST_F(GoThreadsTest, AQuestionOfAStreamThatGoesAwayIsLeftToGo) {
  headers(true);
  elsewhere([&] { EXPECT_EQ(getMetadata(), abi::kYield); });
  chain.destroy();
  turn();
  EXPECT_EQ(go.calls, "dH.X!") << "Go wakes it on destroy";
  EXPECT_EQ(length, 0);
}

TEST_F(GoThreadsTest, ARouteIsMatchedAnewWithoutTheMutexAndSeenByGoroutines) {
  headers(true);
  int matched = 0;
  host.onRoute = [&] {
    ++matched;
    std::mutex& mutex = Request::of(go.request).mutex;
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
    host.info.upstreamCluster = "other";
  };
  auto cluster = [&] {
    std::string name;
    elsewhere([&] {
      uint64_t value = 0;
      int length = 0;
      if (envoyGoFilterHttpGetStringValue(go.request, abi::kUpstreamClusterName, &value, &length) ==
          abi::kOk) {
        name.assign(reinterpret_cast<const char*>(value), static_cast<size_t>(length));
      }
    });
    return name;
  };
  EXPECT_EQ(cluster(), "");
  elsewhere([&] { EXPECT_EQ(envoyGoFilterHttpClearRouteCache(go.request, true), abi::kOk); });
  turn();
  EXPECT_EQ(cluster(), "other");
  EXPECT_EQ(envoyGoFilterHttpClearRouteCache(go.request, true), abi::kOk);
  EXPECT_EQ(matched, 2);
  EXPECT_EQ(host.routeCleared, 2);
  chain.destroy();
}

TEST_F(GoThreadsTest, OnlyTheWorkerReadsHeadersForTheLog) {
  go.onHeaders = [this](abi::ProcessState* s) {
    (s->isEncoding != 0 ? encoding : decoding) = s;
    return abi::kContinue;
  };
  int logged = 0;
  auto look = [&] {
    ++logged;
    EXPECT_EQ(copyHeaders(decoding), abi::kOk);
    EXPECT_EQ(getHeader(decoding), abi::kOk);
    elsewhere([&] {
      EXPECT_EQ(copyHeaders(decoding), abi::kNotInGo);
      EXPECT_EQ(getHeader(decoding), abi::kNotInGo);
    });
  };
  go.onComplete = look;
  go.onLog = [&](abi::ProcessState*, abi::ProcessState*) { look(); };
  headers(true);
  EXPECT_EQ(getHeader(decoding), abi::kNotInGo);
  terminal->answer(host, "body");
  EXPECT_EQ(logged, 2);
}

// A goroutine has made room for the headers as they were; the log is given them as they are.
TEST_F(GoThreadsTest, TheLogMakesNoRoomForACopyOnAGoroutine) {
  headers(true);
  request->add("x-more", std::string(1000, 'x'));
  int logged = 0;
  go.onLog = [&](abi::ProcessState* s, abi::ProcessState*) {
    ++logged;
    EXPECT_EQ(copyHeaders(s), abi::kOk);
    elsewhere([&] { EXPECT_EQ(copyHeaders(s), abi::kInternalFailure); });
  };
  chain.log();
  chain.destroy();
  EXPECT_EQ(logged, 1);
}

} // namespace
} // namespace moe::golang::test
