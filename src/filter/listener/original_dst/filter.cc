#include "filter/listener/original_dst/filter.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace moe::filter::original_dst {
namespace {

// SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST, in headers of the kernel that do not go together with
// those of the C library.
constexpr int kOriginalDst = 80;

net::AddressPtr redirectedFrom(int fd, bool v6) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, kOriginalDst, &storage, &length) != 0) {
    return nullptr; // no connection tracking here, or not of this connection
  }
  return net::Address::fromSockaddr(storage, length);
}

// IPV6_TRANSPARENT is the same bit of the socket.
bool isTransparent(int fd) {
  int on = 0;
  socklen_t length = sizeof(on);
  return ::getsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, &length) == 0 && on != 0;
}

} // namespace

net::ListenerFilter::Status OriginalDst::onAccept(net::AcceptedSocket& socket) {
  if (!socket.facts.local->isIp()) {
    return Status::Continue;
  }
  // By the address, not the socket: an IPv4 client may have come to an IPv6 socket.
  const bool v6 = socket.facts.local->kind() == net::Address::Kind::Ipv6;
  net::AddressPtr original = redirectedFrom(socket.fd, v6);
  // The socket's own address is no other destination, whatever a PROXY header has said before.
  if (original != nullptr && !(*original == *socket.facts.local) &&
      !(*original == *net::Address::localOf(socket.fd))) {
    socket.facts.local = std::move(original);
    socket.facts.localRestored = true;
  } else if (isTransparent(socket.fd)) {
    // A transparent socket has the address that the client called. Whether it was redirected
    // cannot be told: it is treated as if it were, as in Envoy.
    socket.facts.localRestored = true;
  }
  return Status::Continue;
}

} // namespace moe::filter::original_dst
