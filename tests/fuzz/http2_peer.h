#pragma once

#include <sys/socket.h>

#include <string>

#include "base/strings.h"
#include "http/codec/http2.h"

namespace moe::fuzz {

inline void check(bool good) {
  if (!good) {
    __builtin_trap();
  }
}

// Frames out of any bytes: TYPE FLAGS STREAM SIZE and as many bytes as there are, up to SIZE. So
// the fuzzer need not find out how long each frame must say that it is. A first byte of 255 means
// raw bytes.
inline std::string framesOf(std::string_view bytes) {
  if (bytes.starts_with('\xff')) {
    return std::string(bytes.substr(1));
  }
  std::string out;
  while (bytes.size() >= 4) {
    const size_t size = std::min<size_t>(static_cast<uint8_t>(bytes[3]), bytes.size() - 4);
    out += base::cat(std::string_view("\0\0", 2), static_cast<char>(size),
                     static_cast<char>(bytes[0] % 12), bytes[1], std::string_view("\0\0\0", 3),
                     bytes[2], bytes.substr(4, size));
    bytes.remove_prefix(4 + size);
  }
  return out;
}

// One connection with a codec on it, over a socket whose other end the fuzzer has.
class Http2Peer final : private net::ConnectionCallbacks {
public:
  using MakeCodec = std::function<std::unique_ptr<http::Codec>(net::Connection&)>;

  Http2Peer(event::Worker& worker, const MakeCodec& make) : worker_(worker) {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    far_ = net::Fd(fds[0]);
    auto any = net::Address::parseIp("127.0.0.1", 1);
    connection_ = std::make_unique<net::Connection>(worker, net::Fd(fds[1]), *any, *any);
    connection_->addCallbacks(this);
    connection_->enableHalfClose(true);
    connection_->addReadFilter(std::make_unique<Filter>(*this));
    codec_ = make(*connection_);
    connection_->start();
  }
  ~Http2Peer() {
    if (!connection_->closed()) {
      connection_->close(net::CloseType::NoFlush);
    }
    turn();
    codec_.reset();
    connection_.reset();
    turn();
  }

  http::Codec& codec() { return *codec_; }
  bool closed() const { return connection_->closed(); }
  void send(std::string_view bytes, size_t piece) {
    while (!bytes.empty() && !closed()) {
      const ssize_t sent =
          ::send(far_.get(), bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      }
      turn();
      read();
    }
  }
  void turn() {
    for (int i = 0; i < 3; ++i) {
      worker_.loop.runOnce();
    }
  }

private:
  struct Filter final : net::ReadFilter {
    explicit Filter(Http2Peer& peer) : owner(peer) {}
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool end) override {
      if (!owner.codec_->dispatch(data, end).ok() && !owner.closed()) {
        owner.codec_->onConnectionClosed(http::ResetReason::ProtocolError, "");
        owner.connection_->close(net::CloseType::FlushWrite);
      }
      return net::FilterStatus::StopIteration;
    }
    Http2Peer& owner;
  };
  void onConnectionEvent(net::ConnectionEvent event) override {
    if (event != net::ConnectionEvent::Connected) {
      codec_->onConnectionClosed(http::ResetReason::ConnectionTermination, "");
    }
  }
  void onAboveWriteBufferHighWatermark() override { codec_->onConnectionAboveHighWatermark(); }
  void onBelowWriteBufferLowWatermark() override { codec_->onConnectionBelowLowWatermark(); }
  void read() {
    char bytes[16384];
    while (::recv(far_.get(), bytes, sizeof(bytes), 0) > 0) {
    }
  }

  event::Worker& worker_;
  net::Fd far_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<http::Codec> codec_;
};

// What every stream of either role must obey: its head comes first and once, nothing comes behind
// its end, and it ends once.
class StreamRules {
public:
  void head(bool end) {
    check(!head_ && !over_);
    head_ = true;
    ended_ = end;
  }
  void data(bool end) {
    check(head_ && !ended_ && !over_);
    ended_ = end;
  }
  void trailers() { data(true); }
  void reset() {
    check(!over_);
    over_ = true;
  }
  bool ended() const { return ended_; }
  bool over() const { return over_; }

private:
  bool head_ = false;
  bool ended_ = false;
  bool over_ = false;
};

struct Http2Fixture {
  event::Worker worker{0};
  http::HeaderMapPool headers{worker.slab};
  stats::Store store;
  http::Http2Stats stats{store.root().child("http2")};
};

} // namespace moe::fuzz
