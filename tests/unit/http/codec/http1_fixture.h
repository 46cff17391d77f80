#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "base/strings.h"
#include "http/codec/http1.h"

namespace moe::http::test {

// A server codec over a socket pair; the test is the client and, by `handler`, the proxy.
class Http1ServerTest : public testing::Test,
                        public ServerCodecCallbacks,
                        public RequestDecoder,
                        public StreamCallbacks {
protected:
  class Filter final : public net::ReadFilter {
  public:
    explicit Filter(Http1ServerTest& test) : test_(test) {}
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool end) override {
      if (!test_.codec_->dispatch(data, end).ok() && !test_.connection_->closed()) {
        test_.codec_->onConnectionClosed(ResetReason::ProtocolError, "");
        test_.connection_->close(net::CloseType::FlushWriteAndDelay);
      }
      return net::FilterStatus::StopIteration;
    }

  private:
    Http1ServerTest& test_;
  };

  class Events final : public net::ConnectionCallbacks {
  public:
    explicit Events(Http1ServerTest& test) : test_(test) {}
    void onConnectionEvent(net::ConnectionEvent) override {
      test_.codec_->onConnectionClosed(ResetReason::ConnectionTermination, "");
    }
    void onAboveWriteBufferHighWatermark() override {
      test_.codec_->onConnectionAboveHighWatermark();
    }
    void onBelowWriteBufferLowWatermark() override {
      test_.codec_->onConnectionBelowLowWatermark();
    }

  private:
    Http1ServerTest& test_;
  };

  void SetUp() override {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    client_ = net::Fd(fds[0]);
    auto none = *net::Address::parseIp("127.0.0.1", 1);
    connection_ = std::make_unique<net::Connection>(worker_, net::Fd(fds[1]), none, none);
    connection_->addCallbacks(&events_);
    connection_->enableHalfClose(true);
    connection_->addReadFilter(std::make_unique<Filter>(*this));
    codec_ = createHttp1Server({worker_, headers_}, *connection_, *this, settings_);
    connection_->start();
  }

  // Sends bytes, lets everything happen, returns what came back.
  std::string exchange(std::string_view bytes) {
    EXPECT_EQ(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    return turn();
  }
  std::string turn() {
    std::string got;
    for (int i = 0; i < 6; ++i) {
      worker_.loop.runOnce();
      char chunk[65536];
      ssize_t n = 0;
      while ((n = ::recv(client_.get(), chunk, sizeof(chunk), 0)) > 0) {
        got.append(chunk, static_cast<size_t>(n));
      }
      serverClosed_ = serverClosed_ || n == 0;
    }
    return got;
  }
  void respond(uint32_t status, std::string_view body) {
    HeaderMapPtr headers = headers_.make();
    headers->setStatus(status);
    headers->setNumber(HeaderId::ContentLength, body.size());
    encoder_->encodeHeaders(*headers, body.empty());
    if (!body.empty()) {
      base::Buffer data;
      data.append(worker_.slab, body);
      encoder_->encodeData(data, true);
    }
  }

  // ServerCodecCallbacks
  RequestDecoder& newStream(ResponseEncoder& encoder) override {
    encoder_ = &encoder;
    encoder.setCallbacks(this);
    log_ += "new ";
    return *this;
  }
  void onProtocolError(uint32_t status, std::string_view details) override {
    log_ += base::cat("error=", status, ",", details, " ");
  }
  // RequestDecoder
  void decodeHeaders(HeaderMapPtr headers, bool end) override {
    log_ += base::cat(headers->method(), " ", headers->authority(), headers->path(),
                      end ? " end " : " ");
    last_ = std::move(headers);
    if (end && onEnd_) {
      onEnd_();
    }
  }
  void decodeData(base::Buffer& data, bool end) override {
    body_ += data.toString();
    if (end) {
      log_ += base::cat("body=", body_, " end ");
      body_.clear();
      if (onEnd_) {
        onEnd_();
      }
    }
  }
  void decodeTrailers(HeaderMapPtr trailers) override {
    log_ += base::cat("body=", body_, " trailers=", trailers->entries()[0].name(), " end ");
    body_.clear();
    if (onEnd_) {
      onEnd_();
    }
  }
  // StreamCallbacks
  void onResetStream(ResetReason reason, std::string_view) override {
    log_ += base::cat("reset=", resetReasonName(reason), " ");
  }
  void onAboveWriteBufferHighWatermark() override { ++high_; }
  void onBelowWriteBufferLowWatermark() override { ++low_; }

  event::Worker worker_{0};
  Events events_{*this};
  HeaderMapPool headers_{worker_.slab};
  Http1ServerSettings settings_{.enableTrailers = true};
  net::Fd client_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<Codec> codec_;
  ResponseEncoder* encoder_ = nullptr;
  HeaderMapPtr last_;
  std::string log_;
  std::string body_;
  std::function<void()> onEnd_;
  int high_ = 0;
  int low_ = 0;
  bool serverClosed_ = false;
};

inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

} // namespace moe::http::test
