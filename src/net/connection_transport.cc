// What a connection does with a transport socket.

#include "net/connection.h"

namespace moe::net {

using Outcome = TransportSocket::Outcome;

void Connection::setTransportSocket(std::unique_ptr<TransportSocket> transport,
                                    base::Milliseconds handshakeTimeout) {
  transport_ = std::move(transport);
  handshakeTimeout_ = handshakeTimeout;
  if (transport_ == nullptr) {
    return;
  }
  transport_->attach(fd_.get(), worker_, *this);
  if (!in_.empty()) { // what was read before is the transport's
    transport_->preRead(in_);
    bytesReceived_ = 0;
  }
}

// Of an accepted socket. The first step is taken when the peer's bytes are there.
void Connection::beginHandshake() {
  connecting_ = handshaking_ = true;
  if (transport_->unread() > 0 || !transport_->wants().read) {
    onTransportAnswer(); // nothing may come that would begin it
  }
  if (handshakeTimeout_.count() > 0 && !closed()) {
    closeTimer_ = worker_.loop.createTimer([this] {
      handshakeTimedOut_ = true;
      failureReason_ = "the handshake took too long";
      lastWords(CloseType::NoFlush);
      closeSocket(ConnectionEvent::LocalClose);
    });
    closeTimer_->enable(handshakeTimeout_);
  }
}

void Connection::onTransportAnswer() {
  if (!closed()) {
    transportAnswered_ = true;
    worker_.loop.flushLater(*this);
  }
}

int Connection::handshakeInterest() const {
  const Wants wants = transport_->wants();
  return (wants.read ? FdWatcher::kRead : 0) | (wants.write ? FdWatcher::kWrite : 0);
}

void Connection::continueHandshake() {
  switch (transport_->handshake()) {
  case Outcome::Blocked:
    updateInterest();
    return;
  case Outcome::End:
  case Outcome::Failed:
    transportFailed();
    return;
  case Outcome::More:
    break;
  }
  handshaking_ = false;
  closeTimer_ = nullptr;
  writeBlocked_ = transport_->unsent() > 0;
  connected();
  if (closed()) {
    return;
  }
  // Bytes that came with the peer's last flight are not announced by the descriptor again.
  transportUnread_ = true;
  if (readDisableCount_ == 0 || closeAfterFlush_) {
    readTransport();
  }
  if (!closed()) {
    updateInterest();
  }
}

void Connection::readTransport() {
  transportUnread_ = false;
  const size_t before = in_.size();
  const Outcome outcome = transport_->read(in_);
  const size_t bytes = in_.size() - before;
  endStreamRead_ = outcome == Outcome::End;
  // What is no bytes and no end (a session ticket) is nobody's business.
  if (bytes > 0 || endStreamRead_) {
    afterRead(bytes);
  }
  if (closed()) {
    return;
  }
  if (outcome == Outcome::Failed) {
    transportFailed();
  } else if (transport_->unsent() > 0 && !writeBlocked_) {
    worker_.loop.flushLater(*this); // reading may have made an answer of the transport's own
  }
}

// False: it failed, and the connection is closed.
bool Connection::writeToTransport() {
  const size_t queued = out_.size();
  const size_t unsent = transport_->unsent();
  Outcome outcome = unsent > 0 ? transport_->flush() : Outcome::More;
  if (outcome == Outcome::More && queued > 0) {
    outcome = transport_->write(out_);
  }
  const size_t taken = queued - out_.size();
  bytesSent_ += taken;
  if (stats_.txBytes != nullptr && taken > 0) {
    stats_.txBytes->add(taken);
  }
  if (outcome == Outcome::Failed) {
    transportFailed();
    return false;
  }
  writeBlocked_ = transport_->unsent() > 0;
  if (closeAfterFlush_ && closeTimer_ != nullptr && (taken > 0 || transport_->unsent() < unsent)) {
    armCloseTimer(flushTimeout()); // slow, but the peer takes it
  }
  return true;
}

// False: the end that the peer is told of is not with the kernel yet.
bool Connection::transportShutdown() {
  writeBlocked_ = transport_->shutdown() == Outcome::Blocked && transport_->unsent() > 0;
  return !writeBlocked_;
}

// What can still be said, once and without waiting, before the socket closes.
void Connection::lastWords(CloseType type) {
  if (transport_ == nullptr || closed() || (connecting_ && !handshaking_)) {
    return;
  }
  if (handshaking_) {
    (void)transport_->flush(); // an alert, or half of a flight
  } else if (type == CloseType::NoFlush && outputDone()) {
    // A peer that is not told of the end knows that something is missing; here nothing is.
    (void)transport_->shutdown();
  }
}

void Connection::transportFailed() {
  if (transport_->unsent() > 0) {
    (void)transport_->flush(); // the alert
  }
  failureReason_ = transport_->failure();
  remoteReset_ = true;
  closeSocket(ConnectionEvent::RemoteClose);
}

} // namespace moe::net
