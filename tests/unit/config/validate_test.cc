#include "config/validate.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/router/v3/router.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "config/all_types.h"
#include "config/load.h"

namespace moe::config {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kRules = R"(
  enum Colour NO_COLOUR RED GREEN
  message Inner
  string name 1 | [validate.rules] { string { min_len: 1 } }
  message Rules
  string length 1 | [validate.rules] { string { min_len: 2 max_len: 3 ignore_empty: true } }
  string bytes 2 | [validate.rules] { string { max_bytes: 3 } }
  string header 3 | [validate.rules] { string { well_known_regex: HTTP_HEADER_NAME ignore_empty: true } }
  string value 4 | [validate.rules] { string { well_known_regex: HTTP_HEADER_VALUE } }
  string loose 5 | [validate.rules] { string { well_known_regex: HTTP_HEADER_VALUE strict: false } }
  string pattern 6 | [validate.rules] { string { pattern: "^[a-z]+$" ignore_empty: true } }
  string choice 7 | [validate.rules] { string { in: "a" in: "b" ignore_empty: true } }
  string avoid 8 | [validate.rules] { string { not_in: "x" prefix: "" } }
  string affix 9 | [validate.rules] { string { prefix: "p" suffix: "s" contains: "c" not_contains: "n" ignore_empty: true } }
  string fixed 10 | [validate.rules] { string { const: "k" ignore_empty: true } }
  string ip 11 | [validate.rules] { string { ip: true ignore_empty: true } }
  string address 12 | [validate.rules] { string { address: true ignore_empty: true } }
  string hostname 13 | [validate.rules] { string { hostname: true ignore_empty: true } }
  string uri_ref 14 | [validate.rules] { string { uri_ref: true ignore_empty: true } }
  string uri 15 | [validate.rules] { string { uri: true ignore_empty: true } }
  uint32 port 16 | [validate.rules] { uint32 { lte: 65535 } }
  int32 range 17 | [validate.rules] { int32 { gt: -5 lt: 5 } }
  int64 outside 18 | [validate.rules] { int64 { lt: 0 gte: 10 ignore_empty: true } }
  double share 19 | [validate.rules] { double { gte: 0 lte: 1 } }
  uint64 power 20 | [validate.rules] { uint64 { in: 0 in: 2 in: 4 } }
  Colour colour 21 | [validate.rules] { enum { defined_only: true not_in: 1 } }
  bool flag 22 | [validate.rules] { bool { const: false } }
  bytes blob 23 | [validate.rules] { bytes { max_len: 2 } }
  repeated string items 24 | [validate.rules] { repeated { max_items: 2 unique: true items { string { min_len: 1 } } } }
  map<string,int32> sizes 25 | [validate.rules] { map { max_pairs: 1 keys { string { min_len: 1 } } values { int32 { gt: 0 } } } }
  google.protobuf.Duration timeout 26 | [validate.rules] { duration { gt { seconds: 0 } lte { seconds: 10 } } }
  google.protobuf.UInt32Value wrapped 27 | [validate.rules] { uint32 { gte: 3 } }
  Inner inner 28
  Inner skipped 29 | [validate.rules] { message { skip: true } }
  repeated Inner inners 30
  google.protobuf.Any any 31 | [validate.rules] { any { not_in: "type.googleapis.com/google.protobuf.Any" } }
  optional string maybe 32 | [validate.rules] { string { min_len: 1 } }
  google.protobuf.StringValue email 33 | [validate.rules] { string { email: true } }
  repeated Inner different 34 | [validate.rules] { repeated { unique: true } }
  message Needs
  Inner inner 1 | [validate.rules] { message { required: true } }
  google.protobuf.Duration timeout 2 | [validate.rules] { duration { required: true } }
  repeated string items 3 | [validate.rules] { repeated { min_items: 1 } }
  oneof:kind! string a 4
  oneof:kind! Inner b 5
  message Off | [validate.disabled]: true
  Inner inner 1
)";

class Validate : public ::testing::Test {
protected:
  /// The error for a message written in YAML.
  std::string check(const std::string& type, std::string_view yaml) {
    auto message = types_.make(type);
    auto status = loadText("t.yaml", yaml, *message);
    EXPECT_TRUE(status.ok()) << status;
    return std::string(validate(*message).message());
  }
  std::string rules(std::string_view yaml) { return check("Rules", yaml); }

  AllTypes types_{kRules};
};

