#include "net/address.h"

#include <gtest/gtest.h>

#include <cstring>

namespace moe::net {
namespace {

TEST(Address, ReadsIpAndPort) {
  auto four = Address::parseIpPort("127.0.0.1:8080");
  ASSERT_TRUE(four.ok()) << four.status();
  EXPECT_EQ((*four)->kind(), Address::Kind::Ipv4);
  EXPECT_EQ((*four)->ip(), "127.0.0.1");
  EXPECT_EQ((*four)->port(), 8080);
  EXPECT_EQ((*four)->asString(), "127.0.0.1:8080");
  EXPECT_TRUE((*four)->isLoopback());
  EXPECT_FALSE((*four)->isAny());

  auto six = Address::parseIpPort("[::1]:80");
  ASSERT_TRUE(six.ok()) << six.status();
  EXPECT_EQ((*six)->kind(), Address::Kind::Ipv6);
  EXPECT_EQ((*six)->ip(), "::1");
  EXPECT_EQ((*six)->asString(), "[::1]:80");
  EXPECT_TRUE((*six)->isLoopback());
}

TEST(Address, RefusesWhatIsNone) {
  for (const char* text : {"", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:8x", "256.0.0.1:80", "[::1:80", "::1]:80",
                           "[::1]", "::1:80", "[1.2.3.4]:80", "1.2.3:80", "[1.2.3.4]:80x"}) {
    EXPECT_FALSE(Address::parseIpPort(text).ok()) << text;
  }
  for (const char* text : {"", "localhost", "1.2.3.4.5", "::g", "[::1]"}) {
    EXPECT_FALSE(Address::parseIp(text, 80).ok()) << text;
  }
}

TEST(Address, KnowsWildcards) {
  EXPECT_TRUE((*Address::parseIp("0.0.0.0", 1))->isAny());
  EXPECT_TRUE((*Address::parseIp("::", 1))->isAny());
  EXPECT_FALSE((*Address::parseIp("10.0.0.1", 1))->isAny());
  EXPECT_FALSE((*Address::parseIp("10.0.0.1", 1))->isLoopback());
}

TEST(Address, ChangesThePortOnly) {
  const AddressPtr before = *Address::parseIp("fe80::1", 1);
  const AddressPtr after = before->withPort(443);
  EXPECT_EQ(after->asString(), "[fe80::1]:443");
  EXPECT_EQ(before->port(), 1);
  EXPECT_TRUE(*after == **Address::parseIp("fe80::1", 443));
  EXPECT_FALSE(*after == *before);
}

TEST(Address, SurvivesTheKernelForm) {
  for (const char* text : {"10.1.2.3:4", "[2001:db8::7]:65535"}) {
    const AddressPtr address = *Address::parseIpPort(text);
    sockaddr_storage storage{};
    std::memcpy(&storage, address->sockAddr(), address->sockAddrLength());
    EXPECT_EQ(Address::fromSockaddr(storage, address->sockAddrLength())->asString(), text);
  }
}

TEST(Address, PipesArePathsOrAbstractNames) {
  auto path = Address::pipe("/tmp/socket");
  ASSERT_TRUE(path.ok());
  EXPECT_FALSE((*path)->isIp());
  EXPECT_EQ((*path)->asString(), "/tmp/socket");
  EXPECT_EQ((*path)->port(), 0);
  auto name = Address::pipe("@moe");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ((*name)->asString(), "@moe");
  EXPECT_FALSE(Address::pipe(std::string(200, 'x')).ok()); // sun_path has 108 bytes
  EXPECT_FALSE(Address::pipe("").ok());
}

} // namespace
} // namespace moe::net
