#include "net/connection.h"

#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace moe::net {
namespace {

constexpr size_t kMaxIov = 64;

Fd openSocket(const Address& remote) {
  return Fd(::socket(remote.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

} // namespace

Connection::Connection(event::Worker& worker, Fd fd, AddressPtr local, AddressPtr remote,
                       base::Buffer preRead)
    : worker_(worker), fd_(std::move(fd)), in_(std::move(preRead)), local_(std::move(local)),
      remote_(std::move(remote)), bytesReceived_(in_.size()) {
  if (fd_.valid()) {
    watcher_ = std::make_unique<FdWatcher>(worker_.loop, fd_.get(),
                                           [this](int events) { onFdEvents(events); });
  }
}

std::unique_ptr<Connection> Connection::connect(event::Worker& worker, AddressPtr remote,
                                                const AddressPtr& source,
                                                std::unique_ptr<TransportSocket> transport) {
  Fd fd = openSocket(*remote);
  int error = fd.valid() ? 0 : errno;
  if (error == 0 && source != nullptr && source->isIp() && source->port() == 0) {
    // The port is chosen when connecting: one port serves many destinations.
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  }
  if (error == 0 && source != nullptr &&
      ::bind(fd.get(), source->sockAddr(), source->sockAddrLength()) != 0) {
    error = errno;
  }
  if (error == 0 && ::connect(fd.get(), remote->sockAddr(), remote->sockAddrLength()) != 0 &&
      errno != EINPROGRESS) {
    error = errno;
  }
  auto connection = std::make_unique<Connection>(worker, std::move(fd), nullptr, std::move(remote));
  connection->connecting_ = true;
  connection->started_ = true;
  connection->accepted_ = false;
  connection->setTransportSocket(std::move(transport));
  if (error != 0) {
    // Told through the loop, so that the caller can set its callbacks first.
    connection->failureReason_ = std::strerror(error);
    connection->closeTimer_ = worker.loop.createTimer(
        [c = connection.get()] { c->closeSocket(ConnectionEvent::RemoteClose); });
    connection->closeTimer_->enable(base::Milliseconds(0));
  } else {
    connection->watcher_->watch(FdWatcher::kWrite);
  }
  return connection;
}

Connection::~Connection() {
  unlink();
  watcher_.reset();
}

void Connection::addReadFilter(std::unique_ptr<ReadFilter> filter) {
  filter->initialize(*this);
  filters_.push_back(std::move(filter));
}

void Connection::setNoDelay(bool on) {
  const int value = on ? 1 : 0;
  if (fd_.valid()) {
    // Fails on UNIX sockets, where there is nothing to delay.
    (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
  }
}

void Connection::start() {
  started_ = true;
  if (transport_ != nullptr) {
    beginHandshake();
  }
  greetFilters();
  if (!in_.empty() && !closed()) {
    if (stats_.rxBytes != nullptr) {
      stats_.rxBytes->add(in_.size());
    }
    dispatchLater();
  }
  updateInterest();
}

void Connection::greetFilters() {
  for (auto& filter : filters_) {
    if (filter->onNewConnection() == FilterStatus::StopIteration || closed()) {
      break;
    }
  }
}

void Connection::updateInterest() {
  if (closed() || watcher_ == nullptr) {
    return;
  }
  int events = 0;
  if (connecting_) {
    events = handshaking_ ? handshakeInterest() : FdWatcher::kWrite;
  } else {
    // A connection that waits for its peer to close reads on, and drops what comes.
    if (started_ && !endStreamRead_ && (readDisableCount_ == 0 || closeAfterFlush_)) {
      events |= FdWatcher::kRead;
    }
    if (writeBlocked_) {
      events |= FdWatcher::kWrite;
    }
  }
  watcher_->watch(events);
}

void Connection::onFdEvents(int events) {
  if (connecting_) {
    handshaking_ ? continueHandshake() : onConnectDone();
    return;
  }
  if ((events & FdWatcher::kWrite) != 0 && writeBlocked_) {
    writeBlocked_ = false;
    writeOut();
    if (closed()) {
      return;
    }
  }
  if ((events & FdWatcher::kRead) != 0) {
    readReady();
  }
  if (!closed()) {
    updateInterest();
  }
}

void Connection::onConnectDone() {
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    failed(error);
    return;
  }
  local_ = Address::localOf(fd_.get());
  if (transport_ != nullptr) {
    handshaking_ = true;
    continueHandshake();
    return;
  }
  connected();
  updateInterest();
}

void Connection::connected() {
  connecting_ = false;
  raise(ConnectionEvent::Connected);
  if (closed()) {
    return;
  }
  if (!accepted_) { // else start() has done so
    greetFilters();
  }
  if (!closed() && (!out_.empty() || endStreamWrite_)) {
    writeOut();
  }
}

void Connection::readReady() {
  if (transport_ != nullptr) {
    readTransport();
    return;
  }
  const ssize_t n = reader_.read(fd_.get(), worker_.slab, in_);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) {
      failed(errno);
    }
    return;
  }
  endStreamRead_ = n == 0;
  afterRead(static_cast<size_t>(n));
}

// Bytes are in in_, or endStreamRead_ has become true.
void Connection::afterRead(size_t bytes) {
  bytesReceived_ += bytes;
  if (stats_.rxBytes != nullptr && bytes > 0) {
    stats_.rxBytes->add(bytes);
  }
  if (closeAfterFlush_) {
    in_.clear();
    if (endStreamRead_ && outputDone()) {
      closeSocket(ConnectionEvent::LocalClose);
    }
    return;
  }
  dispatchRead();
}

void Connection::dispatchRead() {
  dispatchWanted_ = false;
  const bool end = endStreamRead_;
  for (auto& filter : filters_) {
    if (filter->onData(in_, end) == FilterStatus::StopIteration || closed()) {
      break;
    }
  }
  if (closed() || !end || endStreamDelivered_) {
    return;
  }
  endStreamDelivered_ = true;
  if (!halfClose_) {
    // The peer will send no more and the owner does not keep half-open connections.
    close(CloseType::FlushWrite);
  } else if (writeShutdown_) {
    closeSocket(ConnectionEvent::LocalClose); // both directions have ended in order
  }
}

// Never from within the caller's stack: callers are codecs and filters in the middle of something.
void Connection::dispatchLater() {
  dispatchWanted_ = true;
  if (!closed()) {
    worker_.loop.flushLater(*this);
  }
}

void Connection::flush() {
  if (transportAnswered_) {
    transportAnswered_ = false;
    if (handshaking_) {
      continueHandshake();
    }
  }
  writeOut();
  if (dispatchWanted_ && readDisableCount_ == 0 && !closed() && !closeAfterFlush_ && !connecting_) {
    if (transportUnread_) {
      dispatchWanted_ = false;
      readTransport();
    } else {
      dispatchRead();
    }
    if (!closed()) {
      updateInterest();
    }
  }
}

void Connection::write(base::Buffer& data, bool endStream) {
  if (closed() || closeAfterFlush_ || endStreamWrite_) {
    data.clear();
    return;
  }
  out_.moveFrom(data);
  endStreamWrite_ = endStream;
  if (!connecting_ && !writeBlocked_) {
    worker_.loop.flushLater(*this);
  }
  updateWatermarks();
}

void Connection::updateWatermarks() {
  if (bufferLimit_ == 0) {
    return;
  }
  if (!aboveHigh_ && out_.size() > bufferLimit_) {
    aboveHigh_ = true;
    for (size_t i = 0; i < callbacks_.size(); ++i) {
      callbacks_[i]->onAboveWriteBufferHighWatermark();
    }
  } else if (aboveHigh_ && out_.size() <= bufferLimit_ / 2) {
    aboveHigh_ = false;
    for (size_t i = 0; i < callbacks_.size(); ++i) {
      callbacks_[i]->onBelowWriteBufferLowWatermark();
    }
  }
}

void Connection::writeOut() {
  if (closed() || connecting_ || writeBlocked_) {
    return;
  }
  if (!(transport_ == nullptr ? writeToSocket() : writeToTransport())) {
    return;
  }
  if (outputDone()) {
    outputDrained();
    if (closed()) {
      return;
    }
  }
  updateWatermarks();
  if (!closed()) {
    updateInterest();
  }
}

// False: the socket broke and is closed.
bool Connection::writeToSocket() {
  while (!out_.empty()) {
    iovec iov[kMaxIov];
    msghdr message{};
    message.msg_iov = iov;
    message.msg_iovlen = out_.iovecs(iov, kMaxIov);
    const ssize_t n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EAGAIN) {
        writeBlocked_ = true;
        break;
      }
      failed(errno);
      return false;
    }
    out_.drain(static_cast<size_t>(n));
    bytesSent_ += static_cast<uint64_t>(n);
    if (stats_.txBytes != nullptr) {
      stats_.txBytes->add(static_cast<uint64_t>(n));
    }
    if (closeAfterFlush_ && closeTimer_ != nullptr) {
      armCloseTimer(flushTimeout()); // slow, but the peer takes it
    }
  }
  return true;
}

