#include "tls/san_matcher.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "tls/certificate_maker.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using Proto = v3::SubjectAltNameMatcher;
using StringMatcher = envoy::type::matcher::v3::StringMatcher;

Proto matcherOf(Proto::SanType type, const StringMatcher& matcher, const std::string& oid = "") {
  Proto proto;
  proto.set_san_type(type);
  *proto.mutable_matcher() = matcher;
  proto.set_oid(oid);
  return proto;
}

StringMatcher exact(const std::string& text) {
  StringMatcher matcher;
  matcher.set_exact(text);
  return matcher;
}

bool matches(const Proto& proto, const std::vector<std::string>& names) {
  const auto matcher = SanMatcher::compile(proto, FieldPath("m"));
  EXPECT_TRUE(matcher.ok()) << matcher.status();
  const test::Made made = test::make({.names = names});
  return matcher.ok() && matchesAny({&*matcher, 1}, *made.certificate);
}

std::string error(const Proto& proto) {
  const auto matcher = SanMatcher::compile(proto, FieldPath("m"));
  return matcher.ok() ? "" : std::string(base::message(matcher.status()));
}

TEST(SanMatcherTest, EachKindLooksAtItsOwnNames) {
  const std::vector<std::string> names = {"DNS:a.com",   "URI:spiffe://td/x", "email:me@a.com",
                                          "IP:10.0.0.1", "IP:2001:db8::1",    "UPN:me@corp"};
  EXPECT_TRUE(matches(matcherOf(Proto::DNS, exact("a.com")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::URI, exact("spiffe://td/x")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::EMAIL, exact("me@a.com")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::IP_ADDRESS, exact("10.0.0.1")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::IP_ADDRESS, exact("2001:db8::1")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::IP_ADDRESS, exact("2001:DB8:0::1")), names));
  EXPECT_TRUE(matches(matcherOf(Proto::OTHER_NAME, exact("me@corp"), test::kUpnOid), names));

  EXPECT_FALSE(matches(matcherOf(Proto::URI, exact("a.com")), names));
  EXPECT_FALSE(matches(matcherOf(Proto::DNS, exact("spiffe://td/x")), names));
  EXPECT_FALSE(matches(matcherOf(Proto::DNS, exact("10.0.0.1")), names));
  EXPECT_FALSE(matches(matcherOf(Proto::EMAIL, exact("me@corp")), names));
  EXPECT_FALSE(matches(matcherOf(Proto::OTHER_NAME, exact("me@corp"), "1.2.3.4"), names));
  EXPECT_FALSE(matches(matcherOf(Proto::DNS, exact("a.com")), {}));
}

TEST(SanMatcherTest, EachWayToMatch) {
  const std::vector<std::string> names = {"URI:spiffe://td/ns/a/sa/b"};
  StringMatcher matcher;
  const auto fits = [&] { return matches(matcherOf(Proto::URI, matcher), names); };
  matcher.set_exact("spiffe://td/ns/a");
  EXPECT_FALSE(fits());
  matcher.set_prefix("spiffe://td/ns/a/");
  EXPECT_TRUE(fits());
  matcher.set_prefix("SPIFFE://td");
  EXPECT_FALSE(fits());
  matcher.set_ignore_case(true);
  EXPECT_TRUE(fits());
  matcher.set_ignore_case(false);
  matcher.set_suffix("/sa/b");
  EXPECT_TRUE(fits());
  matcher.set_contains("/a/");
  EXPECT_TRUE(fits());
  matcher.mutable_safe_regex()->set_regex("spiffe://td/ns/[a-z]/sa/[a-z]");
  EXPECT_TRUE(fits());
  matcher.mutable_safe_regex()->set_regex("spiffe://td/ns");
  EXPECT_FALSE(fits()); // as a whole
}

TEST(SanMatcherTest, NamesWithNulAreWhole) {
  EXPECT_FALSE(matches(matcherOf(Proto::DNS, exact("good.com")),
                       {std::string("DNS:good.com\0.evil.com", 22)}));
}

