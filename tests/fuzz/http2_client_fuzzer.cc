// Any frames from an upstream to an HTTP/2 client codec with requests under way.
#include <vector>

#include "http2_peer.h"

namespace moe::fuzz {
namespace {

class Client final : public http::ClientCodecCallbacks {
public:
  explicit Client(Http2Fixture& fixture) : fixture_(fixture) {}
  void onStreamComplete(bool) override { check(++complete_ <= begun_); }
  void onGoAway() override { going_ = true; }
  void onCapacityChanged() override {}

  void request(http::ClientCodec& codec, size_t way) {
    if (going_) {
      return;
    }
    requests_.push_back(std::make_unique<Request>());
    Request& request = *requests_.back();
    ++begun_;
    http::RequestEncoder& encoder = codec.newStream(request);
    request.begin(encoder, way == 2);
    http::HeaderMapPtr head = fixture_.headers.make();
    head->set(http::HeaderId::Method, way == 3 ? "HEAD" : way == 0 ? "GET" : "POST");
    head->set(http::HeaderId::Path, "/");
    head->set(http::HeaderId::Authority, "h");
    if (way == 4) {
      head->set(http::HeaderId::Method, "GET");
      head->set(http::HeaderId::Upgrade, "websocket");
      head->set(http::HeaderId::Connection, "upgrade");
    }
    const bool end = way == 0 || way == 3;
    check(encoder.encodeHeaders(*head, end).ok());
    if (!end && way != 4) {
      base::Buffer body;
      body.append(fixture_.worker.slab, std::string(way == 1 ? 3 : 100'000, 'b'));
      encoder.encodeData(body, way == 1);
    }
  }
  void wake() {
    for (auto& request : requests_) {
      request->wake();
    }
  }

private:
  class Request final : public http::ResponseDecoder, public http::StreamCallbacks {
  public:
    void begin(http::RequestEncoder& encoder, bool hold) {
      encoder_ = &encoder;
      held_ = hold;
      encoder.setCallbacks(this);
      if (hold) {
        encoder.readDisable(true);
      }
    }
    void decode1xxHeaders(http::HeaderMapPtr) override { check(!rules_.over() && !rules_.ended()); }
    void decodeHeaders(http::HeaderMapPtr headers, bool end) override {
      rules_.head(end);
      check(headers->status() >= 200 || headers->status() == 101);
      ended(end);
    }
    void decodeData(base::Buffer& data, bool end) override {
      rules_.data(end);
      data.clear();
      ended(end);
    }
    void decodeTrailers(http::HeaderMapPtr) override {
      rules_.trailers();
      ended(true);
    }
    void onResetStream(http::ResetReason, std::string_view) override {
      rules_.reset();
      encoder_ = nullptr;
    }
    void onAboveWriteBufferHighWatermark() override {}
    void onBelowWriteBufferLowWatermark() override {}
    void wake() {
      if (encoder_ != nullptr && std::exchange(held_, false)) {
        encoder_->readDisable(false);
      }
    }

  private:
    void ended(bool end) {
      if (end) {
        encoder_ = nullptr;
      }
    }

    http::RequestEncoder* encoder_ = nullptr;
    StreamRules rules_;
    bool held_ = false;
  };

  Http2Fixture& fixture_;
  std::vector<std::unique_ptr<Request>> requests_;
  size_t begun_ = 0;
  size_t complete_ = 0;
  bool going_ = false;
};

void run(Http2Fixture& fixture, std::string_view bytes, size_t piece) {
  {
    Client client(fixture);
    http::ClientCodec* codec = nullptr;
    Http2Peer peer(fixture.worker, [&](net::Connection& connection) {
      auto made =
          http::createHttp2Client({fixture.worker, fixture.headers}, connection, client,
                                  {.maxHeadersBytes = 2048, .maxHeadersCount = 20}, fixture.stats);
      codec = made.get();
      return made;
    });
    for (size_t way = 0; way < 5; ++way) {
      client.request(*codec, way);
    }
    // SETTINGS with extended CONNECT allowed.
    peer.send(std::string_view("\0\0\6\4\0\0\0\0\0\0\10\0\0\0\1", 15), 100);
    const std::string frames = framesOf(bytes);
    peer.send(std::string_view(frames).substr(0, frames.size() / 2), piece);
    if (!peer.closed()) {
      client.request(*codec, 1);
      client.wake();
    }
    peer.send(std::string_view(frames).substr(frames.size() / 2), piece);
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
