#include "server/runtime_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace moe::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class RuntimeLayersTest : public testing::Test {
protected:
  std::string load(const std::string& yaml) {
    envoy::config::bootstrap::v3::LayeredRuntime proto;
    EXPECT_TRUE(config::loadText("r.yaml", yaml, proto).ok());
    auto made = RuntimeLayers::create(proto, stats.root().child("runtime"), logger);
    if (made.ok()) {
      layers = std::move(*made);
    }
    return std::string(base::message(made.status()));
  }
  uint64_t number(const std::string& key, uint64_t absent) {
    return layers->number(key, absent)->get();
  }
  static RuntimeEntries entries(const std::string& yaml) {
    google::protobuf::Struct layer;
    EXPECT_TRUE(config::loadText("l.yaml", yaml, layer).ok());
    return runtimeEntries(layer, config::FieldPath("layer"));
  }
  // How many of 1,000,000 random values it covers, of which every 997th is tried.
  static int share(const config::RuntimeRatio& ratio) {
    int out = 0;
    for (uint64_t random = 0; random < 1'000'000; random += 997) {
      out += ratio.covers(random) ? 997 : 0;
    }
    return out;
  }

  stats::Store stats;
  base::LoggerPtr logger = std::make_shared<base::Logger>("test");
  std::unique_ptr<RuntimeLayers> layers;
};

constexpr char kFour[] = R"(
layers:
- {name: one, static_layer: {a.b: 1, c: "22", big: 1000000}}
- {name: two, static_layer: {a: {b: 3, d: true}}}
- {name: three, rtds_layer: {name: three, rtds_config: {ads: {}}}}
- {name: admin, admin_layer: {}}
)";

TEST_F(RuntimeLayersTest, TheLastLayerWinsAndObjectsAreKeysWithDots) {
  ASSERT_EQ(load(kFour), "");
  const auto ab = layers->number("a.b", 7);
  const auto c = layers->number("c", 7);
  const auto big = layers->number("big", 7);
  EXPECT_EQ(ab->get(), 3u);
  EXPECT_EQ(c->get(), 22u);
  EXPECT_EQ(big->get(), 1'000'000u);
  EXPECT_EQ(number("absent", 7), 7u);
  EXPECT_THAT(layers->unused(), ElementsAre("layered_runtime.layers[1].static_layer.a.d"));
}

TEST_F(RuntimeLayersTest, StaticValuesThatAreNoNumbersAreErrors) {
  ASSERT_EQ(load("layers: [{name: one, static_layer: {a: many, b: -1, c: 1.5}}]"), "");
  for (const char* key : {"a", "b", "c"}) {
    const auto number = layers->number(key, 0);
    ASSERT_FALSE(number.ok());
    EXPECT_THAT(std::string(base::message(number.status())),
                HasSubstr(std::string("layered_runtime.layers[0].static_layer.") + key));
    EXPECT_FALSE(layers->ratio(key, {}).ok());
  }
}

TEST_F(RuntimeLayersTest, WhoHasAValueSeesItChangeAndItsDefaultComeBack) {
  ASSERT_EQ(load(kFour), "");
  const auto ab = *layers->number("a.b", 7);
  const auto x = *layers->number("x", 7);
  const auto other = *layers->number("x", 8);
  layers->set(2, entries("{a: {b: 5}, x: 6}"));
  EXPECT_EQ(ab.get(), 5u);
  EXPECT_EQ(x.get(), 6u);
  EXPECT_EQ(other.get(), 6u);
  EXPECT_EQ(number("x", 9), 6u);
  layers->set(2, {});
  EXPECT_EQ(ab.get(), 3u);
  EXPECT_EQ(x.get(), 7u);
  EXPECT_EQ(other.get(), 8u);
}

TEST_F(RuntimeLayersTest, WhatDoesNotFitInALayerThatChangesIsTheDefault) {
  ASSERT_EQ(load(kFour), "");
  const auto ab = *layers->number("a.b", 7);
  layers->set(2, entries("{a: {b: many}, y: -1}"));
  EXPECT_EQ(ab.get(), 7u);
  EXPECT_EQ(number("y", 2), 2u);
}

