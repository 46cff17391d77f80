#include "proxy/request_headers.h"

#include <array>
#include <ctime>

#include "base/strings.h"
#include "http/codec/http1_tokens.h"
#include "proxy/client_address.h"
#include "proxy/client_certificate.h"

namespace moe::proxy {
namespace {

using http::HeaderId;
using http::HeaderMap;

constexpr std::string_view kForwardedPort = "x-forwarded-port";

// Removes what the Connection headers name: it belongs to this hop too. False: they name what a
// client must not take away from the next hop, or too much.
bool removeNominated(HeaderMap& headers) {
  constexpr size_t kMaxNominated = 10; // Envoy's; each costs a walk over the headers
  std::string storage;
  const auto options = headers.joined("connection", storage);
  size_t nominated = 0;
  bool allowed = true;
  http::forEachListItem(options.value_or(""), [&](std::string_view item) {
    if (!allowed || http::equalsIgnoreCase(item, "close") ||
        http::equalsIgnoreCase(item, "keep-alive") || http::equalsIgnoreCase(item, "upgrade") ||
        http::equalsIgnoreCase(item, "te")) { // te: looked at by itself
      return;
    }
    std::string name(item);
    for (char& c : name) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    allowed =
        ++nominated <= kMaxNominated && !name.starts_with(':') && !name.starts_with("x-forwarded-");
    if (allowed) {
      headers.remove(name);
    }
  });
  headers.remove(HeaderId::Connection);
  return allowed;
}

bool removeHopByHop(HeaderMap& headers, bool keepUpgrade) {
  if (headers.has(HeaderId::Connection) && !removeNominated(headers)) {
    return false;
  }
  headers.remove(HeaderId::KeepAlive);
  headers.remove(HeaderId::ProxyConnection);
  headers.remove(HeaderId::TransferEncoding);
  if (headers.has(HeaderId::Te)) {
    bool trailers = false;
    http::forEachListItem(headers.value(HeaderId::Te), [&](std::string_view item) {
      trailers = trailers || http::equalsIgnoreCase(item, "trailers");
    });
    headers.remove(HeaderId::Te);
    if (trailers) {
      headers.addStatic(HeaderId::Te, "trailers");
    }
  }
  if (keepUpgrade) {
    headers.addStatic(HeaderId::Connection, "upgrade");
  } else {
    headers.remove(HeaderId::Upgrade);
  }
  headers.remove(HeaderId::Http2Settings); // no upgrade to HTTP/2 is ever passed on
  return true;
}

// A version 4 UUID (RFC 9562 section 5.4).
std::array<char, 36> uuid(base::Random& random) {
  constexpr char digits[] = "0123456789abcdef";
  uint64_t words[2] = {random.next(), random.next()};
  words[0] = (words[0] & ~0xf000ULL) | 0x4000ULL;
  words[1] = (words[1] & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;
  std::array<char, 36> text;
  size_t nibble = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      text[i] = '-';
      continue;
    }
    text[i] = digits[(words[nibble / 16] >> (60 - nibble % 16 * 4)) & 15];
    ++nibble;
  }
  return text;
}

} // namespace

absl::Status prepareRequestHeaders(HeaderMap& headers, const HcmConfig& config,
                                   http::StreamInfo& info, base::Random& random, bool keepUpgrade) {
  if (!removeHopByHop(headers, keepUpgrade)) {
    return absl::InvalidArgumentError("http1.connection_header_rejected");
  }
  // A fragment is never sent (RFC 9112 section 3.2); the next hop might read the path without it.
  if (headers.path().find('#') != std::string_view::npos) {
    config.stats.rqFailedPathNormalization.inc();
    return absl::InvalidArgumentError("path_normalization_failed");
  }
  const bool edge = setClientAddress(headers, config, info);
  forwardClientCertificate(headers, config.clientCertificate, info.downstreamTls.get());
  // Only a trusted hop in front may say how the client came.
  if (!headers.has(HeaderId::ForwardedProto) ||
      (config.useRemoteAddress && config.xffTrustedHops == 0)) {
    headers.setStatic(HeaderId::ForwardedProto, info.downstreamTls == nullptr ? "http" : "https");
  }
  if (config.appendForwardedPort &&
      ((config.useRemoteAddress && config.xffTrustedHops == 0) ||
       !headers.get(kForwardedPort).has_value()) &&
      info.downstreamLocal->isIp()) {
    headers.set(kForwardedPort, base::cat(info.downstreamLocal->port()));
  }
  if (!config.schemeToSet.empty()) {
    headers.setStatic(HeaderId::Scheme, config.schemeToSet);
    headers.setStatic(HeaderId::ForwardedProto, config.schemeToSet);
  }
  if (!headers.has(HeaderId::Scheme)) {
    const std::string_view proto = headers.value(HeaderId::ForwardedProto);
    headers.addStatic(HeaderId::Scheme, proto == "https" ? "https" : "http");
  }
  if (config.generateRequestId &&
      (!headers.has(HeaderId::RequestId) || (edge && !config.preserveExternalRequestId))) {
    const auto id = uuid(random);
    headers.set(HeaderId::RequestId, {id.data(), id.size()});
  }
  if (!config.via.empty()) {
    headers.appendValue(HeaderId::Via, config.via);
  }
  return absl::OkStatus();
}

void prepareResponseHeaders(HeaderMap& headers, const HcmConfig& config, bool keepUpgrade) {
  headers.remove(HeaderId::Connection);
  headers.remove(HeaderId::KeepAlive);
  headers.remove(HeaderId::ProxyConnection);
  headers.remove(HeaderId::TransferEncoding);
  if (keepUpgrade) {
    headers.addStatic(HeaderId::Connection, "upgrade");
  } else {
    headers.remove(HeaderId::Upgrade);
  }
  switch (config.serverHeader) {
  case HcmConfig::ServerHeader::Overwrite:
    headers.setStatic(HeaderId::Server, config.serverName);
    break;
  case HcmConfig::ServerHeader::AppendIfAbsent:
    if (!headers.has(HeaderId::Server)) {
      headers.addStatic(HeaderId::Server, config.serverName);
    }
    break;
  case HcmConfig::ServerHeader::PassThrough:
    break;
  }
  if (!config.via.empty()) {
    headers.appendValue(HeaderId::Via, config.via);
  }
  if (!headers.has(HeaderId::Date)) {
    std::array<char, 32> text;
    std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    headers.add(HeaderId::Date, {text.data(), std::strftime(text.data(), text.size(),
                                                            "%a, %d %b %Y %H:%M:%S GMT", &utc)});
  }
}

} // namespace moe::proxy
