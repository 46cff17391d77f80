#include "proxy/rds.h"

#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "config/fake_source.h"

namespace moe::proxy {
namespace {

using envoy::config::core::v3::ConfigSource;
using envoy::config::route::v3::RouteConfiguration;

class RdsTest : public testing::Test {
protected:
  RdsTest() { source.mutable_ads(); }
  absl::StatusOr<std::shared_ptr<NamedRoutes>> get(const std::string& name) {
    return tables.get(
        source, name,
        [](const RouteConfiguration& proto) {
          return route::compileRouteTable(proto, {.validateClustersByDefault = false}, "");
        },
        config::FieldPath("rds"), stats.root());
  }
  absl::Status send(const std::string& name, const std::string& calledAs, bool wrong = false) {
    RouteConfiguration proto;
    proto.set_name(calledAs);
    auto& host = *proto.add_virtual_hosts();
    host.set_name("all");
    host.add_domains("*");
    if (wrong) {
      host.add_domains("*");
    }
    return fake.receivers.at(name)->onResource(proto);
  }

  config::test::FakeSource<RouteConfiguration> fake;
  event::Loop main;
  event::Loop worker;
  event::WorkerLoops workers;
  stats::Store stats;
  RouteTables tables{
      {.source = &fake, .mainLoop = main, .workers = workers, .concurrency = 1, .stats = stats}};
  ConfigSource source;
};

TEST_F(RdsTest, TheFirstTableEndsTheWaitAndTheNextReplacesIt) {
  workers.add(worker);
  auto routes = get("r");
  ASSERT_TRUE(routes.ok()) << routes.status();
  config::Warming warming;
  (*routes)->warm(warming);
  EXPECT_FALSE(warming.done());
  EXPECT_EQ((*routes)->slot()->get(0), nullptr);
  ASSERT_TRUE(send("r", "r").ok());
  EXPECT_TRUE(warming.done());
  worker.runOnce();
  const route::RouteTablePtr first = (*routes)->slot()->get(0);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(send("r", "r").ok());
  worker.runOnce();
  EXPECT_NE((*routes)->slot()->get(0), first);
  EXPECT_EQ(first->name(), "r"); // who has it keeps it
}

TEST_F(RdsTest, WhatIsRefusedChangesNothing) {
  auto routes = get("r");
  ASSERT_TRUE(routes.ok());
  ASSERT_TRUE(send("r", "r").ok());
  const route::RouteTable* before = (*routes)->slot()->latest().get();
  EXPECT_EQ(base::message(send("r", "other")), "name: found \"other\", expected \"r\"");
  EXPECT_FALSE(send("r", "r", /*wrong=*/true).ok());
  EXPECT_EQ((*routes)->slot()->latest().get(), before);
}

TEST_F(RdsTest, ATableThatDoesNotComeHoldsUpNobody) {
  auto routes = get("r");
  ASSERT_TRUE(routes.ok());
  config::Warming warming;
  (*routes)->warm(warming);
  fake.receivers.at("r")->onAbsent();
  EXPECT_TRUE(warming.done());
  EXPECT_EQ((*routes)->slot()->get(0), nullptr);
}

TEST_F(RdsTest, ThoseWhoNameOneTableShareItAndTheLastEndsTheWatch) {
  {
    auto one = get("r");
    auto same = get("r");
    auto other = get("s");
    EXPECT_EQ(*one, *same);
    EXPECT_NE(*one, *other);
    EXPECT_EQ(fake.watches, 2);
  }
  EXPECT_TRUE(fake.receivers.empty());
  ASSERT_TRUE(get("r").ok());
  EXPECT_EQ(fake.watches, 3);
}

TEST_F(RdsTest, ErrorsOfTheSourceNameTheField) {
  source.set_path("x");
  EXPECT_EQ(base::message(get("r").status()),
            "rds.config_source: found something else, expected ads");
}

} // namespace
} // namespace moe::proxy
