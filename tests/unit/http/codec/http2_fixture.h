#pragma once

#include <arpa/inet.h>

#include "base/strings.h"
#include "http/codec/http2.h"
#include "net/loop_fixture.h"

namespace moe::http::test {

// One frame on the wire (RFC 9113 section 4.1).
inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out;
  auto number = [&](uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) {
      out.push_back(static_cast<char>(value >> (8 * i)));
    }
  };
  number(static_cast<uint32_t>(payload.size()), 3);
  number(type, 1);
  number(flags, 1);
  number(stream, 4);
  return out.append(payload);
}
inline std::string number32(uint32_t value) {
  value = htonl(value);
  return {reinterpret_cast<const char*>(&value), 4};
}
// A field that is not put into the table (RFC 7541 section 6.2.2); lengths below 127.
inline std::string field(std::string_view name, std::string_view value) {
  return base::cat(std::string_view("\0", 1), static_cast<char>(name.size()), name,
                   static_cast<char>(value.size()), value);
}

enum Type : uint8_t {
  kData,
  kHeaders,
  kPriority,
  kReset,
  kSettings,
  kPush,
  kPing,
  kGoAway,
  kWindow,
  kContinuation
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kGet = "\x82\x86\x84\x41\x01h"; // GET, http, /, authority "h"
constexpr std::string_view kPost = "\x83\x86\x84\x41\x01h";

// The proxy's side of a server codec: notes what comes and answers when told to.
class Proxy final : public ServerCodecCallbacks {
public:
  class Request final : public RequestDecoder, public StreamCallbacks {
  public:
    Request(Proxy& proxy, ResponseEncoder& e) : encoder(&e), proxy_(proxy) { e.setCallbacks(this); }
    void decodeHeaders(HeaderMapPtr h, bool end) override {
      headers = std::move(h);
      ended = end;
      proxy_.log += base::cat(headers->method(), " ", headers->authority(), headers->path(),
                              end ? " end|" : "|");
      if (proxy_.onHeaders) {
        proxy_.onHeaders(*this);
      }
    }
    void decodeData(base::Buffer& data, bool end) override {
      body += data.toString();
      data.clear();
      ended = end;
      if (end) {
        proxy_.log += "body " + std::to_string(body.size()) + " end|";
      }
    }
    void decodeTrailers(HeaderMapPtr trailers) override {
      ended = true;
      proxy_.log += base::cat("trailer ", trailers->entries().front().name(), "|");
    }
    void onResetStream(ResetReason reason, std::string_view) override {
      encoder = nullptr;
      proxy_.log += base::cat("reset ", resetReasonName(reason), "|");
    }
    void onAboveWriteBufferHighWatermark() override { ++high; }
    void onBelowWriteBufferLowWatermark() override { ++low; }

    void respond(base::Slab& slab, uint32_t status, std::string_view text = "", bool end = true) {
      HeaderMapPtr response = proxy_.headers.make();
      response->setStatus(status);
      std::exchange(started, true);
      encoder->encodeHeaders(*response, text.empty() && end);
      if (!text.empty()) {
        base::Buffer data;
        data.append(slab, text);
        encoder->encodeData(data, end);
      }
    }

    ResponseEncoder* encoder;
    HeaderMapPtr headers;
    std::string body;
    bool ended = false;
    bool started = false;
    int high = 0;
    int low = 0;

  private:
    Proxy& proxy_;
  };

  explicit Proxy(HeaderMapPool& pool) : headers(pool) {}
  RequestDecoder& newStream(ResponseEncoder& encoder) override {
    requests.push_back(std::make_unique<Request>(*this, encoder));
    return *requests.back();
  }
  void onProtocolError(uint32_t status, std::string_view details) override {
    log += base::cat("error ", status, " ", details, "|");
  }

