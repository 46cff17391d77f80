#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace moe::net {

// What is known of an accepted socket before any byte of the application: where it was going, who
// it is from, and what listener filters found in its first bytes. Filter chains are chosen by it,
// and it goes on to the connection.
struct SocketFacts {
  // A value that a listener filter leaves for logs and filters: filter metadata of the connection.
  struct Metadata {
    std::string nameSpace;
    std::string key;
    std::string value; // UTF-8
  };

  // Where the client meant to go, as far as known: the accepted socket's own address, unless a
  // filter restored another.
  AddressPtr local;
  bool localRestored = false;
  AddressPtr remote;       // the client: the peer, unless a filter was told of another
  AddressPtr directRemote; // the peer
  std::string serverName;  // SNI, in lower case; empty: none
  // "tls", or empty: nothing was detected, which matches as "raw_buffer".
  std::string_view transportProtocol;
  std::vector<std::string> applicationProtocols; // ALPN, or what the bytes look like
  std::vector<Metadata> metadata;

  std::string_view transport() const {
    return transportProtocol.empty() ? std::string_view("raw_buffer") : transportProtocol;
  }
  // More is known than the addresses of the socket.
  bool any() const {
    return localRestored || remote != directRemote || !serverName.empty() ||
           !transportProtocol.empty() || !applicationProtocols.empty() || !metadata.empty();
  }
};
using SocketFactsPtr = std::shared_ptr<const SocketFacts>;

} // namespace moe::net