TEST_F(Validate, Lengths) {
  EXPECT_EQ(rules(""), "");
  EXPECT_EQ(rules("length: abc"), "");
  EXPECT_EQ(rules("length: a"), "length: found \"a\", expected at least 2 characters");
  EXPECT_EQ(rules("length: abcd"), "length: found \"abcd\", expected at most 3 characters");
  EXPECT_EQ(rules("length: \u00e9\u00e9\u00e9"), "") << "characters, not bytes";
  EXPECT_EQ(rules("bytes: \u00e9\u00e9"),
            "bytes: found \"\u00e9\u00e9\", expected at most 3 bytes");
  EXPECT_EQ(rules("blob: AAAA"), "blob: found 3 bytes, expected at most 2 bytes");
}

TEST_F(Validate, Formats) {
  EXPECT_EQ(rules("header: ':path'"), "");
  EXPECT_EQ(rules("header: 'a b'"), "header: found \"a b\", expected an HTTP header name");
  EXPECT_THAT(rules("value: \"a\\nb\""), HasSubstr("without control characters"));
  EXPECT_EQ(rules("value: \"a\\tb\""), "");
  EXPECT_EQ(rules("loose: \"a\\x01\""), "");
  EXPECT_NE(rules("loose: \"a\\r\""), "");
  EXPECT_EQ(rules("ip: '::1'"), "");
  EXPECT_EQ(rules("ip: 1.2.3"), "ip: found \"1.2.3\", expected an IP address");
  EXPECT_EQ(rules("address: host-1.example."), "");
  EXPECT_EQ(rules("address: 'a_b'"), "address: found \"a_b\", expected an IP address or host name");
  EXPECT_NE(rules("hostname: -a"), "");
  EXPECT_EQ(rules("uri_ref: /a/b?c=%20#d"), "");
  EXPECT_NE(rules("uri_ref: '/a b'"), "");
  EXPECT_NE(rules("uri_ref: '/%2'"), "");
  EXPECT_EQ(rules("uri: http://a/b"), "");
  EXPECT_NE(rules("uri: /a/b"), "");
  EXPECT_EQ(rules("email: a@b.example"), "");
  EXPECT_EQ(rules("email: a"), "email: found \"a\", expected an email address");
}

TEST_F(Validate, Texts) {
  EXPECT_EQ(rules("pattern: 'A'"),
            "pattern: found \"A\", expected a match of the pattern \"^[a-z]+$\"");
  EXPECT_EQ(rules("choice: c"), "choice: found \"c\", expected one of \"a\", \"b\"");
  EXPECT_EQ(rules("avoid: x"), "avoid: found \"x\", expected none of \"x\"");
  EXPECT_EQ(rules("affix: pcs"), "");
  EXPECT_THAT(rules("affix: xcs"), HasSubstr("starts with \"p\""));
  EXPECT_THAT(rules("affix: pcx"), HasSubstr("ends with \"s\""));
  EXPECT_THAT(rules("affix: ps"), HasSubstr("contains \"c\""));
  EXPECT_THAT(rules("affix: pncs"), HasSubstr("without \"n\""));
  EXPECT_EQ(rules("fixed: j"), "fixed: found \"j\", expected \"k\"");
}

TEST_F(Validate, Numbers) {
  EXPECT_EQ(rules("port: 65535"), "");
  EXPECT_EQ(rules("port: 65536"), "port: found 65536, expected 65535 or less");
  EXPECT_EQ(rules("range: 5"), "range: found 5, expected above -5 and below 5");
  EXPECT_EQ(rules("outside: -1"), "");
  EXPECT_EQ(rules("outside: 10"), "");
  EXPECT_EQ(rules("outside: 5"), "outside: found 5, expected below 0, or 10 or more");
  EXPECT_EQ(rules("share: 1.5"), "share: found 1.5, expected 0 or more and 1 or less");
  EXPECT_NE(rules("share: .nan"), "");
  EXPECT_EQ(rules("power: 3"), "power: found 3, expected one of 0, 2, 4");
  EXPECT_EQ(rules("wrapped: 2"), "wrapped: found 2, expected 3 or more");
  EXPECT_EQ(rules("colour: RED"), "colour: found RED, expected none of RED");
  EXPECT_EQ(rules("colour: 9"), "colour: found 9, expected a defined value of test.Colour");
  EXPECT_EQ(rules("flag: true"), "flag: found true, expected false");
}

