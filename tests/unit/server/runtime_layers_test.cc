#include "server/runtime_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace moe::server {
namespace {

RuntimeLayers read(const std::string& yaml) {
  envoy::config::bootstrap::v3::LayeredRuntime proto;
  EXPECT_TRUE(config::loadText("r.yaml", yaml, proto).ok());
  return RuntimeLayers(proto);
}

TEST(RuntimeLayers, TheLastLayerWinsAndObjectsAreKeysWithDots) {
  RuntimeLayers layers = read(R"(
layers:
- {name: one, static_layer: {a.b: 1, c: "22", big: 1000000}}
- {name: two, static_layer: {a: {b: 3, d: true}}}
- {name: admin, admin_layer: {}}
)");
  EXPECT_EQ(*layers.number("a.b", 7), 3u);
  EXPECT_EQ(*layers.number("c", 7), 22u);
  EXPECT_EQ(*layers.number("big", 7), 1'000'000u);
  EXPECT_EQ(*layers.number("absent", 7), 7u);
  EXPECT_THAT(layers.unused(), testing::ElementsAre("layered_runtime.layers[1].static_layer.a.d"));
}

TEST(RuntimeLayers, ValuesThatAreNoNumbersAreNamed) {
  RuntimeLayers layers = read("layers: [{name: one, static_layer: {a: many, b: -1, c: 1.5}}]");
  for (const char* key : {"a", "b", "c"}) {
    const auto number = layers.number(key, 0);
    ASSERT_FALSE(number.ok());
    EXPECT_THAT(std::string(number.status().message()),
                testing::HasSubstr(std::string("layered_runtime.layers[0].static_layer.") + key));
  }
}

} // namespace
} // namespace moe::server
