#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace moe::net {

class Address;
using AddressPtr = std::shared_ptr<const Address>;

// An IPv4, IPv6 or UNIX socket address. Immutable; shared between threads.
class Address {
public:
  enum class Kind { Ipv4, Ipv6, Pipe };

  // "127.0.0.1", "::1"; port in host order.
  static absl::StatusOr<AddressPtr> parseIp(std::string_view ip, uint16_t port);
  // "127.0.0.1:80", "[::1]:80".
  static absl::StatusOr<AddressPtr> parseIpPort(std::string_view text);
  // A path, or "@name" for the abstract namespace.
  static absl::StatusOr<AddressPtr> pipe(std::string_view path);
  // An IPv4 address that is mapped into IPv6 (a client of a socket for both) is the IPv4 address.
  static AddressPtr fromSockaddr(const sockaddr_storage& storage, socklen_t length);
  static AddressPtr localOf(int fd);
  static AddressPtr peerOf(int fd);

  Address(Kind kind, const sockaddr_storage& storage, socklen_t length);

  Kind kind() const { return kind_; }
  bool isIp() const { return kind_ != Kind::Pipe; }
  uint16_t port() const; // 0 for a pipe
  bool isAny() const;    // 0.0.0.0 or ::
  bool isLoopback() const;
  const std::string& asString() const { return text_; } // "1.2.3.4:80", "[::1]:80", path
  const std::string& ip() const { return ip_; }         // "" for a pipe
  AddressPtr withPort(uint16_t port) const;

  const sockaddr* sockAddr() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t sockAddrLength() const { return length_; }
  int family() const { return storage_.ss_family; }

  friend bool operator==(const Address& a, const Address& b) { return a.text_ == b.text_; }

private:
  Kind kind_;
  sockaddr_storage storage_;
  socklen_t length_;
  std::string text_;
  std::string ip_;
};

} // namespace moe::net
