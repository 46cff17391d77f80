#include "http/header_id.h"

#include <array>

namespace moe::http {
namespace {

constexpr size_t kLongest = 40;
constexpr size_t kTable = 256;

// Length and three characters spread the known names well.
constexpr size_t slotOf(std::string_view name) {
  const size_t first = static_cast<unsigned char>(name[name.size() > 2 ? 2 : 0]);
  const size_t last = static_cast<unsigned char>(name.back());
  const size_t middle = static_cast<unsigned char>(name[name.size() / 2]);
  return (name.size() * 67 + first * 29 + middle * 171 + last * 5) % kTable;
}

struct Table {
  std::array<uint8_t, kTable> first{};
  std::array<uint8_t, static_cast<size_t>(HeaderId::Count)> next{};
};

// Chains: two names in one slot cost one more comparison.
constexpr Table makeTable() {
  Table table;
  for (uint8_t i = 1; i < static_cast<uint8_t>(HeaderId::Count); ++i) {
    const size_t slot = slotOf(kHeaderNames[i]);
    table.next[i] = table.first[slot];
    table.first[slot] = i;
  }
  return table;
}
constexpr Table kIds = makeTable();

} // namespace

HeaderId headerIdOf(std::string_view name) {
  if (name.size() < 2 || name.size() > kLongest) {
    return HeaderId::Other;
  }
  for (uint8_t id = kIds.first[slotOf(name)]; id != 0; id = kIds.next[id]) {
    if (kHeaderNames[id] == name) {
      return static_cast<HeaderId>(id);
    }
  }
  return HeaderId::Other;
}

} // namespace moe::http
