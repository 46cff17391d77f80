#include "server/runtime_discovery.h"

#include <gtest/gtest.h>

#include "config/fake_source.h"
#include "config/load.h"

namespace moe::server {
namespace {

using envoy::service::runtime::v3::Runtime;

class RuntimeDiscoveryTest : public testing::Test {
protected:
  std::string load(const std::string& yaml) {
    EXPECT_TRUE(config::loadText("r.yaml", yaml, proto).ok());
    layers = std::move(*RuntimeLayers::create(proto, stats.root(), logger));
    discovery = std::make_unique<RuntimeDiscovery>(*layers, fake, logger);
    return std::string(base::message(discovery->watch(proto, stats.root())));
  }
  std::string send(const std::string& to, const std::string& yaml) {
    Runtime runtime;
    EXPECT_TRUE(config::loadText("r.yaml", yaml, runtime).ok());
    return std::string(base::message(fake.receivers.at(to)->onResource(runtime)));
  }

  stats::Store stats;
  base::LoggerPtr logger = std::make_shared<base::Logger>("test");
  envoy::config::bootstrap::v3::LayeredRuntime proto;
  config::test::FakeSource<Runtime> fake;
  std::unique_ptr<RuntimeLayers> layers;
  std::unique_ptr<RuntimeDiscovery> discovery;
};

constexpr char kTwo[] = R"(
layers:
- {name: fixed, static_layer: {a: 1, b: 1}}
- {name: l1, rtds_layer: {name: one, rtds_config: {ads: {}}}}
- {name: l2, rtds_layer: {name: two, rtds_config: {ads: {}}}}
)";

TEST_F(RuntimeDiscoveryTest, TheStartWaitsForEachLayerOrForItNotToCome) {
  ASSERT_EQ(load(kTwo), "");
  bool ready = false;
  discovery->onInitialized([&] { ready = true; });
  EXPECT_EQ(send("one", "{name: one, layer: {a: 2}}"), "");
  EXPECT_FALSE(ready);
  fake.receivers.at("two")->onAbsent();
  EXPECT_TRUE(ready);
}

TEST_F(RuntimeDiscoveryTest, WithoutSuchLayersNothingWaits) {
  ASSERT_EQ(load("layers: [{name: fixed, static_layer: {a: 1}}]"), "");
  bool ready = false;
  discovery->onInitialized([&] { ready = true; });
  EXPECT_TRUE(ready);
}

TEST_F(RuntimeDiscoveryTest, ItsEndIsNotWhatWasWaitedFor) {
  ASSERT_EQ(load(kTwo), "");
  bool ready = false;
  discovery->onInitialized([&] { ready = true; });
  discovery = nullptr;
  EXPECT_FALSE(ready);
}

TEST_F(RuntimeDiscoveryTest, LayersChangeAndGo) {
  ASSERT_EQ(load(kTwo), "");
  const auto a = *layers->number("a", 0);
  const auto b = *layers->number("b", 0);
  EXPECT_EQ(send("two", "{name: two, layer: {a: 3}}"), "");
  EXPECT_EQ(send("one", "{name: one, layer: {a: 2, b: 2}}"), "");
  EXPECT_EQ(a.get(), 3u); // the later layer, whichever came first
  EXPECT_EQ(b.get(), 2u);
  fake.receivers.at("two")->onAbsent();
  EXPECT_EQ(a.get(), 2u);
  EXPECT_EQ(send("one", "{name: one, layer: {}}"), "");
  EXPECT_EQ(a.get(), 1u);
  EXPECT_EQ(b.get(), 1u);
}

TEST_F(RuntimeDiscoveryTest, AnotherNameIsRefusedAndChangesNothing) {
  ASSERT_EQ(load(kTwo), "");
  const auto a = *layers->number("a", 0);
  EXPECT_EQ(send("one", "{name: two, layer: {a: 2}}"), "name: found \"two\", expected \"one\"");
  EXPECT_EQ(a.get(), 1u);
}

TEST_F(RuntimeDiscoveryTest, ErrorsNameTheField) {
  EXPECT_EQ(load("layers: [{name: l, rtds_layer: {rtds_config: {ads: {}}}}]"),
            "layered_runtime.layers[0].rtds_layer.name: found \"\", expected a name");
  EXPECT_EQ(load("layers: [{name: l, rtds_layer: {name: x, rtds_config: {path: x}}}]"),
            "layered_runtime.layers[0].rtds_layer.rtds_config: found something else, expected ads");
}

} // namespace
} // namespace moe::server
