#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "event/worker.h"
#include "net/address.h"

namespace moe::tls {
class TlsPeer; // tls/peer.h; this layer only hands it on
} // namespace moe::tls

namespace moe::net {

// What must happen before a transport socket can go on.
struct Wants {
  bool read = false;   // the descriptor is readable
  bool write = false;  // it is writable
  bool answer = false; // TransportCallbacks::onTransportAnswer
};

class TransportCallbacks {
public:
  // What was asked elsewhere (a signature, a certificate's check) is answered: handshake() shall be
  // called again. On the connection's worker, from the loop or from within handshake().
  virtual void onTransportAnswer() = 0;

protected:
  ~TransportCallbacks() = default;
};

// The bytes of an application over a socket that does not carry them as they are. Owned by one
// connection, which alone calls it, on its worker. Makes no callback but onTransportAnswer.
class TransportSocket {
public:
  enum class Outcome {
    More,    // as far as was asked; there may be more to do
    Blocked, // wants() says what for
    End,     // the peer will send no more
    Failed,  // failure() says why. An alert for the peer may be unsent(): flush() once, then close
  };

  virtual ~TransportSocket() = default;

  // Once, before everything else. The descriptor stays the connection's; worker and callbacks
  // outlive the transport socket.
  virtual void attach(int fd, event::Worker& worker, TransportCallbacks& callbacks) = 0;
  // Bytes that somebody has read from the descriptor already: they come before what it has.
  virtual void preRead(base::Buffer& bytes) = 0;

  // More: it is done, and read() follows in the same turn, since bytes may have come with it.
  virtual Outcome handshake() = 0;
  // Appends what every whole record holds that is here; one read of the descriptor at most. Bytes
  // that came before an end or a failure are there, too.
  virtual Outcome read(base::Buffer& in) = 0;
  // Takes from the front of `out` until all is with the kernel (More) or it takes no more
  // (Blocked). Takes nothing while unsent() > 0.
  virtual Outcome write(base::Buffer& out) = 0;
  // Sends what is unsent(). More: nothing is left.
  virtual Outcome flush() = 0;
  // Tells the peer that nothing more comes. More: it is with the kernel. May be called again.
  virtual Outcome shutdown() = 0;

  // Bytes of records that the kernel has not taken.
  virtual size_t unsent() const = 0;
  // Bytes that were received and make no whole record yet, or that read() has not looked at.
  virtual size_t unread() const = 0;
  virtual Wants wants() const = 0;
  // The end came as the socket's end, without the peer having said that it is one.
  virtual bool truncated() const = 0;
  // For logs: what failed, and in whose certificate. "" if nothing did.
  virtual std::string_view failure() const = 0;
  // Null before the handshake is done, and if the transport knows nothing of its peer. Immutable;
  // logs may keep it longer than the connection.
  virtual const std::shared_ptr<const tls::TlsPeer>& peer() const = 0;
};

// Makes the transport sockets of a filter chain. Immutable; any thread.
class TransportSocketFactory {
public:
  virtual ~TransportSocketFactory() = default;
  // For an accepted connection between these addresses; on this worker's thread.
  virtual std::unique_ptr<TransportSocket> create(uint32_t worker, const Address* local,
                                                  const Address* remote) const = 0;
};

} // namespace moe::net
