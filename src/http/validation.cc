#include "http/validation.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace moe::http {
namespace {

constexpr std::array<uint8_t, 256> makeTokens() {
  std::array<uint8_t, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")) {
    table[static_cast<uint8_t>(c)] = static_cast<uint8_t>(c);
  }
  for (char c = 'A'; c <= 'Z'; ++c) {
    table[static_cast<uint8_t>(c)] = static_cast<uint8_t>(c - 'A' + 'a');
  }
  return table;
}

bool valueByte(uint8_t c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; }

} // namespace

const std::array<uint8_t, 256> kTokenLower = makeTokens();

bool isToken(std::string_view text) {
  for (const char c : text) {
    if (kTokenLower[static_cast<uint8_t>(c)] == 0) {
      return false;
    }
  }
  return !text.empty();
}

bool isFieldValue(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
#ifdef __SSE2__
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i lastControl = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Unsigned bytes <= 0x1f, but for TAB.
    const __m128i control = _mm_andnot_si128(
        _mm_cmpeq_epi8(bytes, tab), _mm_cmpeq_epi8(_mm_min_epu8(bytes, lastControl), bytes));
    if (_mm_movemask_epi8(_mm_or_si128(control, _mm_cmpeq_epi8(bytes, del))) != 0) {
      return false;
    }
  }
#endif
  for (; at != end; ++at) {
    if (!valueByte(static_cast<uint8_t>(*at))) {
      return false;
    }
  }
  return true;
}

bool isTargetText(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      return false;
    }
  }
  return !text.empty();
}

bool isAuthority(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool allowed = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') ||
                         std::string_view("-._~!$&'()*+,;=:[]%").find(c) != std::string_view::npos;
    if (!allowed) {
      return false;
    }
  }
  return true;
}

} // namespace moe::http
