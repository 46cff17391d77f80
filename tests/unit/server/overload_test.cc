#include "server/overload.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace moe::server {
namespace {

absl::StatusOr<OverloadSettings> read(const std::string& yaml) {
  envoy::config::overload::v3::OverloadManager proto;
  if (auto loaded = config::loadText("o.yaml", yaml, proto); !loaded.ok()) {
    return loaded;
  }
  return readOverload(proto, config::FieldPath("overload_manager"));
}

std::string withMemory(uint64_t bytes, const std::string& action, double threshold) {
  return base::cat(
      "resource_monitors: [{name: envoy.resource_monitors.fixed_heap, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig, "
      "max_heap_size_bytes: ",
      bytes, "}}]\nactions: [{name: envoy.overload_actions.", action,
      ", triggers: [{name: envoy.resource_monitors.fixed_heap, threshold: {value: ", threshold,
      "}}]}]\n");
}

TEST(Overload, HasDefaults) {
  const auto settings = read("{}");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_GT(settings->maxConnections, 0);
  EXPECT_EQ(settings->triggers.size(), 3u);
}

TEST(Overload, ActsAboveItsThreshold) {
  event::Loop loop;
  stats::Store stats;
  auto logger = std::make_shared<base::Logger>("test");
  for (const auto& [bytes, high] :
       {std::pair{uint64_t{1} << 20, true}, {uint64_t{1} << 44, false}}) {
    for (const char* action : {"stop_accepting_connections", "stop_accepting_requests",
                               "disable_http_keepalive", "shrink_heap"}) {
      proxy::OverloadState state(stats.root());
      const auto settings = read(withMemory(bytes, action, 0.9));
      ASSERT_TRUE(settings.ok()) << settings.status();
      std::optional<bool> accepting;
      Overload overload(*settings, loop, state, stats.root().child("overload"), logger,
                        [&](bool on) { accepting = on; });
      overload.refresh();
      const std::string_view name(action);
      EXPECT_EQ(accepting.has_value() && !*accepting, high && name == "stop_accepting_connections");
      EXPECT_EQ(state.shedRequests.load(), high && name == "stop_accepting_requests");
      EXPECT_EQ(state.disableKeepalive.load(), high && name == "disable_http_keepalive");
      EXPECT_EQ(stats.root()
                    .child("overload")
                    .child(base::cat("envoy.overload_actions.", action))
                    .gauge("active")
                    .value(),
                high ? 1 : 0);
    }
  }
}

TEST(Overload, CountsConnections) {
  stats::Store stats;
  proxy::OverloadState state(stats.root());
  state.maxConnections = 2;
  EXPECT_TRUE(state.tryTakeConnection());
  EXPECT_TRUE(state.tryTakeConnection());
  EXPECT_FALSE(state.tryTakeConnection());
  state.releaseConnection();
  EXPECT_TRUE(state.tryTakeConnection());
  EXPECT_EQ(state.connectionOverflow.value(), 1u);
}

TEST(Overload, NamesWhatItDoesNotKnow) {
  for (const auto& [yaml, expected] :
       {std::pair{std::string("resource_monitors: [{name: other}]"),
                  "overload_manager.resource_monitors[0].name: found \"other\", expected "
                  "envoy.resource_monitors.global_downstream_max_connections or "
                  "envoy.resource_monitors.fixed_heap"},
        {std::string("actions: [{name: other, triggers: [{name: a, threshold: {value: 1}}]}]"),
         "overload_manager.actions[0].name: found \"other\", expected envoy.overload_actions. with "
         "stop_accepting_connections, stop_accepting_requests, disable_http_keepalive or "
         "shrink_heap"}}) {
    const auto settings = read(yaml);
    ASSERT_FALSE(settings.ok());
    EXPECT_EQ(settings.status().message(), expected);
  }
}

} // namespace
} // namespace moe::server
