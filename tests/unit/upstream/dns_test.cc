#include "upstream/dns.h"

#include <arpa/inet.h>

#include <map>
#include <optional>

#include "net/fd_watcher.h"
#include "net/loop_fixture.h"

namespace moe::upstream {
namespace {

// Answers A and AAAA questions from a map, in the wire format of RFC 1035 section 4.
class FakeDns {
public:
  explicit FakeDns(event::Loop& loop)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const auto any = *net::Address::parseIp("127.0.0.1", 0);
    EXPECT_EQ(::bind(fd_.get(), any->sockAddr(), any->sockAddrLength()), 0);
    address = net::Address::localOf(fd_.get());
    watcher_ = std::make_unique<net::FdWatcher>(loop, fd_.get(), [this](int) { answer(); });
    watcher_->watch(net::FdWatcher::kRead);
  }

  net::AddressPtr address;
  std::map<std::string, std::vector<std::string>> a;
  std::map<std::string, std::vector<std::string>> aaaa;
  uint32_t ttl = 7;
  bool silent = false;
  int questions = 0;

private:
  static void put16(std::string& out, size_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value & 0xff));
  }

  void answer() {
    char packet[512];
    sockaddr_storage from{};
    socklen_t length = sizeof(from);
    const ssize_t n = ::recvfrom(fd_.get(), packet, sizeof(packet), 0,
                                 reinterpret_cast<sockaddr*>(&from), &length);
    if (n < 17) {
      return;
    }
    ++questions;
    if (silent) {
      return;
    }
    std::string name;
    size_t at = 12;
    while (at < static_cast<size_t>(n) && packet[at] != 0) {
      const auto label = static_cast<size_t>(packet[at]);
      name += (name.empty() ? "" : ".") + std::string(packet + at + 1, label);
      at += label + 1;
    }
    const bool v6 = packet[at + 2] == 28;
    const auto& known = v6 ? aaaa : a;
    const auto found = known.find(name);
    const bool exists = a.contains(name) || aaaa.contains(name);
    const size_t count = found == known.end() ? 0 : found->second.size();
    std::string out(packet, 2);
    put16(out, exists ? 0x8180 : 0x8183); // NXDOMAIN
    put16(out, 1);
    put16(out, count);
    put16(out, 0);
    put16(out, 0);
    out.append(packet + 12, at + 5 - 12);
    for (size_t i = 0; i < count; ++i) {
      put16(out, 0xc00c);
      put16(out, v6 ? 28 : 1);
      put16(out, 1);
      put16(out, 0);
      put16(out, ttl);
      char address6[16];
      const size_t size = v6 ? 16 : 4;
      ::inet_pton(v6 ? AF_INET6 : AF_INET, found->second[i].c_str(), address6);
      put16(out, size);
      out.append(address6, size);
    }
    ::sendto(fd_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
  }

  net::Fd fd_;
  std::unique_ptr<net::FdWatcher> watcher_;
};

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
  const DnsAnswer answer = ask("gone.test", DnsFamily::V4Only);
  EXPECT_EQ(answer.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(answer.status.message().find("cannot resolve \"gone.test\""), std::string::npos)
      << answer.status;
  EXPECT_TRUE(answer.addresses.empty());
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
