#include "admin/connection.h"

#include "base/strings.h"

namespace moe::admin {
namespace {

// No endpoint takes more.
constexpr size_t kMaxBody = size_t{64} * 1024;

} // namespace

// The connection's only filter: hands all bytes on.
class AdminConnection::Reader final : public net::ReadFilter {
public:
  explicit Reader(AdminConnection& owner) : owner_(owner) {}
  void initialize(net::Connection& /*connection*/) override {}
  net::FilterStatus onData(base::Buffer& data, bool endStream) override {
    owner_.onData(data, endStream);
    return net::FilterStatus::StopIteration;
  }

private:
  AdminConnection& owner_;
};

AdminConnection::AdminConnection(ConnectionOwner& owner, event::Worker& worker,
                                 std::shared_ptr<http::HeaderMapPool> headers,
                                 const http::Http1ServerSettings& settings, net::Fd fd,
                                 net::AddressPtr local, net::AddressPtr remote)
    : owner_(owner), headers_(std::move(headers)),
      connection_(worker, std::move(fd), std::move(local), std::move(remote)) {
  codec_ = http::createHttp1Server({worker, *headers_}, connection_, *this, settings);
  connection_.enableHalfClose(true); // the codec knows what an end means
  connection_.addCallbacks(this);
  connection_.addReadFilter(std::make_unique<Reader>(*this));
}

void AdminConnection::onData(base::Buffer& data, bool endStream) {
  const absl::Status status = codec_->dispatch(data, endStream);
  if (connection_.closed()) {
    return;
  }
  if (!status.ok()) {
    encoder_ = nullptr;
    codec_->onConnectionClosed(http::ResetReason::ProtocolError, base::message(status));
    connection_.close(net::CloseType::FlushWriteAndDelay);
    return;
  }
  // Not from within the codec's calls: it has read all of this request that there is.
  if (complete_ && encoder_ != nullptr) {
    answer();
  }
}

http::RequestDecoder& AdminConnection::newStream(http::ResponseEncoder& encoder) {
  encoder_ = &encoder;
  complete_ = tooLarge_ = false;
  body_.clear();
  return *this;
}

void AdminConnection::decodeHeaders(http::HeaderMapPtr headers, bool endStream) {
  method_ = headers->method();
  target_ = headers->path();
  // Behind a request to upgrade, which is answered as if it were none, no end comes.
  complete_ = endStream || headers->has(http::HeaderId::Upgrade) || method_ == "CONNECT";
}

void AdminConnection::decodeData(base::Buffer& data, bool endStream) {
  tooLarge_ = tooLarge_ || body_.size() + data.size() > kMaxBody;
  if (!tooLarge_) {
    body_.append(data.toString());
  }
  complete_ = complete_ || endStream || tooLarge_;
}

void AdminConnection::answer() {
  if (tooLarge_) {
    encoder_->closeAfterResponse();
    send({.status = 413, .body = base::cat("found a body over ", kMaxBody, " bytes\n")});
    return;
  }
  if (method_ == "CONNECT") {
    encoder_->closeAfterResponse();
    send({.status = 405, .body = "CONNECT: expected GET or POST\n", .allow = "GET, POST"});
    return;
  }
  send(owner_.handle(method_ == "HEAD" ? "GET" : method_, target_, std::exchange(body_, {})));
}

void AdminConnection::send(const Response& response) {
  const http::HeaderMapPtr headers = headers_->make();
  headers->setStatus(response.status);
  headers->add(http::HeaderId::ContentType, response.contentType);
  headers->addNumber(http::HeaderId::ContentLength, response.body.size());
  headers->addStatic("cache-control", "no-cache, max-age=0");
  headers->addStatic("x-content-type-options", "nosniff");
  if (!response.allow.empty()) {
    headers->add("allow", response.allow);
  }
  http::ResponseEncoder& encoder = *std::exchange(encoder_, nullptr);
  encoder.encodeHeaders(*headers, false);
  base::Buffer body;
  body.append(base::Slice::foreignCopy(response.body));
  encoder.encodeData(body, true);
}

void AdminConnection::onConnectionEvent(net::ConnectionEvent event) {
  if (event == net::ConnectionEvent::Connected || std::exchange(gone_, true)) {
    return;
  }
  encoder_ = nullptr;
  codec_->onConnectionClosed(http::ResetReason::ConnectionTermination, "connection_termination");
  owner_.connectionGone(*this);
}

} // namespace moe::admin
