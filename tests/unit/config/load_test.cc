#include "config/load.h"

#include <cstdio>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/all_types.h"

namespace moe::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Load : public ::testing::Test {
protected:
  std::string load(std::string_view text, std::string_view name = "t.yaml",
                   const LoadOptions& options = {}) {
    auto message = types_.make("All");
    auto status = loadText(name, text, *message, nullptr, options);
    if (!status.ok()) {
      EXPECT_EQ(message->ByteSizeLong(), 0) << "left half filled";
      return std::string(status.message());
    }
    return message->ShortDebugString();
  }

  AllTypes types_;
};

TEST_F(Load, EmptyDocuments) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "null", "{}", "---\n---\n"}) {
    EXPECT_EQ(load(text), "") << text;
  }
  EXPECT_EQ(load("", "t.json"), "");
  EXPECT_EQ(load(" \n{} ", "t.json"), "");
}

TEST_F(Load, RootMustBeAnObject) {
  EXPECT_EQ(load("[]"), "t.yaml:1:1: found a list, expected an object with the fields of test.All");
  EXPECT_THAT(load("hello"), HasSubstr("found \"hello\", expected an object"));
}

TEST_F(Load, UnknownFieldsNameTheirPlaceAndNeighbours) {
  EXPECT_EQ(load("child:\n  children:\n  - sone_int32: 1"),
            "t.yaml:3:5: child.children[0].sone_int32: unknown field \"sone_int32\" in test.All, "
            "did you mean \"some_int32\" or \"some_uint32\"?");
  EXPECT_EQ(load("entirely_else: 1"),
            "t.yaml:1:1: entirely_else: unknown field \"entirely_else\" in test.All");
}

TEST_F(Load, UnknownFieldsCanBeSkipped) {
  std::vector<std::string> skipped;
  LoadOptions options;
  options.allowUnknownFields = true;
  options.skipped = &skipped;
  EXPECT_EQ(load("new_thing: {a: [1]}\nsome_int32: 1", "t.yaml", options), "some_int32: 1");
  EXPECT_THAT(skipped, ElementsAre("t.yaml:1:1: new_thing: unknown field of test.All"));
}

TEST_F(Load, DeprecatedFieldsAreAllowed) { EXPECT_EQ(load("old: 1"), "old: 1"); }

TEST_F(Load, SyntaxErrors) {
  EXPECT_THAT(load("child:\n  a: [1\n"), StartsWith("t.yaml:3:1: syntax error: "));
  EXPECT_THAT(load("child:\n\tsome_int32: 1\n"), StartsWith("t.yaml:2:"));
  EXPECT_THAT(load("a: *nobody"), HasSubstr("anchor is not defined"));
  EXPECT_THAT(load("some_int32: 1\n---\nsome_int32: 2"),
              StartsWith("t.yaml:3:1: syntax error: found a second document"));
  EXPECT_THAT(load("}"), StartsWith("t.yaml:1:1: syntax error: illegal flow end"));
  EXPECT_THAT(load("{some_int32: 1}, x"),
              StartsWith("t.yaml:1:16: syntax error: found text after"));
  EXPECT_THAT(load(", x"), StartsWith("t.yaml:1:1: syntax error: found text after"));
  EXPECT_THAT(load("some_int32: 1\n]"), StartsWith("t.yaml:2:1: syntax error: "));
  EXPECT_THAT(load("{some_int32: 1}}"), StartsWith("t.yaml:1:16: syntax error: "));
  EXPECT_THAT(load("? [a]\n: 1"), HasSubstr("found a list as a key"));
}

TEST_F(Load, AnchorsAndMergeKeys) {
  EXPECT_EQ(load("child: &c {some_int32: 1}\nchildren: [*c, *c]"),
            "child { some_int32: 1 } children { some_int32: 1 } children { some_int32: 1 }");
  EXPECT_EQ(load("child: &c {some_int32: 1, some_bool: true}\n"
                 "middle:\n  <<: *c\n  some_int32: 2"),
            "child { some_int32: 1 some_bool: true } middle { some_int32: 2 some_bool: true }");
  EXPECT_EQ(load("children:\n- &a {some_int32: 1}\n- &b {some_int32: 2, some_bool: true}\n"
                 "- <<: [*a, *b]"),
            "children { some_int32: 1 } children { some_int32: 2 some_bool: true } "
            "children { some_int32: 1 some_bool: true }");
  EXPECT_THAT(load("child:\n  <<: 5"), HasSubstr("found 5 under <<"));
}

TEST_F(Load, DuplicateKeys) {
  EXPECT_EQ(load("some_int32: 1\nsome_int32: 1"),
            "t.yaml:2:1: some_int32: found a second time in the same object, expected once");
}

