#include "net/prefix.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/strings.h"

namespace moe::net {
namespace {

uint64_t bigEndian(const uint8_t* bytes) {
  uint64_t out = 0;
  for (int i = 0; i < 8; ++i) {
    out = out << 8 | bytes[i];
  }
  return out;
}

uint64_t keep(uint64_t word, int bits) {
  if (bits <= 0) {
    return 0;
  }
  return bits >= 64 ? word : word & (~uint64_t{0} << (64 - bits));
}

Ip ipv4(uint32_t hostOrder) { return Ip{{uint64_t{hostOrder} << 32, 0}, false}; }

Ip ipv6(const uint8_t* bytes) {
  static constexpr uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(bytes, mapped, sizeof(mapped)) == 0) {
    return ipv4(static_cast<uint32_t>(bigEndian(bytes + 8)));
  }
  return Ip{{bigEndian(bytes), bigEndian(bytes + 8)}, true};
}

} // namespace

Ip Ip::of(const Address& address) {
  switch (address.kind()) {
  case Address::Kind::Ipv4:
    return ipv4(ntohl(reinterpret_cast<const sockaddr_in*>(address.sockAddr())->sin_addr.s_addr));
  case Address::Kind::Ipv6:
    return ipv6(reinterpret_cast<const sockaddr_in6*>(address.sockAddr())->sin6_addr.s6_addr);
  case Address::Kind::Pipe:
    break;
  }
  return ipv4(0xffffffff);
}

Ip Ip::masked(int length) const {
  return Ip{{keep(words[0], length), keep(words[1], length - 64)}, v6};
}

absl::StatusOr<Prefix> Prefix::parse(std::string_view address, uint32_t length) {
  auto parsed = Address::parseIp(address, 0);
  if (!parsed.ok()) {
    return parsed.status();
  }
  const Ip ip = Ip::of(**parsed);
  const bool v6 = (*parsed)->kind() == Address::Kind::Ipv6;
  const uint32_t most = v6 ? 128 : 32;
  if (length > most) {
    return absl::OutOfRangeError(base::cat("found ", length, " bits, expected 0 to ", most));
  }
  int bits = static_cast<int>(length);
  if (v6 && !ip.v6) { // mapped
    if (bits < 96) {
      return absl::OutOfRangeError(
          base::cat("found ", length, " bits, expected 96 to 128 for a mapped IPv4 address"));
    }
    bits -= 96;
  }
  return Prefix{ip.masked(bits), bits};
}

std::string Prefix::asString() const {
  char text[INET6_ADDRSTRLEN] = {};
  uint8_t bytes[16];
  for (size_t i = 0; i < 16; ++i) {
    bytes[i] = static_cast<uint8_t>(ip.words[i / 8] >> (56 - 8 * (i % 8)));
  }
  ::inet_ntop(ip.v6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
  return base::cat(std::string_view(text), "/", length);
}

} // namespace moe::net
