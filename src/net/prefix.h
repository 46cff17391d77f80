#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "net/address.h"

namespace moe::net {

// An IP address without a port, to compare and to look up by. An IPv4 address that is mapped into
// IPv6 (::ffff:1.2.3.4, RFC 4291 section 2.5.5.2) is the IPv4 address. A value.
struct Ip {
  // Of a pipe: 255.255.255.255, which only conditions without a narrower range are true of.
  static Ip of(const Address& address);

  int bits() const { return v6 ? 128 : 32; }
  // The first `length` bits; the others are zero.
  Ip masked(int length) const;

  friend auto operator<=>(const Ip&, const Ip&) = default;
  template <class H> friend H AbslHashValue(H h, const Ip& ip) {
    return H::combine(std::move(h), ip.words, ip.v6);
  }

  std::array<uint64_t, 2> words{}; // in host order, the address in the highest bits
  bool v6 = false;
};

// A range of addresses: those that begin with the first `length` bits of `ip`.
struct Prefix {
  // `address` as text. Bits behind `length` are taken as zero. Errors say what was expected of the
  // address or of the length.
  static absl::StatusOr<Prefix> parse(std::string_view address, uint32_t length);
  // "10.0.0.0/8"
  std::string asString() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;

  Ip ip;
  int length = 0;
};

// Values by range; the longest range that an address is in wins. Immutable after the last at();
// then any thread. A look-up costs one hash per distinct length and allocates nothing.
template <class T> class PrefixMap {
public:
  // The value of exactly this range, made if it is not there.
  T& at(const Prefix& prefix) {
    std::vector<Length>& lengths = prefix.ip.v6 ? v6_ : v4_;
    auto it = lengths.begin();
    while (it != lengths.end() && it->bits > prefix.length) {
      ++it;
    }
    if (it == lengths.end() || it->bits != prefix.length) {
      it = lengths.insert(it, Length{prefix.length, {}});
    }
    return it->values[prefix.ip];
  }
  // Null: in no range. Borrowed from the map.
  const T* find(const Ip& ip) const {
    for (const Length& length : ip.v6 ? v6_ : v4_) {
      if (const auto found = length.values.find(ip.masked(length.bits));
          found != length.values.end()) {
        return &found->second;
      }
    }
    return nullptr;
  }
  bool empty() const { return v4_.empty() && v6_.empty(); }

private:
  struct Length {
    int bits;
    absl::flat_hash_map<Ip, T> values;
  };
  std::vector<Length> v4_; // longest first
  std::vector<Length> v6_;
};

} // namespace moe::net
