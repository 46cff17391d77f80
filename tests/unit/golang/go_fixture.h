#pragma once

#include "golang/filter.h"

#include <spdlog/sinks/null_sink.h>

#include <thread>

#include "moe/go_abi.h"
#include "proxy/chain_fixture.h"

namespace moe::golang::test {

// Stands for a plugin: what it does in each call is set by the test.
struct FakeGo {
  std::function<int(abi::ProcessState*)> onHeaders = [](auto*) { return abi::kContinue; };
  std::function<int(abi::ProcessState*, uint64_t)> onData = [](auto*, auto) {
    return abi::kContinue;
  };
  std::function<void(abi::ProcessState*, abi::ProcessState*)> onLog = [](auto*, auto*) {};
  std::function<void()> onComplete = [] {};
  std::string calls;
  abi::HttpRequest* request = nullptr;
};
inline FakeGo* fake = nullptr; // the functions of a plugin have no context

inline HttpFunctions functions() {
  HttpFunctions out;
  out.newConfig = [](abi::HttpConfig*) -> uint64_t { return 1; };
  out.destroyConfig = [](uint64_t, int64_t) {};
  out.mergeConfig = [](uint64_t, uint64_t, uint64_t parent, uint64_t child) -> uint64_t {
    return parent * 10 + child;
  };
  out.onHeader = [](abi::ProcessState* s, uint64_t end, uint64_t, uint64_t) -> uint64_t {
    fake->request = s->request;
    const bool trailers = s->state == abi::kProcessingTrailers;
    fake->calls += std::string(s->isEncoding ? "e" : "d") + (trailers ? "T" : "H") +
                   (end != 0 && !trailers ? "." : "");
    return static_cast<uint64_t>(fake->onHeaders(s));
  };
  out.onData = [](abi::ProcessState* s, uint64_t end, uint64_t buffer,
                  uint64_t length) -> uint64_t {
    fake->calls += std::string(s->isEncoding ? "e" : "d") + "D" + std::to_string(length) +
                   (end != 0 ? "." : "");
    return static_cast<uint64_t>(fake->onData(s, buffer));
  };
  out.onLog = [](abi::HttpRequest*, uint64_t, abi::ProcessState* decoding,
                 abi::ProcessState* encoding, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                 uint64_t, uint64_t, uint64_t) {
    fake->calls += "L";
    fake->onLog(decoding, encoding);
  };
  out.onStreamComplete = [](abi::HttpRequest*) {
    fake->calls += "C";
    fake->onComplete();
  };
  out.onDestroy = [](abi::HttpRequest*, uint64_t reason) {
    fake->calls += reason == abi::kTerminate ? "X!" : "X";
  };
  out.semaDec = [](abi::HttpRequest*) { fake->calls += "S"; };
  return out;
}

inline void* goData(std::string_view text) { return const_cast<char*>(text.data()); }
inline int size(std::string_view text) { return static_cast<int>(text.size()); }

inline abi::Status set(abi::ProcessState* s, std::string_view name, std::string_view value) {
  return envoyGoFilterHttpSetHeaderHelper(s, goData(name), size(name), goData(value), size(value),
                                          abi::kHeaderSet);
}
inline abi::Status write(abi::ProcessState* s, uint64_t buffer, std::string_view text,
                         abi::BufferAction action) {
  return envoyGoFilterHttpSetBufferHelper(s, buffer, goData(text), size(text), action);
}
inline std::string read(abi::ProcessState* s, uint64_t buffer, size_t length) {
  std::string text(length, ' ');
  const abi::Status status = envoyGoFilterHttpGetBuffer(s, buffer, text.data());
  return status == abi::kOk ? text : "status " + std::to_string(status);
}
inline abi::Status addData(abi::ProcessState* s, std::string_view text) {
  return envoyGoFilterHttpAddData(s, goData(text), size(text), false);
}
inline abi::Status reply(abi::ProcessState* s, int status, std::string_view body) {
  return envoyGoFilterHttpSendLocalReply(s, status, goData(body), size(body), nullptr, 0, -1,
                                         nullptr, 0);
}

class GoFilterTest : public proxy::test::ChainTest {
protected:
  void SetUp() override {
    fake = &go;
    auto library = std::make_shared<const PluginLibrary>("fake", functions());
    auto identity = std::make_shared<PluginIdentity>("fake");
    config = std::make_unique<FilterConfig>(
        FilterConfig{.identity = identity,
                     .library = library,
                     .config = std::make_shared<const GoConfig>(library, 1),
                     .stats = PluginStats(store.root().child("golang", "plugin", "fake"), identity),
                     .logger = std::make_shared<spdlog::logger>(
                         "test", std::make_shared<spdlog::sinks::null_sink_mt>())});
    add(std::make_unique<Filter>(*config, host.worker()));
    finish();
  }
  void TearDown() override {
    chain.streamComplete();
    chain.log();
    chain.destroy();
    host.worker().loop.runOnce();
    if (go.request != nullptr) {
      envoyGoFilterHttpFinalize(go.request, 0);
      EXPECT_EQ(store.findGauge("golang.fake.requests_live")->value(), 0)
          << "a request object is left";
    }
  }
  void turn() { host.worker().loop.runOnce(); }
  uint64_t counter(std::string_view name) {
    const auto* found = store.findCounter("golang.fake." + std::string(name));
    return found == nullptr ? 0 : found->value();
  }

  stats::Store store;
  FakeGo go;
  std::unique_ptr<FilterConfig> config;
};

} // namespace moe::golang::test
