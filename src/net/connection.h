#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "event/worker.h"
#include "net/address.h"
#include "net/fd.h"
#include "net/fd_watcher.h"
#include "net/socket_facts.h"
#include "net/socket_reader.h"
#include "net/transport_socket.h"
#include "stats/stats.h"

namespace moe::net {

enum class ConnectionEvent {
  Connected,   // an outgoing connection is up; with a transport socket: its handshake is done
  RemoteClose, // the peer closed or reset, or connecting failed
  LocalClose,  // close() was called, and is done
};

enum class CloseType {
  FlushWrite,         // write what is buffered, then close
  FlushWriteAndDelay, // and wait for the peer to close first, at most delayedCloseTimeout
  NoFlush,            // drop what is buffered
  Abort,              // drop it and send RST
};

// All methods are called on the connection's worker; a callback may close the connection but must
// not destroy it (use Loop::deferredDelete).
class ConnectionCallbacks {
public:
  virtual void onConnectionEvent(ConnectionEvent event) = 0;
  virtual void onAboveWriteBufferHighWatermark() = 0;
  virtual void onBelowWriteBufferLowWatermark() = 0;

protected:
  ~ConnectionCallbacks() = default;
};

enum class FilterStatus { Continue, StopIteration };

class Connection;

// A network (L4) filter on the read side. Owned by its connection.
class ReadFilter {
public:
  virtual ~ReadFilter() = default;
  // Before any data; the connection outlives the filter.
  virtual void initialize(Connection& connection) = 0;
  virtual FilterStatus onNewConnection() { return FilterStatus::Continue; }
  // All bytes read and not yet drained. What stays in `data` comes again with the next bytes.
  virtual FilterStatus onData(base::Buffer& data, bool endStream) = 0;
};

// Byte counts of the listener or cluster that a connection belongs to; each may be null.
struct ConnectionStats {
  stats::Counter* rxBytes = nullptr;
  stats::Counter* txBytes = nullptr;
};

// One stream socket on one worker: reads into the worker's slab, gathers writes and sends them once
// per loop turn, tells of watermarks. Bytes are the application's; a transport socket, if there is
// one, makes of them what the socket carries. Not thread-safe.
class Connection final : public event::DeferredDeletable,
                         private event::Flushable,
                         private TransportCallbacks {
public:
  // An accepted socket. `preRead`: what listener filters read of it, the first input.
  Connection(event::Worker& worker, Fd fd, AddressPtr local, AddressPtr remote,
             base::Buffer preRead = {});
  // Starts connecting; failure comes as RemoteClose, at the earliest in the next turn.
  // `source` and `transport` may be null.
  static std::unique_ptr<Connection> connect(event::Worker& worker, AddressPtr remote,
                                             const AddressPtr& source,
                                             std::unique_ptr<TransportSocket> transport = nullptr);
  ~Connection() override;

  // Told in the order they were added; they outlive the connection or its close.
  void addCallbacks(ConnectionCallbacks* callbacks) { callbacks_.push_back(callbacks); }
  void removeCallbacks(ConnectionCallbacks* callbacks) {
    callbacks_.erase(std::remove(callbacks_.begin(), callbacks_.end(), callbacks),
                     callbacks_.end());
  }
  void setStats(const ConnectionStats& stats) { stats_ = stats; }
  void addReadFilter(std::unique_ptr<ReadFilter> filter);
  // Of an accepted socket, before start(). The connection closes when the handshake takes longer
  // than the time limit (0: none).
  void setTransportSocket(std::unique_ptr<TransportSocket> transport,
                          base::Milliseconds handshakeTimeout = base::Milliseconds(0));
  // Runs onNewConnection of the filters and begins to read, or the handshake.
  void start();
  // Offers what was read and not taken again, at the end of this turn.
  void continueReading() { dispatchLater(); }

  // Takes all of `data`. endStream closes the write direction after it (half-close).
  void write(base::Buffer& data, bool endStream);
  // Sends now what write() gathered, instead of at the end of the turn.
  void flushNow() { writeOut(); }
  void close(CloseType type);
  bool closed() const { return !fd_.valid(); }
  // Closed, or going to be when its output is written.
  bool closing() const { return closed() || closeAfterFlush_; }

  // Counted: n times true needs n times false. Stops no handshake.
  void readDisable(bool disable);
  bool readEnabled() const { return readDisableCount_ == 0; }
  // With half-close on, a peer's FIN is only onData(endStream); else it closes the connection after
  // the output is written. Default off.
  void enableHalfClose(bool enable) { halfClose_ = enable; }
  void setBufferLimit(uint32_t bytes) { bufferLimit_ = bytes; }
  uint32_t bufferLimit() const { return bufferLimit_; }
  bool aboveHighWatermark() const { return aboveHigh_; }
  void setDelayedCloseTimeout(base::Milliseconds timeout) { delayedCloseTimeout_ = timeout; }
  void setNoDelay(bool on);

  // What listener filters found out; null: nothing but the addresses.
  const SocketFactsPtr& socketFacts() const { return facts_; }
  void setSocketFacts(SocketFactsPtr facts) { facts_ = std::move(facts); }

  event::Worker& worker() { return worker_; }
  const AddressPtr& localAddress() const { return local_; }
  const AddressPtr& remoteAddress() const { return remote_; }
  // Why the connection failed, for logs and access logs: "Connection refused"; "" if it did not.
  const std::string& failureReason() const { return failureReason_; }
  uint64_t id() const { return id_; }
  void setId(uint64_t id) { id_ = id; }
  // Not Connected yet: nothing is read, and what is written waits.
  bool connecting() const { return connecting_; }
  bool handshakeTimedOut() const { return handshakeTimedOut_; }
  // Null if bytes go over the socket as they are.
  const TransportSocket* transport() const { return transport_.get(); }
  // Who the peer has proved to be; null without TLS, and before its handshake is done.
  std::shared_ptr<const tls::TlsPeer> tlsPeer() const {
    return transport_ == nullptr ? nullptr : transport_->peer();
  }
  // The peer's end may be an attacker's: TLS, and no close_notify came.
  bool truncated() const { return transport_ != nullptr && transport_->truncated(); }
  uint64_t bytesReceived() const { return bytesReceived_; }
  uint64_t bytesSent() const { return bytesSent_; }
  base::Buffer& pendingOutput() { return out_; }
  int fd() const { return fd_.get(); }
  // Bytes have come that no filter has seen. A system call.
  bool hasUnread() const;
  // False where the socket broke: what was pending was not delivered.
  bool remoteReset() const { return remoteReset_; }

private:
  void flush() override; // at the end of a turn
  void onTransportAnswer() override;
  void writeOut();
  bool writeToSocket();
  bool outputDone() const {
    return out_.empty() && (transport_ == nullptr || transport_->unsent() == 0);
  }
  void dispatchLater();
  void onFdEvents(int events);
  void onConnectDone();
  void connected();
  void greetFilters();
  void readReady();
  void afterRead(size_t bytes);
  void dispatchRead();
  void updateInterest();
  void updateWatermarks();
  void outputDrained();
  void armCloseTimer(base::Milliseconds timeout);
  base::Milliseconds flushTimeout() const;
  void closeSocket(ConnectionEvent event);
  void raise(ConnectionEvent event);
  void failed(int error);

  // With a transport socket (connection_transport.cc).
  void beginHandshake();
  void continueHandshake();
  int handshakeInterest() const;
  void readTransport();
  bool writeToTransport();
  bool transportShutdown();
  void lastWords(CloseType type);
  void transportFailed();

  event::Worker& worker_;
  Fd fd_;
  std::unique_ptr<FdWatcher> watcher_;
  absl::InlinedVector<ConnectionCallbacks*, 2> callbacks_;
  std::vector<std::unique_ptr<ReadFilter>> filters_;
  std::unique_ptr<TransportSocket> transport_;
  base::Buffer in_;
  base::Buffer out_;
  ConnectionStats stats_;
  uint32_t bufferLimit_ = 1024 * 1024;
  uint32_t readDisableCount_ = 0;
  SocketReader reader_;
  bool started_ = false;
  bool connecting_ = false;
  bool handshaking_ = false; // the part of connecting that follows the socket's
  bool accepted_ = true;
  bool transportAnswered_ = false;
  bool transportUnread_ = false; // the handshake may have left records
  bool handshakeTimedOut_ = false;
  bool halfClose_ = false;
  bool writeBlocked_ = false;
  bool aboveHigh_ = false;
  bool endStreamRead_ = false;      // the peer's FIN was read
  bool endStreamDelivered_ = false; // and told to the filters
  bool endStreamWrite_ = false;     // shut down after the output
  bool writeShutdown_ = false;
  bool closeAfterFlush_ = false;
  bool delayClose_ = false;
  bool remoteReset_ = false;
  bool dispatchWanted_ = false;
  base::Milliseconds delayedCloseTimeout_{1000};
  base::Milliseconds handshakeTimeout_{0};
  std::unique_ptr<event::Timer> closeTimer_; // and that of the handshake
  AddressPtr local_;
  AddressPtr remote_;
  SocketFactsPtr facts_;
  std::string failureReason_;
  uint64_t id_ = 0;
  uint64_t bytesReceived_ = 0;
  uint64_t bytesSent_ = 0;
};

} // namespace moe::net
