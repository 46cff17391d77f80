#include "proxy/internal_addresses.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace moe::proxy {
namespace {

std::array<uint8_t, 16> bytesOf(const net::Address& ip) {
  std::array<uint8_t, 16> bytes{};
  if (ip.family() == AF_INET) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in*>(ip.sockAddr())->sin_addr, 4);
  } else {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(ip.sockAddr())->sin6_addr, 16);
  }
  return bytes;
}

bool samePrefix(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, uint32_t bits) {
  const size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  const uint32_t rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

} // namespace

absl::StatusOr<InternalAddresses> InternalAddresses::compile(const Proto& proto,
                                                             const config::FieldPath& path) {
  InternalAddresses out;
  out.unixSockets_ = proto.unix_sockets();
  for (int i = 0; i < proto.cidr_ranges_size(); ++i) {
    const config::FieldPath at = path.field("cidr_ranges").index(static_cast<size_t>(i));
    const auto& range = proto.cidr_ranges(i);
    const auto address = net::Address::parseIp(range.address_prefix(), 0);
    if (!address.ok()) {
      return config::fieldError(at.field("address_prefix"), base::message(address.status()));
    }
    const int family = (*address)->family();
    const uint32_t most = family == AF_INET ? 32 : 128;
    if (range.prefix_len().value() > most) {
      return config::fieldError(at.field("prefix_len"), base::cat(range.prefix_len().value()),
                                base::cat("0 to ", most));
    }
    out.ranges_.push_back({family, bytesOf(**address), range.prefix_len().value()});
  }
  return out;
}

bool InternalAddresses::contains(const net::Address& address) const {
  if (!address.isIp()) {
    return unixSockets_;
  }
  const std::array<uint8_t, 16> bytes = bytesOf(address);
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    return range.family == address.family() && samePrefix(range.bytes, bytes, range.bits);
  });
}

} // namespace moe::proxy
