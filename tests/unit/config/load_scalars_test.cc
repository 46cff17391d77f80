#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/all_types.h"
#include "config/load.h"

namespace moe::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoadScalars : public ::testing::Test {
protected:
  /// Loads into test.All; the error text or the message in text format.
  std::string load(std::string_view yaml, std::string_view name = "t.yaml") {
    auto message = types_.make("All");
    auto status = loadText(name, yaml, *message);
    if (!status.ok())
      return std::string(status.message());
    return message->ShortDebugString();
  }

  AllTypes types_;
};

TEST_F(LoadScalars, NamesInSnakeAndCamelCase) {
  EXPECT_EQ(load("some_int32: 1"), "some_int32: 1");
  EXPECT_EQ(load("someInt32: 1"), "some_int32: 1");
  EXPECT_EQ(load("odd: 1"), "renamed: 1") << "json_name";
  EXPECT_THAT(load("some_int32: 1\nsomeInt32: 2"),
              StartsWith("t.yaml:2:1: some_int32: found a second time"));
}

TEST_F(LoadScalars, IntegersKeepTheirRange) {
  EXPECT_EQ(load("some_int32: -2147483648"), "some_int32: -2147483648");
  EXPECT_EQ(load("some_int32: 2147483648"),
            "t.yaml:1:13: some_int32: found 2147483648, expected an integer from -2147483648 to "
            "2147483647");
  EXPECT_EQ(load("some_uint32: 4294967295"), "some_uint32: 4294967295");
  EXPECT_THAT(load("some_uint32: 4294967296"), HasSubstr("from 0 to 4294967295"));
  EXPECT_THAT(load("some_uint32: -1"), HasSubstr("found -1, expected an integer from 0"));
  EXPECT_EQ(load("some_int64: -9223372036854775808"), "some_int64: -9223372036854775808");
  EXPECT_EQ(load("some_int64: '9223372036854775807'"), "some_int64: 9223372036854775807");
  EXPECT_EQ(load("some_uint64: 18446744073709551615"), "some_uint64: 18446744073709551615");
  EXPECT_THAT(load("some_uint64: 18446744073709551616"), HasSubstr("expected an integer"));
  EXPECT_EQ(load("some_int32: '12'"), "some_int32: 12");
  EXPECT_EQ(load("some_int32: 1e3"), "some_int32: 1000");
  EXPECT_EQ(load("some_int32: 5.0"), "some_int32: 5");
  EXPECT_THAT(load("some_int32: 5.5"), HasSubstr("found 5.5, expected an integer"));
  EXPECT_THAT(load("some_int32: twelve"), HasSubstr("found \"twelve\""));
  EXPECT_THAT(load("some_int32: []"), HasSubstr("found a list"));
  EXPECT_THAT(load("some_int32: true"), HasSubstr("found true"));
}

TEST_F(LoadScalars, YamlIntegersInOtherBases) {
  EXPECT_EQ(load("some_uint32: 0x1F"), "some_uint32: 31");
  EXPECT_EQ(load("some_uint32: 0o755"), "some_uint32: 493");
  EXPECT_EQ(load("some_uint32: 0755"), "some_uint32: 493");
  EXPECT_EQ(load("some_uint32: '0755'"), "some_uint32: 755") << "JSON strings are decimal";
  EXPECT_THAT(load("some_uint32: '0x1F'"), HasSubstr("found \"0x1F\""));
}

TEST_F(LoadScalars, Floats) {
  EXPECT_EQ(load("some_double: 1.5"), "some_double: 1.5");
  EXPECT_EQ(load("some_double: -2"), "some_double: -2");
  EXPECT_EQ(load("some_double: '1e3'"), "some_double: 1000");
  EXPECT_EQ(load("some_double: NaN"), "t.yaml:1:14: some_double: found \"NaN\", expected a number");
  EXPECT_EQ(load("some_double: 'NaN'"), "some_double: nan");
  EXPECT_EQ(load("some_double: '-Infinity'"), "some_double: -inf");
  EXPECT_EQ(load("some_double: .inf"), "some_double: inf");
  EXPECT_EQ(load("some_float: .nan"), "some_float: nan");
  EXPECT_THAT(load("some_float: 1e39"), HasSubstr("found 1e39, expected a number"));
  EXPECT_THAT(load("some_double: 1e999"), HasSubstr("found 1e999, expected a number"));
}

