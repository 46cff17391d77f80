#include "proxy/host_rules.h"

#include <charconv>

#include "base/strings.h"

namespace moe::proxy {
namespace {

using http::HeaderId;

// Where the colon of the port is ("[::1]" has none); npos if there is no port.
size_t portColon(std::string_view host) {
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos
             ? std::string_view::npos
             : colon;
}

std::optional<uint16_t> portOf(std::string_view text) {
  uint16_t port = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), port);
  return end.ec == std::errc() && end.ptr == text.data() + text.size() ? std::optional(port)
                                                                       : std::nullopt;
}

} // namespace

std::optional<uint16_t> HostRules::apply(http::HeaderMap& headers, uint16_t listenerPort) const {
  if (stripTrailingDot) {
    const std::string_view host = headers.authority();
    const size_t end = std::min(portColon(host), host.size());
    if (end > 0 && host[end - 1] == '.') {
      headers.set(HeaderId::Authority, base::cat(host.substr(0, end - 1), host.substr(end)));
    }
  }
  if (stripPort == StripPort::Never) {
    return std::nullopt;
  }
  const std::string_view host = headers.authority();
  const size_t colon = portColon(host);
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto port = portOf(host.substr(colon + 1));
  if (!port.has_value() || (stripPort == StripPort::Matching && *port != listenerPort)) {
    return std::nullopt;
  }
  headers.set(HeaderId::Authority, host.substr(0, colon));
  return port;
}

void restorePort(http::HeaderMap& headers, uint16_t port) {
  const std::string_view host = headers.authority();
  if (portColon(host) == std::string_view::npos) {
    headers.set(HeaderId::Authority, base::cat(host, ":", port));
  }
}

} // namespace moe::proxy
