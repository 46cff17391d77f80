#include "http/codec/http2_headers.h"

#include <algorithm>

#include "base/strings.h"
#include "http/codec/http1_tokens.h"
#include "http/upgrade.h"
#include "http/validation.h"

namespace moe::http {
namespace {

void put(NgHeaders& out, std::string_view name, std::string_view value) {
  // nghttp2 copies; its type is not const.
  auto bytes = [](std::string_view text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  out.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
}

// Belongs to a connection, or is said by a pseudo-header.
bool ofHttp1(const HeaderMap::Entry& entry) {
  switch (entry.id) {
  case HeaderId::Connection:
  case HeaderId::KeepAlive:
  case HeaderId::ProxyConnection:
  case HeaderId::TransferEncoding:
  case HeaderId::Upgrade:
  case HeaderId::Http2Settings:
  case HeaderId::Host:
    return true;
  case HeaderId::Te:
    return !equalsIgnoreCase(entry.value(), "trailers");
  default:
    return entry.nameSize != 0 && entry.nameData[0] == ':';
  }
}

void putRest(const HeaderMap& headers, NgHeaders& out, bool dropLength) {
  for (const HeaderMap::Entry& entry : headers.entries()) {
    if (!ofHttp1(entry) && !(dropLength && entry.id == HeaderId::ContentLength)) {
      put(out, entry.name(), entry.value());
    }
  }
}

void joinCookies(HeaderMap& headers) {
  if (headers.count(HeaderId::Cookie) < 2) {
    return;
  }
  std::string all;
  for (const HeaderMap::Entry& entry : headers.entries()) {
    if (entry.id == HeaderId::Cookie) {
      all.append(all.empty() ? "" : "; ").append(entry.value());
    }
  }
  headers.set(HeaderId::Cookie, all);
}

bool sameIgnoringCase(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

absl::Status malformed(const char* details) { return absl::InvalidArgumentError(details); }

} // namespace

absl::Status toNgRequest(const HeaderMap& headers, NgHeaders& out, bool& upgrade) {
  upgrade = isUpgrade(headers);
  const bool connect = headers.method() == "CONNECT";
  if (headers.method().empty() || headers.authority().empty() ||
      (!connect && headers.path().empty())) {
    return malformed("missing required header: :method, :path or :authority");
  }
  put(out, ":method", upgrade ? std::string_view("CONNECT") : headers.method());
  put(out, ":authority", headers.authority());
  if (!connect) {
    const std::string_view scheme = headers.scheme();
    put(out, ":scheme", scheme.empty() ? std::string_view("http") : scheme);
    put(out, ":path", headers.path());
  }
  if (upgrade) {
    put(out, ":protocol", headers.value(HeaderId::Upgrade));
  }
  putRest(headers, out, upgrade || connect);
  return absl::OkStatus();
}

void toNgResponse(const HeaderMap& headers, bool upgrade, NgHeaders& out) {
  const bool accepted = upgrade && headers.status() == 101;
  put(out, ":status", accepted ? std::string_view("200") : headers.value(HeaderId::Status));
  putRest(headers, out, accepted || headers.status() == 204);
}

void toNgTrailers(const HeaderMap& trailers, NgHeaders& out) { putRest(trailers, out, true); }

const char* fieldProblem(std::string_view name, std::string_view value, const HeaderMap& before,
                         bool pseudoAllowed) {
  if (name.empty() || !isFieldValue(value)) {
    return "http2.invalid_header";
  }
  if (value.starts_with(' ') || value.starts_with('\t') || value.ends_with(' ') ||
      value.ends_with('\t')) {
    return "http2.invalid_header_value"; // section 8.2.1
  }
  const HeaderId id = headerIdOf(name);
  if (name.front() == ':') {
    const bool known = id == HeaderId::Method || id == HeaderId::Scheme || id == HeaderId::Path ||
                       id == HeaderId::Authority || id == HeaderId::Status ||
                       id == HeaderId::Protocol;
    return known && pseudoAllowed && !before.has(id) ? nullptr : "http2.invalid_pseudo_header";
  }
  for (const char c : name) {
    if (c == '\0' || kTokenLower[static_cast<uint8_t>(c)] != static_cast<uint8_t>(c)) {
      return "http2.invalid_header_name"; // no token (to the table 0), or in upper case
    }
  }
  switch (id) {
  case HeaderId::Connection:
  case HeaderId::KeepAlive:
  case HeaderId::ProxyConnection:
  case HeaderId::TransferEncoding:
  case HeaderId::Upgrade:
    return "http2.connection_header"; // section 8.2.2
  case HeaderId::Te:
    return equalsIgnoreCase(value, "trailers") ? nullptr : "http2.invalid_te";
  case HeaderId::ContentLength:
    return before.has(id) ? "http2.multiple_content_length" : nullptr;
  default:
    return nullptr;
  }
}

namespace {

// :authority stands for Host, too; a Host that differs makes the request malformed (section 8.3.1).
absl::Status takeAuthority(HeaderMap& headers) {
  if (headers.has(HeaderId::Host)) {
    const std::string_view host = headers.value(HeaderId::Host);
    if (headers.count(HeaderId::Host) > 1) {
      return malformed("http2.multiple_host");
    }
    if (!headers.has(HeaderId::Authority)) {
      headers.add(HeaderId::Authority, host);
    } else if (!sameIgnoringCase(host, headers.authority())) {
      return malformed("http2.host_differs_from_authority");
    }
    headers.remove(HeaderId::Host);
  }
  if (headers.authority().empty()) {
    return malformed("missing_host_header");
  }
  return isAuthority(headers.authority()) ? absl::OkStatus() : malformed("http2.invalid_authority");
}

// Section 8.3.1; for CONNECT section 8.5, with :protocol RFC 8441 section 4.
absl::Status checkTarget(const HeaderMap& headers, bool allowConnect) {
  const std::string_view method = headers.method();
  if (!isKnownMethod(method) || headers.has(HeaderId::Status)) {
    return malformed("http2.invalid_method");
  }
  const bool extended = headers.has(HeaderId::Protocol);
  if (extended &&
      (!allowConnect || method != "CONNECT" || !isToken(headers.value(HeaderId::Protocol)))) {
    return malformed("http2.invalid_protocol");
  }
  if (method == "CONNECT" && !extended) {
    const bool port = !portOf(headers.authority()).empty();
    return port && !headers.has(HeaderId::Scheme) && !headers.has(HeaderId::Path)
               ? absl::OkStatus()
               : malformed("http2.invalid_connect_target");
  }
  if (!equalsIgnoreCase(headers.scheme(), "http") && !equalsIgnoreCase(headers.scheme(), "https")) {
    return malformed("http2.invalid_scheme");
  }
  const std::string_view path = headers.path();
  const bool wellFormed =
      path.starts_with('/') ? isTargetText(path) : path == "*" && method == "OPTIONS";
  return wellFormed ? absl::OkStatus() : malformed("http2.invalid_path");
}

} // namespace

absl::Status fromRequest(HeaderMap& headers, bool allowConnect, bool& upgrade) {
  absl::Status status = takeAuthority(headers);
  status.Update(checkTarget(headers, allowConnect));
  if (!status.ok()) {
    return status;
  }
  if (headers.contentLength() == UINT64_MAX) {
    return malformed("http2.invalid_content_length");
  }
  upgrade = headers.has(HeaderId::Protocol);
  if (upgrade) {
    headers.setStatic(HeaderId::Method, "GET");
    headers.add(HeaderId::Upgrade, headers.value(HeaderId::Protocol));
    headers.addStatic(HeaderId::Connection, "upgrade");
    headers.remove(HeaderId::Protocol);
    headers.remove(HeaderId::ContentLength); // of a tunnel: says nothing
  }
  joinCookies(headers);
  return absl::OkStatus();
}

absl::Status fromResponse(HeaderMap& headers, std::string_view upgrade) {
  const uint32_t status = headers.status();
  for (const HeaderId id : {HeaderId::Method, HeaderId::Path, HeaderId::Scheme, HeaderId::Authority,
                            HeaderId::Protocol}) {
    if (headers.has(id)) {
      return malformed("http2.invalid_pseudo_header");
    }
  }
  if (status < 100 || status == 101) {
    return malformed("http2.invalid_status"); // section 8.6
  }
  if (headers.contentLength() == UINT64_MAX) {
    return malformed("http2.invalid_content_length");
  }
  if (!upgrade.empty() && status >= 200 && status < 300) {
    headers.setStatus(101);
    headers.set(HeaderId::Upgrade, upgrade);
    headers.setStatic(HeaderId::Connection, "upgrade");
  }
  return absl::OkStatus();
}

} // namespace moe::http