TEST_F(LoadScalars, BooleansAreStrict) {
  EXPECT_EQ(load("some_bool: true"), "some_bool: true");
  EXPECT_EQ(load("some_bool: False"), "");
  for (const char* wrong : {"yes", "on", "1", "'true'", "tRue"}) {
    EXPECT_THAT(load(std::string("some_bool: ") + wrong), HasSubstr("expected true or false"))
        << wrong;
  }
}

TEST_F(LoadScalars, StringsMustBeStrings) {
  EXPECT_EQ(load("some_string: yes"), "some_string: \"yes\"");
  EXPECT_EQ(load("some_string: '5'"), "some_string: \"5\"");
  EXPECT_EQ(load("some_string: !!str 5"), "some_string: \"5\"");
  EXPECT_THAT(load("some_string: 5"), HasSubstr("found 5, expected a string: write \"5\""));
  EXPECT_THAT(load("some_string: {a: 1}"), HasSubstr("found an object, expected a string"));
  EXPECT_THAT(load("{\"some_string\": \"\xC3\"}", "t.json"), HasSubstr("expected text in UTF-8"));
}

TEST_F(LoadScalars, BytesAreBase64) {
  EXPECT_EQ(load("some_bytes: aGk="), "some_bytes: \"hi\"");
  EXPECT_EQ(load("some_bytes: aGk"), "some_bytes: \"hi\"");
  EXPECT_EQ(load("some_bytes: _-8="), "some_bytes: \"\\377\\357\"");
  EXPECT_THAT(load("some_bytes: '!'"), HasSubstr("expected bytes in base64"));
}

TEST_F(LoadScalars, EnumsByNameOrNumber) {
  EXPECT_EQ(load("some_enum: GREEN"), "some_enum: GREEN");
  EXPECT_EQ(load("some_enum: 2"), "some_enum: GREEN");
  EXPECT_EQ(load("some_enum: 17"), "some_enum: 17") << "proto3 enums are open";
  EXPECT_EQ(load("some_enum: GREN"),
            "t.yaml:1:12: some_enum: found \"GREN\", expected a value of test.Colour, did you mean "
            "\"GREEN\"?");
  EXPECT_THAT(load("some_enum: MAUVE"), HasSubstr("test.Colour: NO_COLOUR, RED, GREEN"));
}

TEST_F(LoadScalars, RepeatedAndMaps) {
  EXPECT_EQ(load("many: [1, 2]"), "many: 1 many: 2");
  EXPECT_EQ(load("many: []"), "");
  EXPECT_EQ(load("many: 1"), "t.yaml:1:7: many: found 1, expected a list");
  EXPECT_EQ(load("many: [1, x]"), "t.yaml:1:11: many[1]: found \"x\", expected an integer from "
                                  "-2147483648 to 2147483647");
  EXPECT_THAT(load("many: [1, null]"), HasSubstr("many[1]: found null"));
  EXPECT_EQ(load("by_number: {7: seven}"), "by_number { key: 7 value: \"seven\" }");
  EXPECT_EQ(load("by_flag: {true: {some_int32: 1}}"),
            "by_flag { key: true value { some_int32: 1 } }");
  EXPECT_THAT(load("by_flag: {maybe: {}}"),
              StartsWith("t.yaml:1:11: by_flag[\"maybe\"]: found \"maybe\", expected true"));
  EXPECT_THAT(load("by_number: {7: a, 7: b}"), HasSubstr("by_number[\"7\"]: found a second time"));
  EXPECT_THAT(load("by_number: {7: null}"), HasSubstr("by_number[\"7\"]: found null"));
}

TEST_F(LoadScalars, NullIsUnset) {
  EXPECT_EQ(load("some_int32: null\nmany: ~\nby_number:\nchild: null"), "");
  EXPECT_EQ(load("anything: null"), "anything { null_value: NULL_VALUE }");
  EXPECT_EQ(load("things: [null, 1]"),
            "things { null_value: NULL_VALUE } things { number_value: 1 }");
}

TEST_F(LoadScalars, OneofConflictNamesBoth) {
  EXPECT_EQ(load("left: 1\nright: 2"),
            "t.yaml:2:1: right: found beside \"left\", expected only one of \"left\" and \"right\" "
            "(oneof side)");
  EXPECT_EQ(load("left: null\nright: 2"), "right: 2");
  EXPECT_EQ(load("maybe: 0"), "maybe: 0") << "proto3 optional is no conflict with itself";
}

} // namespace
} // namespace moe::config