TEST_F(Validate, ListsAndMaps) {
  EXPECT_EQ(rules("items: [a, b]"), "");
  EXPECT_EQ(rules("items: [a, b, c]"), "items: found 3 items, expected at most 2");
  EXPECT_EQ(rules("items: [a, a]"), "items[1]: found \"a\" again, expected values that differ");
  EXPECT_EQ(rules("items: ['']"), "items[0]: found \"\", expected at least 1 character");
  EXPECT_NE(rules("different: [{name: a}, {name: a}]"), "");
  EXPECT_EQ(rules("different: [{name: a}, {name: b}]"), "");
  EXPECT_EQ(rules("sizes: {a: 1, b: 2}"), "sizes: found 2 entries, expected at most 1");
  EXPECT_EQ(rules("sizes: {a: 0}"), "sizes[\"a\"]: found 0, expected above 0");
  EXPECT_EQ(rules("sizes: {'': 1}"), "sizes[\"\"]: found \"\", expected at least 1 character");
}

TEST_F(Validate, Durations) {
  EXPECT_EQ(rules("timeout: 10s"), "");
  EXPECT_EQ(rules("timeout: 0s"), "timeout: found 0s, expected above 0s and 10s or less");
  EXPECT_EQ(rules("timeout: 10.5s"), "timeout: found 10.5s, expected above 0s and 10s or less");
  EXPECT_EQ(rules("timeout: -0.5s"), "timeout: found -0.5s, expected above 0s and 10s or less");
}

TEST_F(Validate, NestedMessages) {
  EXPECT_EQ(rules("inner: {}"), "inner.name: found \"\", expected at least 1 character");
  EXPECT_EQ(rules("inners: [{name: a}, {}]"),
            "inners[1].name: found \"\", expected at least 1 character");
  EXPECT_EQ(rules("skipped: {}"), "");
  EXPECT_EQ(check("Off", "inner: {}"), "");
  EXPECT_EQ(rules("maybe: ''"), "maybe: found \"\", expected at least 1 character");
}

TEST_F(Validate, Required) {
  EXPECT_EQ(check("Needs", ""), "found no kind, expected one of a, b");
  EXPECT_EQ(check("Needs", "a: x"),
            "inner: found nothing, expected a value: this field is required");
  EXPECT_THAT(check("Needs", "{a: x, inner: {name: x}}"), HasSubstr("timeout: found nothing"));
  EXPECT_EQ(check("Needs", "{a: x, inner: {name: x}, timeout: 0s}"),
            "items: found 0 items, expected at least 1");
  EXPECT_EQ(check("Needs", "{b: {}, inner: {name: x}, timeout: 0s, items: [a]}"),
            "b.name: found \"\", expected at least 1 character");
}

TEST_F(Validate, IntoAny) {
  EXPECT_EQ(rules(R"(any: {"@type": type.googleapis.com/envoy.config.core.v3.SocketAddress,
                          port_value: 80})"),
            "any.address: found \"\", expected at least 1 character");
  EXPECT_THAT(
      rules(R"(any: {"@type": type.googleapis.com/google.protobuf.Any, value: {}})"),
      HasSubstr("any: found \"type.googleapis.com/google.protobuf.Any\", expected none of"));
}

TEST_F(Validate, EnvoyMessages) {
  envoy::config::cluster::v3::Cluster cluster;
  ASSERT_TRUE(loadText("t", "name: a\nconnect_timeout: 0s", cluster).ok());
  EXPECT_EQ(validate(cluster, FieldPath("clusters").index(1)).message(),
            "clusters[1].connect_timeout: found 0s, expected above 0s");
  cluster.clear_connect_timeout();
  cluster.clear_name();
  EXPECT_EQ(pathOf(validate(cluster)), "name");

  Validator validator;
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix("x");
  EXPECT_THAT(validator.check(proxy).message(), HasSubstr("found no cluster_specifier"));
  proxy.set_cluster("c");
  EXPECT_TRUE(validator.check(proxy).ok());
}

TEST_F(Validate, ThroughTypedStruct) {
  envoy::config::listener::v3::Listener listener;
  ASSERT_TRUE(loadText("t", R"(
address: {pipe: {path: /x}}
filter_chains:
- filters:
  - name: tcp
    typed_config:
      "@type": type.googleapis.com/xds.type.v3.TypedStruct
      type_url: type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
      value: {cluster: c}
)",
                       listener)
                  .ok());
  EXPECT_EQ(validate(listener).message(),
            "filter_chains[0].filters[0].typed_config.value.stat_prefix: found \"\", expected at "
            "least 1 character");
}

} // namespace
} // namespace moe::config
