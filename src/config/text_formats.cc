#include <arpa/inet.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "config/string_rules.h"

namespace moe::config {

bool isIpv4(std::string_view text) {
  in_addr address;
  return text.size() < 16 && inet_pton(AF_INET, std::string(text).c_str(), &address) == 1 &&
         text.find('\0') == text.npos;
}

bool isIpv6(std::string_view text) {
  in6_addr address;
  return text.size() < 46 && inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1 &&
         text.find('\0') == text.npos;
}

bool isHostname(std::string_view text) {
  if (!text.empty() && text.back() == '.')
    text.remove_suffix(1);
  if (text.empty() || text.size() > 253)
    return false;
  for (std::string_view label : absl::StrSplit(text, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
      return false;
    }
    for (char c : label) {
      if (!absl::ascii_isalnum(c) && c != '-')
        return false;
    }
  }
  return true;
}

bool isUriReference(std::string_view text) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=";
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3 || !absl::ascii_isxdigit(text[i + 1]) ||
          !absl::ascii_isxdigit(text[i + 2])) {
        return false;
      }
    } else if (!absl::ascii_isalnum(c) && kMarks.find(c) == kMarks.npos) {
      return false;
    }
  }
  // Without a scheme, the first segment of a path has no colon (RFC 3986 section 4.2).
  size_t colon = text.find(':');
  return colon != 0 &&
         (colon == text.npos || text.find_first_of("/?#") < colon || absl::ascii_isalpha(text[0]));
}

bool isAbsoluteUri(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || !absl::ascii_isalpha(text[0]))
    return false;
  for (char c : text.substr(0, colon)) {
    if (!absl::ascii_isalnum(c) && c != '+' && c != '-' && c != '.')
      return false;
  }
  return isUriReference(text);
}

} // namespace moe::config
