#include "xds/files.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "xds/xds_fixture.h"

namespace moe::xds {
namespace {

using namespace test;
using envoy::config::core::v3::PathConfigSource;

class FileSourceTest : public net::test::LoopTest {
protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "moe-xds-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override {
    source.reset();
    std::filesystem::remove_all(folder);
  }
  std::string path(const std::string& name) { return folder + "/" + name; }
  // As careful writers do: beside it, then renamed.
  void put(const std::string& name, const std::string& text) {
    std::ofstream(path("." + name), std::ios::binary) << text;
    std::filesystem::rename(path("." + name), path(name));
  }
  static std::string yaml(const std::string& version, const Names& names,
                          const std::string& content = "good") {
    std::string out = "version_info: \"" + version + "\"\nresources:\n";
    for (const std::string& name : names) {
      out += base::cat("- \"@type\": ", kRouteType, "\n  name: ", name,
                       "\n  internal_only_headers: [", content, "]\n");
    }
    return out;
  }
  absl::Status open(const PathConfigSource& from) {
    auto made = FileSource::create({.loop = worker.loop,
                                    .typeUrl = std::string(kRouteType),
                                    .consumer = consumer,
                                    .stats = &stats,
                                    .logger = noLog()},
                                   from, config::FieldPath("path_config_source"));
    if (made.ok()) {
      source = std::move(*made);
    }
    return made.status();
  }
  void openFile(const std::string& name) {
    PathConfigSource from;
    from.set_path(path(name));
    const absl::Status status = open(from);
    ASSERT_TRUE(status.ok()) << status;
  }
  uint64_t count(const char* name) { return store.findCounter(base::cat("f.", name))->value(); }

  std::string folder;
  stats::Store store;
  SubscriptionStats stats{store.root().child("f")};
  TestConsumer consumer;
  Told told;
  std::unique_ptr<FileSource> source;
};

TEST_F(FileSourceTest, ReadsWhenItIsWatchedAndWhenAFileArrives) {
  put("routes.yaml", yaml("1", {"a", "b"}));
  openFile("routes.yaml");
  settle();
  EXPECT_THAT(consumer.take(), IsEmpty()); // nobody wants anything
  auto a = source->subscription().watch("a", told.options());
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:1"));
  EXPECT_THAT(consumer.take(), ElementsAre("+a"));
  auto b = source->subscription().watch("b", told.options()); // was passed over
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:1"));
  consumer.take();
  put("other.yaml", yaml("9", {"a"}, "other"));
  put("routes.yaml", yaml("2", {"a"}, "new"));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:2"));
  EXPECT_THAT(consumer.take(), ElementsAre("+a"));
  EXPECT_EQ(stats.versionText(), "2");
}

TEST_F(FileSourceTest, ABadFileLeavesTheLastGoodOne) {
  put("routes.yaml", yaml("1", {"a"}));
  openFile("routes.yaml");
  Told all;
  auto watch = source->subscription().watchAll(all.options());
  auto a = source->subscription().watch("a", told.options());
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  told.take();
  all.take();
  put("routes.yaml", "resources:\n- \"@type\": nonsense\n");
  ASSERT_TRUE(until([&] { return !all.log.empty(); }));
  EXPECT_THAT(all.take(), ElementsAre(HasSubstr(path("routes.yaml") + ":2:")));
  EXPECT_THAT(told.take(), ElementsAre(HasSubstr("keeps 1")));
  EXPECT_THAT(consumer.take(), ElementsAre("+a"));
  EXPECT_EQ(count("update_rejected"), 1u);
  EXPECT_TRUE(source->subscription().resources().find("a")->accepted);
  // A resource that its consumer refuses: with file, line and column.
  put("routes.yaml", yaml("3", {"x", "a"}, "bad"));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(),
              ElementsAre(testing::AllOf(HasSubstr("refused:" + path("routes.yaml") + ":6:"),
                                         HasSubstr("field: found bad, expected good keeps 1"))));
  EXPECT_EQ(count("update_rejected"), 2u);
  std::filesystem::remove(path("routes.yaml"));
  put("routes.yaml", yaml("4", {"a"}, "well"));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:4"));
}

TEST_F(FileSourceTest, OtherFormats) {
  DiscoveryResponse binary = response("b", {route("a")});
  put("routes.pb", binary.SerializeAsString());
  put("routes.json", base::cat("{\"versionInfo\":\"j\",\"resources\":[{\"@type\":\"", kRouteType,
                               "\",\"name\":\"a\"}]}"));
  put("routes.pb_text",
      base::cat("version_info: \"t\" resources { [", kRouteType, "] { name: \"a\" } }"));
  for (const auto& [name, version] :
       {std::pair("routes.pb", "b"), {"routes.json", "j"}, {"routes.pb_text", "t"}}) {
    openFile(name);
    auto a = source->subscription().watch("a", told.options());
    ASSERT_TRUE(until([&] { return !told.log.empty(); })) << name;
    EXPECT_THAT(told.take(), ElementsAre(base::cat("present:", version)));
    a.reset();
    source.reset();
  }
  put("routes.pb", "\xff\xff");
  openFile("routes.pb");
  auto all = source->subscription().watchAll(told.options());
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre(HasSubstr("expected a DiscoveryResponse")));
}

TEST_F(FileSourceTest, AWatchedDirectoryAsKubernetesSwapsIt) {
  const auto version = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directory(path(name));
    std::ofstream(path(name) + "/routes.yaml") << text;
    std::filesystem::create_directory_symlink(name, path("..tmp"));
    std::filesystem::rename(path("..tmp"), path("..data"));
  };
  version("v1", yaml("1", {"a"}));
  std::filesystem::create_symlink("..data/routes.yaml", path("routes.yaml"));
  PathConfigSource from;
  from.set_path(path("routes.yaml"));
  from.mutable_watched_directory()->set_path(folder);
  ASSERT_TRUE(open(from).ok());
  auto a = source->subscription().watch("a", told.options());
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  told.take();
  version("v2", yaml("2", {"a"}, "new"));
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  EXPECT_THAT(told.take(), ElementsAre("present:2"));
}

TEST_F(FileSourceTest, WhatIsNotThereIsRefusedByItsField) {
  PathConfigSource from;
  from.set_path(path("none.yaml"));
  EXPECT_THAT(std::string(base::message(open(from))),
              testing::StartsWith("path_config_source.path: found"));
  put("routes.yaml", "");
  from.set_path(path("routes.yaml"));
  from.mutable_watched_directory()->set_path(path("none"));
  EXPECT_THAT(std::string(base::message(open(from))),
              testing::StartsWith("path_config_source.watched_directory.path: "));
}

TEST_F(FileSourceTest, AnEmptyFileTakesNothingAway) {
  put("r.yaml", yaml("1", {"a"}));
  openFile("r.yaml");
  Told told;
  auto watch = source->subscription().watch("a", told.options());
  ASSERT_TRUE(until([&] { return !told.log.empty(); }));
  put("r.yaml", "");
  ASSERT_TRUE(until([&] { return count("update_rejected") == 1; }));
  EXPECT_THAT(told.log.back(), testing::HasSubstr("found an empty file"));
  EXPECT_TRUE(source->subscription().resources().find("a")->accepted);
}

} // namespace
} // namespace moe::xds
