#include "proxy/client_address.h"

#include <algorithm>

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::HeaderMap;

struct Forwarded {
  net::AddressPtr address; // null: none, or no address there
  bool single = false;     // the only one of the list
};

// The address `hops` from the right of x-forwarded-for.
Forwarded forwardedFor(const HeaderMap& headers, uint32_t hops) {
  std::string storage;
  const auto all = headers.joined("x-forwarded-for", storage);
  if (!all.has_value()) {
    return {};
  }
  std::string_view left = *all;
  for (; hops > 0; --hops) {
    const size_t comma = left.rfind(',');
    if (comma == std::string_view::npos) {
      return {};
    }
    left = left.substr(0, comma);
  }
  const size_t comma = left.rfind(',');
  std::string_view item = comma == std::string_view::npos ? left : left.substr(comma + 1);
  const size_t first = item.find_first_not_of(" \t");
  item = first == std::string_view::npos
             ? std::string_view()
             : item.substr(first, item.find_last_not_of(" \t") + 1 - first);
  auto address = net::Address::parseIp(item, 0);
  return address.ok()
             ? Forwarded{*address, left.size() == all->size() && comma == std::string_view::npos}
             : Forwarded{};
}

constexpr std::string_view kPrefix = "x-envoy-";

// Behind the prefix: what steers retries, timeouts and tracing is for internal clients only.
constexpr std::string_view kInternalOnly[] = {
    "expected-rq-timeout-ms",
    "force-trace",
    "hedge-on-per-try-timeout",
    "ip-tags",
    "max-retries",
    "original-url",
    "retriable-header-names",
    "retriable-status-codes",
    "retry-grpc-on",
    "retry-on",
    "upstream-alt-stat-name",
    "upstream-rq-per-try-timeout-ms",
    "upstream-rq-timeout-alt-response",
    "upstream-rq-timeout-ms",
};
// What a proxy behind the edge may have said, but nobody in front of it.
constexpr std::string_view kNotAtTheEdge[] = {
    "decorator-operation",     "downstream-service-cluster",
    "downstream-service-node", "external-address",
    "original-path",
};

template <size_t N> bool contains(const std::string_view (&list)[N], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

void removeInternalOnly(HeaderMap& headers, bool edge) {
  headers.removeIf([edge](const HeaderMap::Entry& entry) {
    if (!entry.name().starts_with(kPrefix)) {
      return false;
    }
    const std::string_view rest = entry.name().substr(kPrefix.size());
    return contains(kInternalOnly, rest) || (edge && contains(kNotAtTheEdge, rest));
  });
}

} // namespace

bool setClientAddress(HeaderMap& headers, const HcmConfig& config, http::StreamInfo& info) {
  headers.remove(HeaderId::EnvoyInternal);
  // Whom the connection is from: a PROXY header may say.
  const net::AddressPtr& peer = info.downstreamSocket != nullptr ? info.downstreamSocket->remote
                                                                 : info.downstreamDirectRemote;
  net::AddressPtr client;
  bool single = false; // nobody but the client itself has spoken for it
  if (config.useRemoteAddress) {
    single = !headers.has(HeaderId::ForwardedFor);
    if (config.xffTrustedHops > 0) {
      client = forwardedFor(headers, config.xffTrustedHops - 1).address;
    }
    if (client == nullptr) {
      client = peer;
    }
    if (!config.skipXffAppend && peer->isIp()) {
      headers.appendValue(HeaderId::ForwardedFor, peer->ip());
    }
  } else {
    Forwarded found = forwardedFor(headers, config.xffTrustedHops);
    client = std::move(found.address);
    single = found.single;
  }
  const bool internal = single && client != nullptr && config.internalAddresses.contains(*client);
  const bool edge = !internal && config.useRemoteAddress;
  if (internal) {
    headers.addStatic(HeaderId::EnvoyInternal, "true");
  } else {
    removeInternalOnly(headers, edge);
  }
  if (edge && client->isIp()) {
    headers.add(HeaderId::EnvoyExternalAddress, client->ip());
  }
  if (client != nullptr) {
    info.downstreamRemote = std::move(client);
  }
  return edge;
}

} // namespace moe::proxy
