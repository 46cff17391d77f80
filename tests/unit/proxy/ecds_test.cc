#include "proxy/ecds.h"

#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "config/fake_source.h"

namespace moe::proxy {
namespace {

using envoy::config::core::v3::ConfigSource;
using google::protobuf::Any;
using google::protobuf::StringValue;
using Proto = envoy::config::core::v3::TypedExtensionConfig;

struct Filter final : http::FilterFactory {
  explicit Filter(std::string t) : text(std::move(t)) {}
  std::unique_ptr<http::StreamFilter> createFilter(event::Worker& /*worker*/) const override {
    return nullptr;
  }
  const std::string text;
};

class EcdsTest : public testing::Test {
protected:
  EcdsTest() { source.mutable_ads(); }
  // Its filters are "<prefix><what came>"; it refuses what begins with `refused`.
  absl::StatusOr<std::shared_ptr<NamedFilter>> use(const std::string& name,
                                                   const std::string& prefix,
                                                   const std::string& refused = "wrong",
                                                   const http::FilterFactoryPtr& byDefault = {}) {
    return filters.use(
        source, name,
        [prefix, refused](const Any& any,
                          const config::FieldPath& path) -> absl::StatusOr<http::FilterFactoryPtr> {
          StringValue value;
          if (!any.UnpackTo(&value) || value.value().starts_with(refused)) {
            return config::fieldError(path, config::inQuotes(value.value()), "something else");
          }
          return std::make_shared<const Filter>(prefix + value.value());
        },
        byDefault, config::FieldPath("config_discovery"));
  }
  std::string send(const std::string& to, const std::string& text, const std::string& name = "") {
    Proto proto;
    proto.set_name(name.empty() ? to : name);
    StringValue value;
    value.set_value(text);
    proto.mutable_typed_config()->PackFrom(value);
    return std::string(base::message(fake.receivers.at(to)->onResource(proto)));
  }
  // What a new stream gets.
  std::string now(const NamedFilter& filter) {
    worker.runOnce();
    const auto& factory = filter.slot()->get(0);
    return factory == nullptr ? "none" : static_cast<const Filter&>(*factory).text;
  }
  uint64_t count(const std::string& name) {
    const auto* found =
        stats.findCounter(base::cat("extension_config_discovery.http_filter.f.", name));
    return found == nullptr ? 0 : found->value();
  }

  config::test::FakeSource<envoy::config::core::v3::TypedExtensionConfig> fake;
  event::Loop main;
  event::Loop worker;
  event::WorkerLoops workers;
  stats::Store stats;
  NamedFilters filters{{.source = &fake,
                        .mainLoop = main,
                        .workers = workers,
                        .concurrency = 1,
                        .stats = stats,
                        .logger = std::make_shared<base::Logger>("test")}};
  ConfigSource source;
};

TEST_F(EcdsTest, TheFirstConfigurationEndsTheWaitAndTheNextReplacesIt) {
  workers.add(worker);
  const auto filter = *use("f", "");
  config::Warming warming;
  filter->warm(warming);
  EXPECT_FALSE(warming.done());
  EXPECT_EQ(now(*filter), "none");
  EXPECT_EQ(send("f", "a"), "");
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(now(*filter), "a");
  const http::FilterFactoryPtr begun = filter->slot()->get(0);
  EXPECT_EQ(send("f", "b"), "");
  EXPECT_EQ(now(*filter), "b");
  EXPECT_EQ(static_cast<const Filter&>(*begun).text, "a"); // who has it keeps it
  EXPECT_EQ(count("config_reload"), 2u);
  EXPECT_EQ(count("config_fail"), 0u);
}

TEST_F(EcdsTest, OneNameIsAskedForOnceAndCompiledForEachUse) {
  {
    const auto one = *use("f", "1");
    const auto two = *use("f", "2");
    EXPECT_EQ(fake.watches, 1);
    EXPECT_EQ(send("f", "a"), "");
    EXPECT_EQ(now(*one), "1a");
    EXPECT_EQ(now(*two), "2a");
    const auto late = *use("f", "3");
    EXPECT_EQ(now(*late), "3a");
    config::Warming warming;
    late->warm(warming);
    EXPECT_TRUE(warming.done());
  }
  EXPECT_TRUE(fake.receivers.empty());
  ASSERT_TRUE(use("f", "").ok());
  EXPECT_EQ(fake.watches, 2);
}

TEST_F(EcdsTest, WhatOneUseRefusesNoneTakes) {
  const auto one = *use("f", "1");
  const auto two = *use("f", "2", "bad");
  EXPECT_EQ(send("f", "a"), "");
  EXPECT_EQ(send("f", "bad"), "typed_config: found \"bad\", expected something else");
  EXPECT_EQ(send("f", "x", "g"), "name: found \"g\", expected \"f\"");
  EXPECT_EQ(now(*one), "1a");
  EXPECT_EQ(now(*two), "2a");
  EXPECT_EQ(count("config_fail"), 2u);
}

TEST_F(EcdsTest, ANewUseThatCannotTakeItHasItsDefault) {
  const auto one = *use("f", "1");
  EXPECT_EQ(send("f", "a"), "");
  const auto two = *use("f", "2", "a", std::make_shared<const Filter>("default"));
  EXPECT_EQ(now(*two), "default");
  EXPECT_EQ(count("config_conflict"), 1u);
  EXPECT_EQ(send("f", "b"), "");
  EXPECT_EQ(now(*two), "2b");
}

TEST_F(EcdsTest, WithoutAConfigurationTheDefaultIsUsed) {
  const auto filter = *use("f", "", "wrong", std::make_shared<const Filter>("default"));
  config::Warming warming;
  filter->warm(warming);
  EXPECT_EQ(now(*filter), "default");
  fake.receivers.at("f")->onAbsent();
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(count("config_fail"), 1u);
  EXPECT_EQ(send("f", "a"), "");
  EXPECT_EQ(now(*filter), "a");
  fake.receivers.at("f")->onAbsent(); // taken away
  EXPECT_EQ(now(*filter), "default");
  EXPECT_EQ(count("config_fail"), 1u);
}

TEST_F(EcdsTest, AFirstOneThatIsWrongHoldsUpNobody) {
  const auto filter = *use("f", "");
  config::Warming warming;
  filter->warm(warming);
  EXPECT_NE(send("f", "wrong"), "");
  EXPECT_TRUE(warming.done());
  EXPECT_EQ(now(*filter), "none");
}

TEST_F(EcdsTest, ErrorsOfTheSourceNameTheField) {
  source.set_path("x");
  EXPECT_EQ(base::message(use("f", "").status()),
            "config_discovery.config_source: found something else, expected ads");
}

} // namespace
} // namespace moe::proxy
