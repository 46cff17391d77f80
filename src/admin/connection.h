#pragma once

#include <memory>
#include <string>

#include "admin/message.h"
#include "http/codec/http1.h"

namespace moe::admin {

class AdminConnection;

// What serves a connection's requests and owns it.
class ConnectionOwner {
public:
  virtual Response handle(std::string_view method, std::string_view target, std::string body) = 0;
  // The connection is closed; it is still in use further up the stack.
  virtual void connectionGone(AdminConnection& connection) = 0;

protected:
  ~ConnectionOwner() = default;
};

// One client of the admin interface: one request at a time, answered when it is complete.
class AdminConnection final : public event::DeferredDeletable,
                              private net::ConnectionCallbacks,
                              private http::ServerCodecCallbacks,
                              private http::RequestDecoder {
public:
  // The owner and the settings outlive the connection; the pool is shared because a closed
  // connection ends with the loop's turn, perhaps after its owner.
  AdminConnection(ConnectionOwner& owner, event::Worker& worker,
                  std::shared_ptr<http::HeaderMapPool> headers,
                  const http::Http1ServerSettings& settings, net::Fd fd, net::AddressPtr local,
                  net::AddressPtr remote);
  void start() { connection_.start(); }

private:
  class Reader;
  void onData(base::Buffer& data, bool endStream);
  void answer();
  void send(const Response& response);

  // --- net::ConnectionCallbacks
  void onConnectionEvent(net::ConnectionEvent event) override;
  void onAboveWriteBufferHighWatermark() override {}
  void onBelowWriteBufferLowWatermark() override {}
  // --- http::ServerCodecCallbacks
  http::RequestDecoder& newStream(http::ResponseEncoder& encoder) override;
  void onProtocolError(uint32_t /*status*/, std::string_view /*details*/) override {}
  // --- http::RequestDecoder
  void decodeHeaders(http::HeaderMapPtr headers, bool endStream) override;
  void decodeData(base::Buffer& data, bool endStream) override;
  void decodeTrailers(http::HeaderMapPtr /*trailers*/) override { complete_ = true; }

  ConnectionOwner& owner_;
  std::shared_ptr<http::HeaderMapPool> headers_;
  net::Connection connection_;
  std::unique_ptr<http::Codec> codec_;
  http::ResponseEncoder* encoder_ = nullptr; // of the request at hand
  std::string method_;
  std::string target_;
  std::string body_;
  bool complete_ = false; // the request can be answered
  bool tooLarge_ = false;
  bool gone_ = false;
};

} // namespace moe::admin