TEST_F(Load, DepthIsLimited) {
  std::string deep, flow;
  for (int i = 0; i < 400; ++i) {
    deep += std::string(i, ' ') + "child:\n";
    flow += "{\"child\":";
  }
  EXPECT_THAT(load(deep), HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(load(flow), StartsWith("t.yaml:1:"));
  EXPECT_THAT(load(flow, "t.json"), HasSubstr("nested deeper than 100 levels"));
  EXPECT_THAT(load("child: &a\n  child: *a"), HasSubstr("nested deeper than"));
  EXPECT_EQ(load("child: {child: {some_int32: 1}}"), "child { child { some_int32: 1 } }");
}

TEST_F(Load, SizeIsLimited) {
  LoadOptions options;
  options.maxBytes = 20;
  EXPECT_EQ(load("some_int32: 1", "t.yaml", options), "some_int32: 1");
  EXPECT_EQ(load("some_int32: 1           # long", "t.yaml", options),
            "t.yaml: found more than 20 bytes, expected fewer");
}

TEST_F(Load, AliasBombsAreRefused) {
  std::string bomb = "things:\n- &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    std::string last = "*a" + std::to_string(i - 1);
    bomb += "- &a" + std::to_string(i) + " [" + last;
    for (int k = 1; k < 10; ++k)
      bomb += "," + last;
    bomb += "]\n";
  }
  EXPECT_THAT(load(bomb), HasSubstr("aliases expand to too many values"));
}

TEST_F(Load, JsonWithTabsAndEscapes) {
  EXPECT_EQ(load("{\n\t\"some_string\":\t\"a\\u00e9\\u20ac\\ud83d\\ude00\\n\\/\"\n}", "t.json"),
            "some_string: \"a\\303\\251\\342\\202\\254\\360\\237\\230\\200\\n/\"");
  EXPECT_EQ(load("{\n\t\"some_string\":\t\"\\ud83d\\ude00\"\n}", "-"),
            "some_string: \"\\360\\237\\230\\200\"")
      << "JSON by content";
  EXPECT_EQ(load("\xEF\xBB\xBF{\"some_int32\":1}", "t.json"), "some_int32: 1");
  EXPECT_EQ(load("{some_int32: 1,}", "t.yaml"), "some_int32: 1") << "flow YAML is not JSON";
}

TEST_F(Load, JsonErrors) {
  EXPECT_EQ(load("{\"child\": {\n  \"some_int32\": 1", "t.json"),
            "t.json:2:18: syntax error: found the end of the text, expected \",\" or \"}\"");
  EXPECT_THAT(load("{\"some_string\": \"\\ud83d\"}", "t.json"), HasSubstr("surrogate"));
  EXPECT_THAT(load("{\"some_string\": \"\\x\"}", "t.json"), HasSubstr("expected a JSON escape"));
  EXPECT_THAT(load("{\"some_string\": \"a\nb\"}", "t.json"), HasSubstr("control character"));
  EXPECT_THAT(load("{\"some_int32\": 01}", "t.json"), HasSubstr("found \"01\""));
  EXPECT_THAT(load("{\"some_int32\": 1,}", "t.json"), HasSubstr("expected a key in double quotes"));
  EXPECT_THAT(load("{} {}", "t.json"), HasSubstr("after the end of the document"));
  EXPECT_THAT(load("{some_int32: 1}", "t.json"), HasSubstr("expected a key in double quotes"));
  EXPECT_EQ(load("{\"a\\\"\": 1}", "t.json"),
            "t.json:1:2: a\": unknown field \"a\\\"\" in test.All");
}

TEST_F(Load, Files) {
  auto message = types_.make("All");
  EXPECT_THAT(loadFile("/no/such/file.yaml", *message).message(),
              StartsWith("/no/such/file.yaml: cannot be opened: No such file"));
  EXPECT_THAT(loadFile("/tmp", *message).message(), StartsWith("/tmp: cannot be"));

  std::string path = ::testing::TempDir() + "/moe_load_test.yaml";
  std::ofstream(path) << "some_int32: x";
  LocationMap places;
  EXPECT_THAT(loadFile(path, *message, &places).message(),
              StartsWith(path + ":1:13: some_int32: found \"x\""));
  std::remove(path.c_str());
}

TEST_F(Load, MergeFollowsMergeFrom) {
  auto message = types_.make("All");
  LocationMap places;
  ASSERT_TRUE(loadText("file",
                       "some_int32: 1\nmany: [1]\nchild: {some_int32: 3}\n"
                       "children: [{}]",
                       *message, &places)
                  .ok());
  ASSERT_TRUE(mergeText("--config-yaml",
                        "some_int32: 2\nmany: [2]\nchild: {some_bool: true}\n"
                        "children: [{some_string: x}]",
                        *message, &places)
                  .ok());
  EXPECT_EQ(message->ShortDebugString(),
            "some_int32: 2 many: 1 many: 2 child { some_int32: 3 some_bool: true } "
            "children { } children { some_string: \"x\" }");
  EXPECT_EQ(places.find("some_int32")->str(), "--config-yaml:1:13");
  EXPECT_EQ(places.find("many[0]")->str(), "file:2:8");
  EXPECT_EQ(places.find("many[1]")->str(), "--config-yaml:2:8");
  EXPECT_EQ(places.find("children[1].some_string")->str(), "--config-yaml:4:26");
  EXPECT_EQ(places.find("child.some_int32")->str(), "file:3:21");

  EXPECT_FALSE(mergeText("--config-yaml", "some_int32: x", *message, &places).ok());
  EXPECT_THAT(message->ShortDebugString(), StartsWith("some_int32: 2 many: 1"));
}

} // namespace
} // namespace moe::config
