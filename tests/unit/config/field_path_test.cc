#include "config/field_path.h"

#include <gtest/gtest.h>

#include "config/location_map.h"

namespace moe::config {
namespace {

TEST(FieldPath, ReadsAsPeopleWriteIt) {
  FieldPath root("static_resources");
  FieldPath third = root.field("clusters").index(3);
  EXPECT_EQ(third.field("name").str(), "static_resources.clusters[3].name");
  EXPECT_EQ(FieldPath().field("metadata").key("envoy.lb").field("a").str(),
            "metadata[\"envoy.lb\"].a");
  EXPECT_EQ(root.str(), "static_resources");
}

TEST(FieldPath, ErrorsSayFoundAndExpected) {
  auto status = fieldError(FieldPath("a").field("b"), "5", "a string");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "a.b: found 5, expected a string");
  EXPECT_EQ(pathOf(status), "a.b");
  EXPECT_EQ(fieldError(FieldPath("a"), "", "one").message(), "a: expected one");
  EXPECT_EQ(fieldError(FieldPath(), "5", "six").message(), "found 5, expected six");
  EXPECT_EQ(pathOf(absl::InternalError("x")), "");
}

TEST(FieldPath, UnderFieldJoinsPaths) {
  FieldPath parent("a");
  EXPECT_EQ(underField(parent, fieldError(FieldPath("b"), "1", "2")).message(),
            "a.b: found 1, expected 2");
  auto indexed = underField(parent, fieldError(FieldPath().index(2), "1", "2"));
  EXPECT_EQ(indexed.message(), "a[2]: found 1, expected 2");
  EXPECT_EQ(pathOf(indexed), "a[2]");
  auto plain = underField(parent, absl::NotFoundError("no file"));
  EXPECT_EQ(plain.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(plain.message(), "a: no file");
  EXPECT_EQ(pathOf(plain), "a");
  EXPECT_TRUE(underField(parent, absl::OkStatus()).ok());
}

TEST(FieldPath, QuotedTextsAreSafeAndShort) {
  EXPECT_EQ(inQuotes("a\"\n\x01"), "\"a\\\"\\n\\001\"");
  EXPECT_EQ(inQuotes("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(inQuotes(std::string(100, 'x')), "\"" + std::string(80, 'x') + "...\"");
  std::string wide = std::string(79, 'x') + "\xC3\xA9";
  EXPECT_EQ(inQuotes(wide), "\"" + std::string(79, 'x') + "...\"");
}

class Places : public ::testing::Test {
protected:
  Places() {
    places_.add("a", {file_, 1, 2});
    places_.add("a.b[3]", {file_, 4, 5});
    places_.add("a.m[\"x.y[0]\"]", {file_, 6, 7});
  }
  std::shared_ptr<const std::string> file_ = std::make_shared<const std::string>("f.yaml");
  LocationMap places_;
};

TEST_F(Places, NearestAncestorAnswers) {
  EXPECT_EQ(places_.find("a.b[3]")->str(), "f.yaml:4:5");
  EXPECT_EQ(places_.find("a.b[3].c.d")->str(), "f.yaml:4:5");
  EXPECT_EQ(places_.find("a.b[3][1]")->str(), "f.yaml:4:5");
  EXPECT_EQ(places_.find("a.b[4]")->str(), "f.yaml:1:2");
  EXPECT_EQ(places_.find("a.m[\"x.y[0]\"].z")->str(), "f.yaml:6:7");
  EXPECT_EQ(places_.find("a.m[\"q.r\"]")->str(), "f.yaml:1:2");
  EXPECT_FALSE(places_.find("b").has_value());
  EXPECT_FALSE(places_.find("").has_value());
}

TEST_F(Places, AnnotateAddsThePlaceOnce) {
  auto status = places_.annotate(fieldError(FieldPath("a.b[3].name"), "\"\"", "a name"));
  EXPECT_EQ(status.message(), "f.yaml:4:5: a.b[3].name: found \"\", expected a name");
  EXPECT_EQ(places_.annotate(status), status);
  EXPECT_EQ(pathOf(status), "a.b[3].name");
  auto other = absl::InternalError("broken");
  EXPECT_EQ(places_.annotate(other), other);
  EXPECT_TRUE(places_.annotate(absl::OkStatus()).ok());
}

} // namespace
} // namespace moe::config
