#include "http/validation.h"

#include <algorithm>

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
    if (byte <= 0x20 || byte >= 0x7f || c == '#') {
      return false;
    }
  }
  return !text.empty();
}

bool isAuthority(std::string_view text) {
  if (text.empty()) {
    return true;
  }
  size_t host = 0; // its end
  if (text.front() == '[') {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || bracket == 1) {
      return false;
    }
    host = bracket + 1;
  } else {
    host = std::min(text.find(':'), text.size());
  }
  const bool literal = text.front() == '[';
  for (const char c : literal ? text.substr(1, host - 2) : text.substr(0, host)) {
    const auto byte = static_cast<uint8_t>(c);
    const bool allowed = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') || (literal && c == ':') ||
                         std::string_view("-._~!$&'()*+,;=%").find(c) != std::string_view::npos;
    if (!allowed) {
      return false;
    }
  }
  if (host == 0 || host == text.size()) {
    return host != 0;
  }
  const std::string_view port = text.substr(host + 1);
  return text[host] == ':' && port.size() <= 5 &&
         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view portOf(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  return colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos
             ? std::string_view()
             : authority.substr(colon + 1);
}

bool isKnownMethod(std::string_view method) {
  if (method == "GET" || method == "POST") {
    return true;
  }
  static constexpr std::string_view kOthers[] = {
      "ACL",    "BIND",   "CHECKOUT", "CONNECT",    "COPY",       "DELETE",     "HEAD",
      "LINK",   "LOCK",   "M-SEARCH", "MERGE",      "MKACTIVITY", "MKCALENDAR", "MKCOL",
      "MOVE",   "NOTIFY", "OPTIONS",  "PATCH",      "PROPFIND",   "PROPPATCH",  "PURGE",
      "PUT",    "REBIND", "REPORT",   "SEARCH",     "SOURCE",     "SUBSCRIBE",  "TRACE",
      "UNBIND", "UNLINK", "UNLOCK",   "UNSUBSCRIBE"};
  return std::find(std::begin(kOthers), std::end(kOthers), method) != std::end(kOthers);
}

} // namespace moe::http
