#pragma once

#include "net/listener_filter.h"

namespace moe::filter::original_dst {

// Restores where a redirected connection was going: what iptables' REDIRECT replaced
// (SO_ORIGINAL_DST), or, with TPROXY, the socket's own address. A socket that was not redirected
// stays as it is.
class OriginalDst final : public net::ListenerFilter {
public:
  Status onAccept(net::AcceptedSocket& socket) override;
};

} // namespace moe::filter::original_dst
