#include "http/path.h"

#include <vector>

#include "http/codec/http1_tokens.h"

namespace moe::http {
namespace {

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Decodes what need not be encoded; upper-cases the hex digits of the rest. A backslash is a slash:
// some servers take it for one (WHATWG URL section 4.4), so that it must not hide a segment.
std::optional<std::string> decodeUnreserved(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out.push_back(path[i] == '\\' ? '/' : path[i]);
      continue;
    }
    const int high = i + 2 < path.size() ? hexDigit(path[i + 1]) : -1;
    const int low = i + 2 < path.size() ? hexDigit(path[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    const char c = static_cast<char>(high * 16 + low);
    if (c == '\0') {
      return std::nullopt;
    }
    if (unreserved(c)) {
      out.push_back(c);
    } else {
      constexpr char digits[] = "0123456789ABCDEF";
      out.push_back('%');
      out.push_back(digits[high]);
      out.push_back(digits[low]);
    }
    i += 2;
  }
  return out;
}

} // namespace

std::optional<std::string> normalizePath(std::string_view path) {
  const std::string_view only = pathOnly(path);
  const std::string_view rest = path.substr(only.size());
  if (only.empty() || (only.front() != '/' && only.front() != '\\')) {
    return std::string(path); // "*", CONNECT
  }
  auto decoded = decodeUnreserved(only);
  if (!decoded.has_value()) {
    return std::nullopt;
  }
  std::vector<std::string_view> segments;
  std::string_view left = std::string_view(*decoded).substr(1);
  bool slashAtEnd = false;
  while (true) {
    const size_t slash = left.find('/');
    const std::string_view segment = left.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    if (segment == "..") {
      if (segments.empty()) {
        return std::nullopt;
      }
      segments.pop_back();
      slashAtEnd = last;
    } else if (segment == ".") {
      slashAtEnd = last;
    } else {
      segments.push_back(segment);
    }
    if (last) {
      break;
    }
    left = left.substr(slash + 1);
  }
  std::string out;
  out.reserve(path.size());
  for (const std::string_view segment : segments) {
    out.push_back('/');
    out.append(segment);
  }
  if (out.empty() || slashAtEnd) {
    out.push_back('/');
  }
  return out.append(rest);
}

std::string mergeSlashes(std::string_view path) {
  const std::string_view only = pathOnly(path);
  std::string out;
  out.reserve(path.size());
  for (const char c : only) {
    if (c != '/' || out.empty() || out.back() != '/') {
      out.push_back(c);
    }
  }
  return out.append(path.substr(only.size()));
}

std::optional<std::string> unescapeSlashes(std::string_view path) {
  const std::string_view only = path.substr(0, path.find('?'));
  if (only.find('%') == std::string_view::npos) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < only.size(); ++i) {
    const char kind = only[i] == '%' && i + 2 < only.size() ? only[i + 1] : '\0';
    const char last = kind == '\0' ? '\0' : static_cast<char>(only[i + 2] | 0x20);
    const bool slash = (kind == '2' && last == 'f') || (kind == '5' && last == 'c');
    out.push_back(!slash ? only[i] : kind == '2' ? '/' : '\\');
    i += slash ? 2 : 0;
  }
  if (out.size() == only.size()) {
    return std::nullopt;
  }
  return out.append(path.substr(only.size()));
}

std::string_view queryOf(std::string_view path) {
  const size_t question = path.find('?');
  if (question == std::string_view::npos) {
    return {};
  }
  const std::string_view query = path.substr(question + 1);
  return query.substr(0, query.find('#'));
}

std::optional<std::string_view> queryParameter(std::string_view path, std::string_view name) {
  std::string_view query = queryOf(path);
  while (!query.empty()) {
    const size_t amp = query.find('&');
    const std::string_view item = query.substr(0, amp);
    const size_t equals = item.find('=');
    if (item.substr(0, equals) == name) {
      return equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
    }
    query = amp == std::string_view::npos ? std::string_view() : query.substr(amp + 1);
  }
  return std::nullopt;
}

} // namespace moe::http
