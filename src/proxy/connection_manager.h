#pragma once

#include "proxy/stream.h"

namespace moe::proxy {

// The HTTP side of one downstream connection: its codec and its streams.
class ConnectionManager final : public net::ReadFilter,
                                public net::ConnectionCallbacks,
                                public http::ServerCodecCallbacks,
                                public Drainable {
public:
  ConnectionManager(std::shared_ptr<const HcmConfig> config, WorkerContext& context);
  ~ConnectionManager() override;

  // net::ReadFilter
  void initialize(net::Connection& connection) override;
  net::FilterStatus onNewConnection() override;
  net::FilterStatus onData(base::Buffer& data, bool endStream) override;
  // net::ConnectionCallbacks: passed on by the owner of the connection
  void onConnectionEvent(net::ConnectionEvent event) override;
  void onAboveWriteBufferHighWatermark() override {
    if (codec_ != nullptr) {
      codec_->onConnectionAboveHighWatermark();
    }
  }
  void onBelowWriteBufferLowWatermark() override {
    if (codec_ != nullptr) {
      codec_->onConnectionBelowLowWatermark();
    }
  }
  // http::ServerCodecCallbacks
  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override;
  void onProtocolError(uint32_t status, std::string_view details) override;
  // Drainable
  void onDrain() override;

  // --- for streams
  const HcmConfig& config() const { return *config_; }
  WorkerContext& context() { return context_; }
  net::Connection& connection() { return *connection_; }
  http::Protocol protocol() const { return codec_->protocol(); }
  bool draining() const { return context_.draining || draining_ || asked_; }
  // Overload: clients shall come again, on other connections. HTTP/1's next response says so.
  void endKeepalive();
  // A stream for the rest of another one's life.
  Stream& replaceStream(http::ResponseEncoder& encoder);
  // The stream is over; it is deleted at the end of the turn.
  void streamFinished(Stream& stream);

private:
  void makeCodec(http::Protocol protocol);
  void armIdleTimer();
  void drainThis();
  void watchDuration();
  void durationReached();
  void watchHead();
  void closeIfSilent();
  void logRefused(uint32_t status, std::string_view details);

  std::shared_ptr<const HcmConfig> config_;
  WorkerContext& context_;
  net::Connection* connection_ = nullptr;
  std::unique_ptr<http::Codec> codec_; // null until the first bytes say which, if it is AUTO
  base::IntrusiveList<Stream, StreamTag> streams_;
  std::unique_ptr<event::Timer> idleTimer_;
  std::unique_ptr<event::Timer> durationTimer_; // max_connection_duration
  std::unique_ptr<event::Timer> drainTimer_;
  std::unique_ptr<event::Timer> headTimer_; // a request's head has begun to come
  uint32_t requests_ = 0;
  bool counted_ = false;
  bool draining_ = false;
  bool asked_ = false; // to end, by whoever owns the connection
};

} // namespace moe::proxy
