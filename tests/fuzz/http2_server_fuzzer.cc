// Any frames from a client to an HTTP/2 server codec, whose owner answers in many ways.
#include <vector>

#include "http2_peer.h"

namespace moe::fuzz {
namespace {

class Server final : public http::ServerCodecCallbacks {
public:
  explicit Server(Http2Fixture& fixture) : fixture_(fixture) {}

  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override {
    requests_.push_back(std::make_unique<Request>(*this, encoder, requests_.size()));
    return *requests_.back();
  }
  void onProtocolError(uint32_t, std::string_view) override {}

  // What waits for an event from elsewhere gets it.
  void wake() {
    for (auto& request : requests_) {
      request->wake();
    }
  }

private:
  class Request final : public http::RequestDecoder, public http::StreamCallbacks {
  public:
    Request(Server& server, http::ResponseEncoder& encoder, size_t number)
        : server_(server), encoder_(&encoder), way_(number % 6) {
      encoder.setCallbacks(this);
    }
    void decodeHeaders(http::HeaderMapPtr headers, bool end) override {
      rules_.head(end);
      check(!headers->method().empty() && !headers->authority().empty());
      switch (way_) {
      case 0:
        respond(200, end ? 0 : 10); // perhaps before the request has ended
        break;
      case 1:
        rules_.reset();
        std::exchange(encoder_, nullptr)->resetStream(http::ResetReason::LocalReset);
        break;
      case 2:
        encoder_->readDisable(true);
        break;
      default:
        if (end) {
          respond(way_ == 3 ? 204 : 200, way_ == 4 ? 100'000 : 0);
        }
      }
    }
    void decodeData(base::Buffer& data, bool end) override {
      rules_.data(end);
      data.clear();
      if (end) {
        respond(200, 3);
      }
    }
    void decodeTrailers(http::HeaderMapPtr) override {
      rules_.trailers();
      respond(200, 70'000);
    }
    void onResetStream(http::ResetReason, std::string_view) override {
      rules_.reset();
      encoder_ = nullptr;
    }
    void onAboveWriteBufferHighWatermark() override { ++high_; }
    void onBelowWriteBufferLowWatermark() override { check(--high_ >= 0); }
    void wake() {
      if (way_ == 2 && encoder_ != nullptr && !done_) {
        encoder_->readDisable(false);
        respond(200, 5);
      }
    }

  private:
    void respond(uint32_t status, size_t size) {
      if (encoder_ == nullptr || std::exchange(done_, true)) {
        return;
      }
      http::HeaderMapPtr head = server_.fixture_.headers.make();
      head->setStatus(status);
      // The object may go with the last call.
      http::ResponseEncoder* encoder = rules_.ended() ? std::exchange(encoder_, nullptr) : encoder_;
      encoder->encodeHeaders(*head, size == 0);
      if (size != 0) {
        base::Buffer body;
        body.append(server_.fixture_.worker.slab, std::string(size, 'b'));
        const bool trailers = size > 65'536;
        encoder->encodeData(body, !trailers);
        if (trailers) {
          http::HeaderMapPtr last = server_.fixture_.headers.make();
          last->add("t", "v");
          encoder->encodeTrailers(*last);
        }
      }
    }

    Server& server_;
    http::ResponseEncoder* encoder_;
    StreamRules rules_;
    const size_t way_;
    int high_ = 0;
    bool done_ = false;
  };

  Http2Fixture& fixture_;
  std::vector<std::unique_ptr<Request>> requests_;
};

void run(Http2Fixture& fixture, std::string_view bytes, size_t piece) {
  {
    Server server(fixture);
    Http2Peer peer(fixture.worker, [&](net::Connection& connection) {
      return http::createHttp2Server(
          {fixture.worker, fixture.headers}, connection, server,
          {.maxHeadersBytes = 2048, .maxHeadersCount = 20, .allowConnect = true}, fixture.stats);
    });
    peer.send(
        base::cat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", std::string_view("\0\0\0\4\0\0\0\0\0", 9)),
        100);
    const std::string frames = framesOf(bytes);
    peer.send(std::string_view(frames).substr(0, frames.size() / 2), piece);
    if (!peer.closed()) {
      server.wake();
    }
    peer.send(std::string_view(frames).substr(frames.size() / 2), piece);
    if (!peer.closed()) {
      peer.codec().shutdownNotice();
      peer.turn();
    }
  }
  check(fixture.stats.streamsActive.value() == 0 && fixture.stats.pendingSendBytes.value() == 0);
}

} // namespace
} // namespace moe::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* fixture =
      std::make_unique<moe::fuzz::Http2Fixture>().release(); // lives as long as we do
  if (size > 0) {
    moe::fuzz::run(*fixture, {reinterpret_cast<const char*>(data) + 1, size - 1},
                   data[0] < 128 ? size_t{100'000} : size_t{data[0]} - 127);
  }
  return 0;
}
