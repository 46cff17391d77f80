#include "net/address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "base/strings.h"

namespace moe::net {

Address::Address(Kind kind, const sockaddr_storage& storage, socklen_t length)
    : kind_(kind), storage_(storage), length_(length) {
  char text[INET6_ADDRSTRLEN] = {};
  switch (kind) {
  case Kind::Ipv4:
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, text,
              sizeof(text));
    ip_ = text;
    text_ = base::cat(ip_, ":", port());
    break;
  case Kind::Ipv6:
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, text,
              sizeof(text));
    ip_ = text;
    text_ = base::cat("[", ip_, "]:", port());
    break;
  case Kind::Pipe: {
    const auto& un = reinterpret_cast<const sockaddr_un&>(storage_);
    const size_t size = length_ - offsetof(sockaddr_un, sun_path);
    if (size > 0 && un.sun_path[0] == '\0') {
      text_ = base::cat("@", std::string_view(un.sun_path + 1, size - 1));
    } else if (size > 0) {
      text_ = std::string(un.sun_path, strnlen(un.sun_path, size));
    }
    break;
  }
  }
}

absl::StatusOr<AddressPtr> Address::parseIp(std::string_view ip, uint16_t port) {
  const std::string text(ip);
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return std::make_shared<const Address>(Kind::Ipv4, storage, sizeof(sockaddr_in));
  }
  storage = {};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return std::make_shared<const Address>(Kind::Ipv6, storage, sizeof(sockaddr_in6));
  }
  return absl::InvalidArgumentError(
      base::cat("found \"", ip, "\", expected an IPv4 or IPv6 address"));
}

absl::StatusOr<AddressPtr> Address::parseIpPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data() + colon + 1, end, port);
    std::string_view ip = text.substr(0, colon);
    const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
    if (bracketed) {
      ip = ip.substr(1, ip.size() - 2);
    }
    if (error == std::errc() && last == end && bracketed == (ip.find(':') != ip.npos)) {
      return parseIp(ip, port);
    }
  }
  return absl::InvalidArgumentError(
      base::cat("found \"", text, "\", expected ADDRESS:PORT or [ADDRESS]:PORT"));
}

absl::StatusOr<AddressPtr> Address::pipe(std::string_view path) {
  sockaddr_storage storage{};
  auto& un = reinterpret_cast<sockaddr_un&>(storage);
  if (path.empty() || path.size() >= sizeof(un.sun_path)) {
    return absl::InvalidArgumentError(base::cat("found a socket path of ", path.size(),
                                                " bytes, expected 1 to ", sizeof(un.sun_path) - 1));
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  size_t length = offsetof(sockaddr_un, sun_path) + path.size();
  if (path.front() == '@') {
    un.sun_path[0] = '\0'; // abstract: no terminating NUL
  } else {
    ++length;
  }
  return std::make_shared<const Address>(Kind::Pipe, storage, static_cast<socklen_t>(length));
}

AddressPtr Address::fromSockaddr(const sockaddr_storage& storage, socklen_t length) {
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  if (storage.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    sockaddr_storage inner{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(inner);
    v4.sin_family = AF_INET;
    v4.sin_port = v6.sin6_port;
    std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof(v4.sin_addr));
    return std::make_shared<const Address>(Kind::Ipv4, inner, sizeof(sockaddr_in));
  }
  Kind kind = Kind::Pipe;
  if (storage.ss_family == AF_INET) {
    kind = Kind::Ipv4;
  } else if (storage.ss_family == AF_INET6) {
    kind = Kind::Ipv6;
  }
  return std::make_shared<const Address>(kind, storage, length);
}

AddressPtr Address::localOf(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    storage = {};
    length = sizeof(sa_family_t);
  }
  return fromSockaddr(storage, length);
}

AddressPtr Address::peerOf(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    storage = {};
    length = sizeof(sa_family_t);
  }
  return fromSockaddr(storage, length);
}

uint16_t Address::port() const {
  switch (kind_) {
  case Kind::Ipv4:
    return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
  case Kind::Ipv6:
    return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
  case Kind::Pipe:
    return 0;
  }
  return 0;
}

bool Address::isAny() const {
  if (kind_ == Kind::Ipv4) {
    return reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr == INADDR_ANY;
  }
  return kind_ == Kind::Ipv6 &&
         IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr) != 0;
}

bool Address::isLoopback() const {
  if (kind_ == Kind::Ipv4) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage_);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  return kind_ == Kind::Ipv6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr) != 0;
}

AddressPtr Address::withPort(uint16_t port) const {
  sockaddr_storage storage = storage_;
  if (kind_ == Kind::Ipv4) {
    reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
  } else if (kind_ == Kind::Ipv6) {
    reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
  }
  return std::make_shared<const Address>(kind_, storage, length_);
}

} // namespace moe::net
