#include "upstream/dns.h"

#include <optional>

#include "upstream/fake_dns.h"

namespace moe::upstream {
namespace {

using test::FakeDns;

class DnsTest : public net::test::LoopTest {
protected:
  void SetUp() override {
    auto made = createDnsResolver(worker.loop, {dns.address->asString()});
    ASSERT_TRUE(made.ok()) << made.status();
    resolver = std::move(*made);
  }
  DnsAnswer ask(const std::string& name, DnsFamily family) {
    std::optional<DnsAnswer> got;
    resolver->resolve(name, family, [&](DnsAnswer answer) { got = std::move(answer); });
    EXPECT_TRUE(until([&] { return got.has_value(); }));
    return got.value_or(DnsAnswer{});
  }
  static std::vector<std::string> ips(const DnsAnswer& answer) {
    std::vector<std::string> out;
    for (const auto& address : answer.addresses) {
      out.push_back(address->ip());
    }
    return out;
  }
  using List = std::vector<std::string>;

  FakeDns dns{worker.loop};
  std::unique_ptr<DnsResolver> resolver;
};

TEST_F(DnsTest, GivesTheFamilyThatWasAskedFor) {
  dns.a["both.test"] = {"10.0.0.1", "10.0.0.2"};
  dns.aaaa["both.test"] = {"fd00::1"};
  EXPECT_EQ(ips(ask("both.test", DnsFamily::V4Only)), (List{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(ips(ask("both.test", DnsFamily::V6Only)), (List{"fd00::1"}));
  EXPECT_EQ(ips(ask("both.test", DnsFamily::Auto)), (List{"fd00::1"}));
  EXPECT_EQ(ips(ask("both.test", DnsFamily::V4Preferred)), (List{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(ips(ask("both.test", DnsFamily::All)), (List{"10.0.0.1", "10.0.0.2", "fd00::1"}));
}

TEST_F(DnsTest, FallsBackToTheOtherFamily) {
  dns.a["four.test"] = {"10.0.0.4"};
  dns.aaaa["six.test"] = {"fd00::6"};
  EXPECT_EQ(ips(ask("four.test", DnsFamily::Auto)), (List{"10.0.0.4"}));
  EXPECT_EQ(ips(ask("six.test", DnsFamily::V4Preferred)), (List{"fd00::6"}));
}

TEST_F(DnsTest, TellsTheTimeToLive) {
  dns.a["ttl.test"] = {"10.0.0.1"};
  EXPECT_EQ(ask("ttl.test", DnsFamily::V4Only).ttlSeconds, 7u);
}

TEST_F(DnsTest, NamesWhatItCannotFind) {
  dns.failing = true;
  const DnsAnswer answer = ask("broken.test", DnsFamily::V4Only);
  EXPECT_EQ(answer.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(answer.status.message().find("cannot resolve \"broken.test\""), std::string::npos)
      << answer.status;
  EXPECT_TRUE(answer.addresses.empty());
}

TEST_F(DnsTest, ANameWithoutAddressesIsAnAnswer) {
  dns.aaaa["six.test"] = {"fd00::6"};
  for (const char* name : {"gone.test", "six.test"}) {
    const DnsAnswer answer = ask(name, DnsFamily::V4Only);
    EXPECT_EQ(answer.status, absl::OkStatus()) << name;
    EXPECT_TRUE(answer.addresses.empty()) << name;
  }
}

TEST_F(DnsTest, AddressesAreTheirOwnAnswer) {
  EXPECT_EQ(ips(ask("10.9.8.7", DnsFamily::V4Only)), (List{"10.9.8.7"}));
  EXPECT_EQ(dns.questions, 0);
}

TEST_F(DnsTest, MayEndWithAQuestionOpen) {
  dns.silent = true;
  bool called = false;
  resolver->resolve("slow.test", DnsFamily::V4Only, [&](const DnsAnswer&) { called = true; });
  ASSERT_TRUE(until([&] { return dns.questions > 0; }));
  resolver.reset();
  settle();
  EXPECT_FALSE(called);
}

TEST_F(DnsTest, RefusesServersThatAreNoAddress) {
  const auto made = createDnsResolver(worker.loop, {"not an address"});
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.status().message().find("not an address"), std::string::npos) << made.status();
}

} // namespace
} // namespace moe::upstream
