#include "filter/listener/proxy_protocol/header.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace moe::filter::proxy_protocol {
namespace {

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kMaxLine = 107; // with its CRLF
constexpr size_t kHeader2 = 16;

uint8_t byteAt(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }
size_t number2(std::string_view text, size_t i) {
  return static_cast<size_t>(byteAt(text, i)) << 8 | byteAt(text, i + 1);
}

bool begins(std::string_view bytes, std::string_view signature) {
  const size_t n = std::min(bytes.size(), signature.size());
  return bytes.substr(0, n) == signature.substr(0, n);
}

// Something that a TCP connection can come from or go to.
bool isUnicast(const net::Address& address) {
  if (address.isAny()) {
    return false;
  }
  if (address.kind() == net::Address::Kind::Ipv4) {
    const uint32_t ip =
        ntohl(reinterpret_cast<const sockaddr_in*>(address.sockAddr())->sin_addr.s_addr);
    return ip != INADDR_BROADCAST && !IN_MULTICAST(ip);
  }
  return !IN6_IS_ADDR_MULTICAST(
      &reinterpret_cast<const sockaddr_in6*>(address.sockAddr())->sin6_addr);
}

// --- version 1: a line of text

bool readPort(std::string_view text, uint16_t& port) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) {
    return false;
  }
  uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return false;
    }
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  port = static_cast<uint16_t>(value);
  return value <= 65535;
}

net::AddressPtr readAddress(std::string_view ip, std::string_view portText,
                            net::Address::Kind kind) {
  uint16_t port = 0;
  if (!readPort(portText, port)) {
    return nullptr;
  }
  auto address = net::Address::parseIp(ip, port);
  return address.ok() && (*address)->kind() == kind ? *address : nullptr;
}

// `line` is without its signature and CRLF: "TCP4 1.2.3.4 5.6.7.8 1000 80".
bool parseLine(std::string_view line, Header& header) {
  // Whatever an unknown protocol's addresses are, they are not looked at.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) {
    header.local = true;
    return true;
  }
  std::array<std::string_view, 5> words;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t space = line.find(' ');
    if ((space == line.npos) != (i + 1 == words.size())) {
      return false;
    }
    words[i] = line.substr(0, space);
    line.remove_prefix(std::min(line.size(), words[i].size() + 1));
  }
  const bool v4 = words[0] == "TCP4";
  if (!v4 && words[0] != "TCP6") {
    return false;
  }
  const auto kind = v4 ? net::Address::Kind::Ipv4 : net::Address::Kind::Ipv6;
  header.source = readAddress(words[1], words[3], kind);
  header.destination = readAddress(words[2], words[4], kind);
  return header.source != nullptr && header.destination != nullptr;
}

ParseResult parseV1(std::string_view bytes, Header& header) {
  const size_t end = bytes.substr(0, kMaxLine).find("\r\n");
  if (end == bytes.npos) {
    return {bytes.size() < kMaxLine ? ParseState::NeedMore : ParseState::Malformed, 1,
            bytes.size() + 1};
  }
  header.version = 1;
  header.size = end + 2;
  const bool good = parseLine(bytes.substr(kSignature1.size(), end - kSignature1.size()), header) &&
                    (header.local || (isUnicast(*header.source) && isUnicast(*header.destination)));
  return {good ? ParseState::Found : ParseState::Malformed, 1, 0};
}

// --- version 2: binary

constexpr size_t addressesSize(bool v6) { return v6 ? 36 : 12; }

net::AddressPtr binaryAddress(std::string_view ip, size_t port) {
  sockaddr_storage storage{};
  if (ip.size() == 4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&v4.sin_addr, ip.data(), ip.size());
    return net::Address::fromSockaddr(storage, sizeof(v4));
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(port));
  std::memcpy(&v6.sin6_addr, ip.data(), ip.size());
  return net::Address::fromSockaddr(storage, sizeof(v6));
}

bool parseTlvs(std::string_view rest, std::vector<Tlv>& out) {
  while (!rest.empty()) {
    if (rest.size() < 3) {
      return false;
    }
    const size_t length = number2(rest, 1);
    if (rest.size() < 3 + length) {
      return false;
    }
    out.push_back({byteAt(rest, 0), rest.substr(3, length)});
    rest.remove_prefix(3 + length);
  }
  return true;
}

ParseResult parseV2(std::string_view bytes, Header& header) {
  if (bytes.size() < kHeader2) {
    return {ParseState::NeedMore, 2, kHeader2};
  }
  constexpr ParseResult malformed{ParseState::Malformed, 2, 0};
  const int version = byteAt(bytes, 12) >> 4;
  const int command = byteAt(bytes, 12) & 15;
  const int family = byteAt(bytes, 13) >> 4;
  const int transport = byteAt(bytes, 13) & 15;
  const size_t length = number2(bytes, 14);
  constexpr int local = 0;
  constexpr int proxy = 1;
  constexpr int inet6 = 2; // 1: IPv4; 0 and 3 (unspecified, UNIX) are no addresses of a TCP client
  if (version != 2 || (command != local && command != proxy)) {
    return malformed;
  }
  const bool v6 = family == inet6;
  if (command == proxy &&
      ((family != 1 && !v6) || (transport != 1 && transport != 2) || length < addressesSize(v6))) {
    return malformed;
  }
  if (bytes.size() < kHeader2 + length) {
    return {ParseState::NeedMore, 2, kHeader2 + length};
  }
  header.version = 2;
  header.size = kHeader2 + length;
  header.local = command == local;
  if (header.local) {
    return {ParseState::Found, 2, 0}; // what follows has no meaning
  }
  const std::string_view body = bytes.substr(kHeader2, length);
  const size_t ip = v6 ? 16 : 4;
  header.source = binaryAddress(body.substr(0, ip), number2(body, 2 * ip));
  header.destination = binaryAddress(body.substr(ip, ip), number2(body, 2 * ip + 2));
  const bool good = isUnicast(*header.source) && isUnicast(*header.destination) &&
                    parseTlvs(body.substr(addressesSize(v6)), header.tlvs);
  return {good ? ParseState::Found : ParseState::Malformed, 2, 0};
}

} // namespace

ParseResult parseHeader(std::string_view bytes, const ParseOptions& options, Header& header) {
  header = {};
  if (bytes.empty()) {
    return {ParseState::NeedMore, 0, 1};
  }
  // The two differ in their first byte. Each byte may tell that it is neither.
  if (options.v2 && begins(bytes, kSignature2)) {
    return bytes.size() < kSignature2.size()
               ? ParseResult{ParseState::NeedMore, 0, bytes.size() + 1}
               : parseV2(bytes, header);
  }
  if (options.v1 && begins(bytes, kSignature1)) {
    return bytes.size() < kSignature1.size()
               ? ParseResult{ParseState::NeedMore, 0, bytes.size() + 1}
               : parseV1(bytes, header);
  }
  return {ParseState::NotProxy, 0, 0};
}

} // namespace moe::filter::proxy_protocol
