#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/socket_reader.h"
#include "net/transport_socket.h"
#include "tls/bio.h"
#include "tls/peer.h"
#include "tls/stats.h"
#include "tls/verify_state.h"

namespace moe::tls {

// TLS over a stream socket, with BoringSSL. Ciphertext goes from the kernel to the slab in large
// reads and from there, record by record, through the SSL; records to be sent are gathered and go
// out with one system call as far as the kernel takes them.
class TlsSocket final : public net::TransportSocket {
public:
  enum class MadeBy {
    Context, // tls/context.h: it can say which certificate was shown
    Others,
  };
  // `ssl` knows its side (SSL_set_accept_state or SSL_set_connect_state) and has no BIO. `stats`
  // outlives the socket.
  TlsSocket(bssl::UniquePtr<SSL> ssl, TlsStats& stats, MadeBy madeBy = MadeBy::Others);
  ~TlsSocket() override;

  void attach(int fd, event::Worker& worker, net::TransportCallbacks& callbacks) override;
  void preRead(base::Buffer& bytes) override;
  Outcome handshake() override;
  Outcome read(base::Buffer& in) override;
  Outcome write(base::Buffer& out) override;
  Outcome flush() override;
  Outcome shutdown() override;
  size_t unsent() const override { return wire_ == nullptr ? 0 : wire_->written().size(); }
  size_t unread() const override { return wire_ == nullptr ? 0 : wire_->received().size(); }
  net::Wants wants() const override;
  bool truncated() const override { return truncated_; }
  std::string_view failure() const override { return failure_; }
  const std::shared_ptr<const TlsPeer>& peer() const override { return peer_; }

  // What a check or a signature elsewhere calls when it is done; on the worker.
  void answered() { callbacks_->onTransportAnswer(); }

private:
  enum class Received { Some, Nothing, Failed };
  Received receive();
  Outcome afterHandshakeError(int result);
  void done();
  Outcome fail(std::string_view what);
  void countVerify();
  void countStaple();
  std::string_view nextPiece(const base::Buffer& out);

  VerifyState state_;
  TlsStats& stats_;
  const bool byContext_;
  int fd_ = -1;
  event::Worker* worker_ = nullptr;
  net::TransportCallbacks* callbacks_ = nullptr;
  net::SocketReader reader_;
  std::unique_ptr<WireBio> wire_;
  bssl::UniquePtr<SSL> ssl_; // before the wire it uses, and the state it points to
  std::shared_ptr<const TlsPeer> peer_;
  std::string failure_;
  bool wantsRead_;
  bool wantsAnswer_ = false;
  bool unlooked_ = false; // received, and not yet offered to the SSL
  bool truncated_ = false;
  bool closeNotifySent_ = false;
  uint32_t sentSmall_ = 0; // plain bytes that went in small records
};

} // namespace moe::tls