TEST_F(RuntimeLayersTest, TheAdminLayerIsChangedByKey) {
  ASSERT_EQ(load(kFour), "");
  const auto ab = *layers->number("a.b", 7);
  const auto x = *layers->number("x", 7);
  layers->set(2, entries("{x: 6}"));
  EXPECT_TRUE(layers->modify({{"a.b", "9"}, {"x", "10"}}));
  EXPECT_EQ(ab.get(), 9u);
  EXPECT_EQ(x.get(), 10u);
  EXPECT_EQ(stats.findGauge("runtime.admin_overrides_active")->value(), 1);
  EXPECT_TRUE(layers->modify({{"x", ""}}));
  EXPECT_EQ(ab.get(), 9u);
  EXPECT_EQ(x.get(), 6u);
  EXPECT_TRUE(layers->modify({{"a.b", ""}}));
  EXPECT_EQ(ab.get(), 3u);
  EXPECT_EQ(stats.findGauge("runtime.admin_overrides_active")->value(), 0);
  ASSERT_EQ(load("layers: [{name: one, static_layer: {}}]"), "");
  EXPECT_FALSE(layers->modify({{"x", "1"}}));
}

TEST_F(RuntimeLayersTest, ValuesOutliveTheLayers) {
  ASSERT_EQ(load(kFour), "");
  const auto ab = *layers->number("a.b", 7);
  layers = nullptr;
  EXPECT_EQ(ab.get(), 3u);
}

TEST_F(RuntimeLayersTest, RatiosAreObjectsTextsOrPercents) {
  ASSERT_EQ(load(R"(
layers:
- {name: one, static_layer: {a: {numerator: 1, denominator: TEN_THOUSAND}, b: 25, c: 250, deep: {d: {numerator: 2}}}}
- {name: admin, admin_layer: {}}
)"),
            "");
  const config::Ratio half{50, 100};
  const auto rare = *layers->ratio("a", half);
  EXPECT_TRUE(rare.covers(0) && rare.covers(10'000));
  EXPECT_FALSE(rare.covers(1) || rare.covers(9'999));
  EXPECT_NEAR(share(*layers->ratio("b", half)), 250'000, 5000);
  EXPECT_GE(share(*layers->ratio("c", half)), 1'000'000);
  EXPECT_NEAR(share(*layers->ratio("deep.d", half)), 20'000, 2000);
  const auto absent = *layers->ratio("e", half);
  EXPECT_NEAR(share(absent), 500'000, 5000);
  EXPECT_TRUE(layers->modify({{"e", "{numerator: 750000, denominator: MILLION}"}}));
  EXPECT_NEAR(share(absent), 750'000, 5000);
  EXPECT_TRUE(layers->modify({{"e", "{numerator: x}"}}));
  EXPECT_NEAR(share(absent), 500'000, 5000);
}

TEST_F(RuntimeLayersTest, LoadsKeysAndLayersAreCounted) {
  ASSERT_EQ(load(kFour), "");
  EXPECT_EQ(stats.findGauge("runtime.num_keys")->value(), 4);
  EXPECT_EQ(stats.findGauge("runtime.num_layers")->value(), 4);
  layers->set(2, entries("{x: 6, big: 2}"));
  EXPECT_EQ(stats.findGauge("runtime.num_keys")->value(), 5);
  EXPECT_EQ(stats.findCounter("runtime.load_success")->value(), 2u);
}

TEST_F(RuntimeLayersTest, NamesAreDifferentAndThereIsOneAdminLayer) {
  EXPECT_EQ(load("layers: [{name: a, static_layer: {}}, {name: a, static_layer: {}}]"),
            "layered_runtime.layers[1].name: found \"a\" again, expected a name of its own");
  EXPECT_EQ(load("layers: [{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]"),
            "layered_runtime.layers[1].admin_layer: found a second one, expected at most one "
            "admin_layer");
}

} // namespace
} // namespace moe::server
