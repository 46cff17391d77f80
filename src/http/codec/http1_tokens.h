#pragma once

#include <string_view>

#include "http/header_id.h"

namespace moe::http {

inline bool equalsIgnoreCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower[i]) {
      return false;
    }
  }
  return true;
}

inline int hexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The items of a comma-separated list (RFC 9110 section 5.6.1), empty ones left out.
template <class F> void forEachListItem(std::string_view list, F&& f) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) {
      item.remove_prefix(1);
    }
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) {
      item.remove_suffix(1);
    }
    if (!item.empty()) {
      f(item);
    }
  }
}

// Fields that must not come as trailers because they frame, route or authenticate the message.
inline bool forbiddenTrailer(HeaderId id) {
  switch (id) {
  case HeaderId::ContentLength:
  case HeaderId::TransferEncoding:
  case HeaderId::Host:
  case HeaderId::Connection:
  case HeaderId::KeepAlive:
  case HeaderId::ProxyConnection:
  case HeaderId::Te:
  case HeaderId::Trailer:
  case HeaderId::Upgrade:
  case HeaderId::Expect:
  case HeaderId::ContentType:
  case HeaderId::ContentEncoding:
  case HeaderId::Cookie:
  case HeaderId::SetCookie:
  case HeaderId::ForwardedFor:
  case HeaderId::ForwardedHost:
  case HeaderId::ForwardedProto:
  case HeaderId::ForwardedClientCert:
  case HeaderId::RequestId:
    return true;
  default:
    return false;
  }
}

// By name, too: request modifiers, credentials and controls (RFC 9110 section 6.5.1), and what
// proxies tell one another.
inline bool forbiddenTrailer(HeaderId id, std::string_view name) {
  static constexpr std::string_view kNames[] = {"age",
                                                "authorization",
                                                "cache-control",
                                                "content-range",
                                                "date",
                                                "expires",
                                                "forwarded",
                                                "location",
                                                "max-forwards",
                                                "pragma",
                                                "range",
                                                "proxy-authenticate",
                                                "proxy-authorization",
                                                "www-authenticate",
                                                "x-real-ip"};
  if (forbiddenTrailer(id) || name.starts_with("x-envoy-") || name.starts_with("x-forwarded-") ||
      name.starts_with("if-")) {
    return true;
  }
  for (const std::string_view forbidden : kNames) {
    if (name == forbidden) {
      return true;
    }
  }
  return false;
}

} // namespace moe::http