  HeaderMapPool& headers;
  std::vector<std::unique_ptr<Request>> requests;
  std::function<void(Request&)> onHeaders;
  std::string log;
};

// A server codec on a connection; the test is the client, on the level of frames.
class Http2ServerTest : public net::test::ConnectionTest {
protected:
  class Filter final : public net::ReadFilter {
  public:
    explicit Filter(Http2ServerTest& test) : test_(test) {}
    void initialize(net::Connection&) override {}
    net::FilterStatus onData(base::Buffer& data, bool end) override {
      const absl::Status status = test_.codec->dispatch(data, end);
      if (!status.ok() && !test_.connection->closed()) {
        test_.codec->onConnectionClosed(ResetReason::ProtocolError, "");
        test_.connection->close(net::CloseType::FlushWriteAndDelay);
      }
      return net::FilterStatus::StopIteration;
    }

  private:
    Http2ServerTest& test_;
  };
  class Watermarks final : public net::ConnectionCallbacks {
  public:
    explicit Watermarks(Http2ServerTest& test) : test_(test) {}
    void onConnectionEvent(net::ConnectionEvent) override {
      test_.codec->onConnectionClosed(ResetReason::ConnectionTermination, "");
    }
    void onAboveWriteBufferHighWatermark() override {
      test_.codec->onConnectionAboveHighWatermark();
    }
    void onBelowWriteBufferLowWatermark() override { test_.codec->onConnectionBelowLowWatermark(); }

  private:
    Http2ServerTest& test_;
  };

  void start(const Http2Settings& settings = {}, bool hello = true) {
    client = std::make_unique<net::test::Peer>(net::Connection::connect(worker, address, nullptr));
    ASSERT_TRUE(until([&] { return client->connected && !accepted.empty(); }));
    client->connection->setNoDelay(true); // frames are small and many
    connection = std::move(accepted.back());
    accepted.pop_back();
    connection->addCallbacks(&watermarks_);
    connection->enableHalfClose(true);
    connection->addReadFilter(std::make_unique<Filter>(*this));
    codec = createHttp2Server({worker, pool}, *connection, proxy, settings, stats);
    connection->start();
    if (hello) {
      send(base::cat(kPreface, frame(kSettings, 0, 0, "")));
      frames();
    }
  }
  void TearDown() override {
    codec.reset();
    settle();
  }
  void send(std::string_view text) {
    base::Buffer data = bytes(text);
    client->connection->write(data, false);
    settle();
  }
  void get(uint32_t stream) { send(frame(kHeaders, kEndHeaders | kEndStream, stream, kGet)); }
  // What came since the last call, as "TYPE(stream,detail) ...", without SETTINGS and windows.
  std::string frames() {
    settle();
    std::string out;
    std::string& in = client->received;
    auto number = [&](size_t at, int bytes) {
      uint32_t value = 0;
      for (int i = 0; i < bytes; ++i) {
        value = value << 8 | static_cast<uint8_t>(in[at + static_cast<size_t>(i)]);
      }
      return value;
    };
    while (in.size() >= 9 && in.size() >= 9 + number(0, 3)) {
      const uint32_t size = number(0, 3);
      const auto type = static_cast<uint8_t>(in[3]);
      const char* end = (in[4] & kEndStream) != 0 ? " end" : "";
      switch (type) {
      case kData:
        out += base::cat("DATA(", number(5, 4), ",", size, end, ") ");
        break;
      case kHeaders:
        out += base::cat("HEADERS(", number(5, 4), end, ") ");
        break;
      case kReset:
        out += base::cat("RST(", number(5, 4), ",", number(9, 4), ") ");
        break;
      case kGoAway:
        out += base::cat("GOAWAY(", number(13, 4), ") ");
        break;
      case kPing:
        out += "PING ";
        break;
      default:
        break;
      }
      in.erase(0, 9 + size);
    }
    return out;
  }
  Proxy::Request& request(size_t n) { return *proxy.requests.at(n); }

  stats::Store store;
  Http2Stats stats{store.root().child("http2")};
  HeaderMapPool pool{worker.slab};
  Proxy proxy{pool};
  std::unique_ptr<net::Connection> connection;
  std::unique_ptr<Codec> codec;

private:
  Watermarks watermarks_{*this};
};

} // namespace moe::http::test
