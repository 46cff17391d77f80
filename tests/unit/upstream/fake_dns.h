#pragma once

#include <arpa/inet.h>

#include <map>

#include "net/fd_watcher.h"
#include "net/loop_fixture.h"

namespace moe::upstream::test {

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
  bool failing = false; // SERVFAIL
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
    const size_t count = failing || found == known.end() ? 0 : found->second.size();
    std::string out(packet, 2);
    put16(out, failing ? 0x8182 : exists ? 0x8180 : 0x8183); // 3: NXDOMAIN
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

} // namespace moe::upstream::test
