#pragma once

#include <cstddef>

#include "base/buffer.h"
#include "base/slab.h"
#include "net/fd.h"
#include "net/socket_facts.h"

namespace moe::net {

// An accepted socket that is no connection yet, as listener filters see it.
struct AcceptedSocket {
  int fd;
  base::Slab& slab; // the worker's
  SocketFacts& facts;
  // What was read and no filter took away; it becomes the first input of the connection.
  base::Buffer& in;
};

// Looks at a new socket before it is a connection: where it was going, what its first bytes are.
// One for one socket, on one worker; filters of a listener run one after the other.
class ListenerFilter {
public:
  enum class Status {
    Continue, // done: the next filter
    NeedMore, // call onData() when more has come
    Close,    // close the socket
  };

  virtual ~ListenerFilter() = default;
  // NeedMore: onData() is called at once if bytes are there.
  virtual Status onAccept(AcceptedSocket& socket) = 0;
  // More bytes are in `in`. A filter may take bytes from its front (a header that is not the
  // application's).
  virtual Status onData(AcceptedSocket& /*socket*/) { return Status::Continue; }
  // Bytes that `in` may hold while this filter needs more: no more are read. The filter must not
  // need more once there are so many.
  virtual size_t maxBytes() const { return 0; }
  // The peer closed, or broke, the socket that this filter needs more of.
  virtual void onEnd() {}
};

} // namespace moe::net
