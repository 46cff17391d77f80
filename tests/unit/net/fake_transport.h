#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "net/transport_socket.h"

namespace moe::net::test {

// A transport that a test can read: each side says 'H' to shake hands. Then come frames: 'D',
// length (one byte), bytes; 'T', which means nothing; 'E', the end.
class FakeTransport final : public TransportSocket {
public:
  enum class Ask { Nothing, Answer, Refuse };

  void attach(int fd, event::Worker& w, TransportCallbacks& callbacks) override {
    fd_ = fd;
    worker = &w;
    callbacks_ = &callbacks;
  }
  void preRead(base::Buffer& bytes) override {
    wire_ += bytes.toString();
    bytes.clear();
  }

  Outcome handshake() override {
    ++handshakes;
    if (client && !std::exchange(greeted_, true)) {
      unsent_ += "H";
    }
    if (wire_.empty() && ask != Ask::Answer && !receive()) {
      return flush() == Outcome::Failed ? Outcome::Failed : Outcome::Blocked;
    }
    if (ask == Ask::Answer) {
      waitsForAnswer_ = true;
      return Outcome::Blocked;
    }
    waitsForAnswer_ = false;
    if (ask == Ask::Refuse || wire_.empty() || wire_[0] != 'H') {
      failure_ = wire_.empty() ? "gone" : "refused";
      unsent_ += "A";
      return Outcome::Failed;
    }
    wire_.erase(0, 1);
    if (!client) {
      unsent_ += "H";
    }
    looked_ = false;
    (void)flush();
    return Outcome::More;
  }

  Outcome read(base::Buffer& in) override {
    ++reads;
    if (std::exchange(looked_, true) && !receive()) {
      return failure_.empty() ? Outcome::Blocked : Outcome::Failed;
    }
    while (!wire_.empty()) {
      const char kind = wire_[0];
      if (kind == 'E') {
        return Outcome::End;
      }
      if (kind == 'D') {
        const size_t size = wire_.size() < 2 ? SIZE_MAX : static_cast<uint8_t>(wire_[1]);
        if (wire_.size() < 2 || wire_.size() < 2 + size) {
          break;
        }
        in.append(worker->slab, wire_.substr(2, size));
        wire_.erase(0, 2 + size);
        continue;
      }
      wire_.erase(0, 1);
      if (kind != 'T') {
        failure_ = "garbage";
        return Outcome::Failed;
      }
    }
    if (ended_) {
      truncated_ = true;
      return Outcome::End;
    }
    return Outcome::Blocked;
  }

  Outcome write(base::Buffer& out) override {
    while (unsent_.empty() && !out.empty()) {
      const std::string bytes = out.toString().substr(0, 255);
      unsent_ += "D";
      unsent_ += static_cast<char>(bytes.size());
      unsent_ += bytes;
      out.drain(bytes.size());
      (void)flush();
    }
    return unsent_.empty() ? Outcome::More : Outcome::Blocked;
  }

  Outcome flush() override {
    while (!unsent_.empty() && !held) {
      const ssize_t n = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (n < 0) {
        return errno == EAGAIN ? Outcome::Blocked : Outcome::Failed;
      }
      unsent_.erase(0, static_cast<size_t>(n));
    }
    return unsent_.empty() ? Outcome::More : Outcome::Blocked;
  }

  Outcome shutdown() override {
    ++shutdowns;
    if (!std::exchange(saidEnd_, true)) {
      unsent_ += "E";
    }
    return flush();
  }

  size_t unsent() const override { return unsent_.size(); }
  size_t unread() const override { return wire_.size(); }
  Wants wants() const override {
    return {.read = !waitsForAnswer_, .write = !unsent_.empty(), .answer = waitsForAnswer_};
  }
  bool truncated() const override { return truncated_; }
  std::string_view failure() const override { return failure_; }
  const std::shared_ptr<const tls::TlsPeer>& peer() const override { return peer_; }

  void answer(Ask next) {
    ask = next;
    callbacks_->onTransportAnswer();
  }

  bool client = false;
  bool held = false; // as if the kernel took nothing
  Ask ask = Ask::Nothing;
  int handshakes = 0;
  int reads = 0;
  int shutdowns = 0;
  event::Worker* worker = nullptr;

private:
  bool receive() {
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (n < 0) {
      if (errno != EAGAIN) {
        failure_ = "reset";
      }
      return false;
    }
    ended_ = n == 0;
    wire_.append(bytes, static_cast<size_t>(n));
    return true;
  }

  std::shared_ptr<const tls::TlsPeer> peer_;
  int fd_ = -1;
  TransportCallbacks* callbacks_ = nullptr;
  std::string wire_;
  std::string unsent_;
  std::string failure_;
  bool greeted_ = false;
  bool looked_ = true;
  bool waitsForAnswer_ = false;
  bool ended_ = false;
  bool truncated_ = false;
  bool saidEnd_ = false;
};

} // namespace moe::net::test
