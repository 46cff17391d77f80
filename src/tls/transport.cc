#include "tls/transport.h"

#include "base/strings.h"
#include "config/typed_config.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "tls/socket.h"

namespace moe::tls {
namespace {

namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using config::FieldPath;
using RawBuffer = envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
using Proto = envoy::config::core::v3::TransportSocket;

// The configuration as `Context`; nothing for raw_buffer.
template <class Context>
absl::StatusOr<std::optional<Context>> readConfig(const Proto& proto, const FieldPath& path) {
  const FieldPath at = path.field("typed_config");
  if (!proto.has_typed_config()) {
    return config::fieldError(at, base::cat("none for \"", proto.name(), "\""),
                              Context::descriptor()->full_name());
  }
  const std::string_view raw = RawBuffer::descriptor()->full_name();
  const std::string_view wanted = Context::descriptor()->full_name();
  auto unpacked = config::unpack(proto.typed_config(), at);
  if (!unpacked.ok() && unpacked.status().code() != absl::StatusCode::kNotFound) {
    return unpacked.status();
  }
  const std::string_view found =
      unpacked.ok() ? std::string_view(unpacked->message->GetDescriptor()->full_name()) : "";
  if (found == raw) {
    return std::optional<Context>();
  }
  if (found != wanted) {
    return config::unsupportedExtension(
        at, proto.name(), unpacked.ok() ? unpacked->typeName : proto.typed_config().type_url(),
        {std::string(raw), std::string(wanted)});
  }
  return std::move(static_cast<Context&>(*unpacked->message));
}

class RefusedTransport final : public net::TransportSocket {
public:
  explicit RefusedTransport(std::string reason) : reason_(std::move(reason)) {}
  void attach(int, event::Worker&, net::TransportCallbacks&) override {}
  void preRead(base::Buffer& bytes) override { bytes.clear(); }
  Outcome handshake() override { return Outcome::Failed; }
  Outcome read(base::Buffer&) override { return Outcome::Failed; }
  Outcome write(base::Buffer&) override { return Outcome::Failed; }
  Outcome flush() override { return Outcome::More; }
  Outcome shutdown() override { return Outcome::More; }
  size_t unsent() const override { return 0; }
  size_t unread() const override { return 0; }
  net::Wants wants() const override { return {}; } // at once
  bool truncated() const override { return false; }
  std::string_view failure() const override { return reason_; }
  const std::shared_ptr<const TlsPeer>& peer() const override { return none_; }

private:
  std::string reason_;
  std::shared_ptr<const TlsPeer> none_;
};

} // namespace

absl::StatusOr<ServerContextPtr> TransportCompiler::server(const Proto& proto,
                                                           std::span<const std::string> serverNames,
                                                           const FieldPath& path) {
  auto read = readConfig<v3::DownstreamTlsContext>(proto, path);
  if (!read.ok()) {
    return read.status();
  }
  return read->has_value()
             ? contexts_.server(**read, serverNames, secrets_, path.field("typed_config"))
             : ServerContextPtr();
}

absl::StatusOr<ClientContextPtr> TransportCompiler::client(const Proto& proto,
                                                           const FieldPath& path) {
  auto read = readConfig<v3::UpstreamTlsContext>(proto, path);
  if (!read.ok()) {
    return read.status();
  }
  return read->has_value() ? contexts_.client(**read, secrets_, path.field("typed_config"))
                           : ClientContextPtr();
}

std::unique_ptr<net::TransportSocket> ServerTransport::create(const net::Address* local,
                                                              const net::Address* remote) const {
  bssl::UniquePtr<SSL> ssl = context_->newSsl({.local = local, .remote = remote});
  if (ssl == nullptr) {
    return createRefusedTransport("TLS_error: no memory for a connection");
  }
  return std::make_unique<TlsSocket>(std::move(ssl), stats_, TlsSocket::MadeBy::Context);
}

std::unique_ptr<net::TransportSocket>
createClientTransport(const ClientContext& context, const ClientOptions& options, TlsStats& stats) {
  bssl::UniquePtr<SSL> ssl = context.newSsl(options);
  if (ssl == nullptr) {
    return createRefusedTransport(base::cat("TLS_error: \"", context.serverNameFor(options),
                                            "\" is no server name that can be sent"));
  }
  return std::make_unique<TlsSocket>(std::move(ssl), stats, TlsSocket::MadeBy::Context);
}

std::unique_ptr<net::TransportSocket> createRefusedTransport(std::string reason) {
  return std::make_unique<RefusedTransport>(std::move(reason));
}

} // namespace moe::tls