void Connection::outputDrained() {
  if (transport_ != nullptr && (endStreamWrite_ || closeAfterFlush_) && !writeShutdown_ &&
      !transportShutdown()) {
    return; // comes again when that is written
  }
  if ((endStreamWrite_ || delayClose_) && !writeShutdown_) {
    writeShutdown_ = true;
    ::shutdown(fd_.get(), SHUT_WR);
  }
  if (!closeAfterFlush_) {
    // Both directions have ended in order.
    if (writeShutdown_ && endStreamDelivered_) {
      closeSocket(ConnectionEvent::LocalClose);
    }
    return;
  }
  if (delayClose_ && !endStreamRead_) {
    armCloseTimer(delayedCloseTimeout_);
    return;
  }
  closeSocket(ConnectionEvent::LocalClose);
}

void Connection::armCloseTimer(base::Milliseconds timeout) {
  if (closeTimer_ == nullptr) {
    closeTimer_ = worker_.loop.createTimer([this] { closeSocket(ConnectionEvent::LocalClose); });
  }
  closeTimer_->enable(timeout);
}

// How long a closing connection waits for a peer that takes nothing.
base::Milliseconds Connection::flushTimeout() const {
  return std::max(delayedCloseTimeout_, base::Milliseconds(5000));
}

void Connection::close(CloseType type) {
  if (closed()) {
    return;
  }
  switch (type) {
  case CloseType::Abort: {
    const linger reset{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    closeSocket(ConnectionEvent::LocalClose);
    return;
  }
  case CloseType::NoFlush:
    lastWords(type);
    closeSocket(ConnectionEvent::LocalClose);
    return;
  case CloseType::FlushWrite:
  case CloseType::FlushWriteAndDelay:
    break;
  }
  if (connecting_) {
    lastWords(type);
    closeSocket(ConnectionEvent::LocalClose);
    return;
  }
  if (closeAfterFlush_) {
    return;
  }
  closeAfterFlush_ = true;
  delayClose_ = type == CloseType::FlushWriteAndDelay && delayedCloseTimeout_.count() > 0;
  in_.clear();
  writeOut();
  if (!closed() && closeTimer_ == nullptr) {
    armCloseTimer(flushTimeout()); // it must not hold the connection for ever
  }
  updateInterest();
}

bool Connection::hasUnread() const {
  int size = 0;
  return !in_.empty() || (transport_ != nullptr && transport_->unread() > 0) ||
         (!closed() && ::ioctl(fd_.get(), FIONREAD, &size) == 0 && size > 0);
}

void Connection::readDisable(bool disable) {
  if (disable) {
    ++readDisableCount_;
    if (readDisableCount_ == 1) {
      updateInterest();
    }
    return;
  }
  if (readDisableCount_ == 0) {
    return;
  }
  --readDisableCount_;
  if (readDisableCount_ == 0 && !closed()) {
    updateInterest();
    // What was read but not taken comes again, without waiting for the socket.
    if (!in_.empty() || transportUnread_ || (endStreamRead_ && !endStreamDelivered_)) {
      dispatchLater();
    }
  }
}

void Connection::failed(int error) {
  failureReason_ = std::strerror(error);
  remoteReset_ = true;
  closeSocket(ConnectionEvent::RemoteClose);
}

void Connection::closeSocket(ConnectionEvent event) {
  unlink();
  if (closeTimer_ != nullptr) {
    closeTimer_->disable();
  }
  watcher_.reset();
  fd_.reset();
  connecting_ = handshaking_ = false;
  out_.clear();
  in_.clear();
  raise(event);
}

void Connection::raise(ConnectionEvent event) {
  for (size_t i = 0; i < callbacks_.size(); ++i) {
    callbacks_[i]->onConnectionEvent(event);
  }
}

} // namespace moe::net