TEST(SanMatcherTest, DnsNames) {
  EXPECT_TRUE(dnsNameMatches("a.com", "A.com"));
  EXPECT_TRUE(dnsNameMatches("a.example.com", "*.example.com"));
  EXPECT_TRUE(dnsNameMatches("a.example.com", "*.EXAMPLE.com"));
  EXPECT_TRUE(dnsNameMatches("abc.example.com", "a*c.example.com"));
  EXPECT_TRUE(dnsNameMatches("ac.example.com", "a*c.example.com"));
  EXPECT_TRUE(dnsNameMatches("*.example.com", "*.example.com"));
  EXPECT_FALSE(dnsNameMatches("example.com", "*.example.com"));
  EXPECT_FALSE(dnsNameMatches(".example.com", "*.example.com"));
  EXPECT_FALSE(dnsNameMatches("a.b.example.com", "*.example.com"));
  EXPECT_FALSE(dnsNameMatches("a.example.com", "**.example.com"));
  EXPECT_FALSE(dnsNameMatches("a.example.com", "a.*.com"));
  EXPECT_FALSE(dnsNameMatches("com", "*"));
  EXPECT_FALSE(dnsNameMatches("a", "*."));
  EXPECT_FALSE(dnsNameMatches("aba.example.com", "ab*ba.example.com")); // no overlap
  EXPECT_FALSE(dnsNameMatches("xn--a.example.com", "xn--*.example.com"));
  EXPECT_FALSE(dnsNameMatches("xn--ab.example.com", "x*b.example.com"));
  EXPECT_TRUE(dnsNameMatches("xn--a.example.com", "*.example.com"));
  EXPECT_FALSE(dnsNameMatches("a.example.org", "*.example.com"));
}

TEST(SanMatcherTest, WildcardsAreOfExactDnsOnly) {
  const std::vector<std::string> names = {"DNS:*.a.com"};
  EXPECT_TRUE(matches(matcherOf(Proto::DNS, exact("x.a.com")), names));
  StringMatcher suffix;
  suffix.set_suffix("x.a.com");
  EXPECT_FALSE(matches(matcherOf(Proto::DNS, suffix), names));
}

TEST(SanMatcherTest, DeprecatedFormStandsForFourKinds) {
  v3::CertificateValidationContext context;
  *context.add_match_subject_alt_names() = exact("10.0.0.1");
  auto matchers = compileSanMatchers(context, FieldPath("c"));
  ASSERT_TRUE(matchers.ok());
  EXPECT_EQ(matchers->size(), 4u);
  EXPECT_TRUE(matchesAny(*matchers, *test::make({.names = {"IP:10.0.0.1"}}).certificate));
  EXPECT_TRUE(matchesAny(*matchers, *test::make({.names = {"URI:10.0.0.1"}}).certificate));
  EXPECT_FALSE(matchesAny(*matchers, *test::make({.names = {"UPN:10.0.0.1"}}).certificate));
  // As Envoy: not beside the other form.
  *context.add_match_typed_subject_alt_names() = matcherOf(Proto::DNS, exact("a.com"));
  matchers = compileSanMatchers(context, FieldPath("c"));
  ASSERT_TRUE(matchers.ok());
  EXPECT_EQ(matchers->size(), 1u);
}

TEST(SanMatcherTest, Errors) {
  EXPECT_EQ(error(matcherOf(Proto::SAN_TYPE_UNSPECIFIED, exact("a"))),
            "m.san_type: found SAN_TYPE_UNSPECIFIED, expected EMAIL, DNS, URI, IP_ADDRESS or "
            "OTHER_NAME");
  EXPECT_EQ(error(matcherOf(Proto::DNS, {})),
            "m.matcher: found none of them, expected exact, prefix, suffix, contains or "
            "safe_regex");
  EXPECT_EQ(error(matcherOf(Proto::OTHER_NAME, exact("a"))),
            "m.oid: found \"\", expected an object identifier such as 1.3.6.1.4.1.311.20.2.3");
  StringMatcher regex;
  regex.mutable_safe_regex()->set_regex("(");
  EXPECT_EQ(error(matcherOf(Proto::URI, regex)).substr(0, 26), "m.matcher.safe_regex.regex");
}

TEST(SanMatcherTest, SaysWhatItWants) {
  const auto matcher = SanMatcher::compile(matcherOf(Proto::URI, exact("spiffe://x")), FieldPath());
  ASSERT_TRUE(matcher.ok());
  EXPECT_EQ(matcher->about(), "URI exact \"spiffe://x\"");
}

} // namespace
} // namespace moe::tls
