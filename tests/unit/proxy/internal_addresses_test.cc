#include "proxy/internal_addresses.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::proxy {
namespace {

bool in(const InternalAddresses& addresses, std::string_view ip) {
  return addresses.contains(**net::Address::parseIp(ip, 0));
}

absl::StatusOr<InternalAddresses> compile(const std::string& json) {
  InternalAddresses::Proto proto;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &proto).ok());
  return InternalAddresses::compile(proto, config::FieldPath("internal_address_config"));
}

TEST(InternalAddresses, AreNoneByDefault) {
  const InternalAddresses addresses;
  for (const std::string_view ip : {"10.0.0.0", "172.16.0.1", "192.168.0.1", "127.0.0.1", "fc00::1",
                                    "::1", "8.8.8.8", "2001::1"}) {
    EXPECT_FALSE(in(addresses, ip)) << ip;
  }
  EXPECT_FALSE(addresses.contains(**net::Address::pipe("/s")));
}

TEST(InternalAddresses, AreThoseOfTheConfiguration) {
  auto addresses = compile(
      R"({"unixSockets":true,"cidrRanges":[{"addressPrefix":"100.64.0.0","prefixLen":10},)"
      R"({"addressPrefix":"2001:db8::","prefixLen":33},{"addressPrefix":"9.9.9.9","prefixLen":32}]})");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  for (const std::string_view ip :
       {"100.64.0.1", "100.127.255.255", "2001:db8:7fff::1", "9.9.9.9"}) {
    EXPECT_TRUE(in(*addresses, ip)) << ip;
  }
  for (const std::string_view ip :
       {"100.63.0.1", "100.128.0.0", "2001:db8:8000::1", "9.9.9.8", "10.0.0.1", "::1"}) {
    EXPECT_FALSE(in(*addresses, ip)) << ip;
  }
  EXPECT_TRUE(addresses->contains(**net::Address::pipe("/s")));
  auto none = compile("{}");
  EXPECT_FALSE(in(*none, "10.0.0.1"));
}

TEST(InternalAddresses, ErrorsNameTheField) {
  EXPECT_EQ(
      base::message(
          compile(R"({"cidrRanges":[{"addressPrefix":"10.0.0.0","prefixLen":33}]})").status()),
      "internal_address_config.cidr_ranges[0].prefix_len: found 33, expected 0 to 32");
  EXPECT_EQ(
      base::message(compile(R"({"cidrRanges":[{"addressPrefix":"ten"}]})").status()),
      "internal_address_config.cidr_ranges[0].address_prefix: found \"ten\", expected an IPv4 "
      "or IPv6 address");
}

} // namespace
} // namespace moe::proxy
