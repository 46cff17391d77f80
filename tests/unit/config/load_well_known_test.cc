#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/all_types.h"
#include "config/load.h"

namespace moe::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoadWellKnown : public ::testing::Test {
protected:
  std::string load(std::string_view yaml, std::string_view name = "t.yaml") {
    auto message = types_.make("All");
    auto status = loadText(name, yaml, *message);
    if (!status.ok())
      return std::string(status.message());
    return message->ShortDebugString();
  }

  AllTypes types_;
};

TEST_F(LoadWellKnown, Durations) {
  EXPECT_EQ(load("duration: 0.25s"), "duration { nanos: 250000000 }");
  EXPECT_EQ(load("duration: 3600s"), "duration { seconds: 3600 }");
  EXPECT_EQ(load("duration: -1.5s"), "duration { seconds: -1 nanos: -500000000 }");
  EXPECT_EQ(load("duration: 1.000000001s"), "duration { seconds: 1 nanos: 1 }");
  EXPECT_EQ(load("duration: 0s"), "duration { }");
  EXPECT_EQ(load("duration: \"5\""),
            "t.yaml:1:11: duration: found \"5\", expected a duration such as 0.25s");
  for (const char* wrong : {"5", "5ms", "s", ".5s", "5.s", "1.0000000001s", "1m", "5 s", "--5s",
                            "999999999999s", "1e3s", "[]", "{seconds: 5}"}) {
    EXPECT_THAT(load(std::string("duration: ") + wrong), HasSubstr("expected a duration")) << wrong;
  }
}

TEST_F(LoadWellKnown, Timestamps) {
  EXPECT_EQ(load("time: 1970-01-01T00:00:01.5Z"), "time { seconds: 1 nanos: 500000000 }");
  EXPECT_EQ(load("time: '1970-01-01T01:00:00+01:00'"), "time { }");
  for (const char* wrong : {"5", "1970-01-01", "1970-13-01T00:00:00Z", "infinite-future", "now"}) {
    EXPECT_THAT(load(std::string("time: ") + wrong), HasSubstr("expected a time such as")) << wrong;
  }
}

TEST_F(LoadWellKnown, FieldMasks) {
  EXPECT_EQ(load("mask: 'a.fooBar,b'"), "mask { paths: \"a.foo_bar\" paths: \"b\" }");
}

TEST_F(LoadWellKnown, Wrappers) {
  EXPECT_EQ(load("wrapped_bool: false"), "wrapped_bool { }");
  EXPECT_EQ(load("wrapped_uint64: '18446744073709551615'"),
            "wrapped_uint64 { value: 18446744073709551615 }");
  EXPECT_EQ(load("wrapped_string: x"), "wrapped_string { value: \"x\" }");
  EXPECT_EQ(load("wrapped_bytes: aGk="), "wrapped_bytes { value: \"hi\" }");
  EXPECT_THAT(load("wrapped_bool: {value: true}"),
              HasSubstr("wrapped_bool: found an object, expected true or false"));
}

TEST_F(LoadWellKnown, StructsAndValues) {
  EXPECT_EQ(load("struct: {a: 1}"), "struct { fields { key: \"a\" value { number_value: 1 } } }");
  EXPECT_EQ(load("anything: text"), "anything { string_value: \"text\" }");
  EXPECT_EQ(load("anything: '1'"), "anything { string_value: \"1\" }");
  EXPECT_EQ(load("anything: 0x10"), "anything { number_value: 16 }");
  EXPECT_EQ(load("anything: on"), "anything { bool_value: true }") << "as Envoy reads it";
  EXPECT_EQ(load("anything: 'on'"), "anything { string_value: \"on\" }");
  EXPECT_EQ(load("anything: [true, null]"),
            "anything { list_value { values { bool_value: true } values { null_value: NULL_VALUE } "
            "} }");
  EXPECT_EQ(load("list: [1]"), "list { values { number_value: 1 } }");
  EXPECT_EQ(load("nothing: null"), "");
  EXPECT_EQ(load("nothing: NULL_VALUE"), "");
  EXPECT_THAT(load("struct: [1]"), HasSubstr("struct: found a list, expected an object"));
  EXPECT_THAT(load("struct: {a: {b: 1, b: 2}}"),
              StartsWith("t.yaml:1:20: struct.a.b: found a second time"));
  EXPECT_EQ(load("values: {x: null}"), "values { key: \"x\" value { null_value: NULL_VALUE } }");
}

TEST_F(LoadWellKnown, AnyOfKnownType) {
  auto message = types_.make("All");
  ASSERT_TRUE(loadText("t.yaml", R"(
any:
  "@type": type.googleapis.com/envoy.config.core.v3.SocketAddress
  address: 10.0.0.1
  port_value: 80
)",
                       *message)
                  .ok());
  EXPECT_THAT(message->ShortDebugString(),
              HasSubstr("[type.googleapis.com/envoy.config.core.v3.SocketAddress] { address: "
                        "\"10.0.0.1\" port_value: 80 }"));
}

TEST_F(LoadWellKnown, AnyOfTypeWithItsOwnJson) {
  EXPECT_THAT(load(R"(any: {"@type": type.googleapis.com/google.protobuf.Duration, value: 1s})"),
              HasSubstr("{ seconds: 1 }"));
  EXPECT_THAT(load(R"(any: {"@type": type.googleapis.com/google.protobuf.Duration, valu: 1s})"),
              HasSubstr("any.valu: unknown field \"valu\""));
}

TEST_F(LoadWellKnown, AnyErrors) {
  EXPECT_EQ(load("any: {}"), "any { }");
  EXPECT_THAT(load("any: {a: 1}"), StartsWith("t.yaml:1:6: any: found no \"@type\", expected"));
  EXPECT_EQ(load(R"(any: {"@type": type.googleapis.com/no.Such})"),
            "t.yaml:1:16: any.@type: unknown type \"type.googleapis.com/no.Such\", expected one "
            "that is compiled in");
  EXPECT_THAT(load(R"(any: {"@type": no.Such})"), HasSubstr("expected a type URL"));
  EXPECT_EQ(load(R"(any:
  "@type": type.googleapis.com/envoy.config.core.v3.SocketAddress
  adress: x)"),
            "t.yaml:3:3: any.adress: unknown field \"adress\" in "
            "envoy.config.core.v3.SocketAddress, did you mean \"address\"?");
}

} // namespace
} // namespace moe::config
