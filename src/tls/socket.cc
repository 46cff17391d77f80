#include "tls/socket.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"
#include "tls/context.h"
#include "tls/errors.h"
#include "tls/peer_chain.h"

namespace moe::tls {
namespace {

using Outcome = net::TransportSocket::Outcome;

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
// A record is of use to the peer when all of it is there. While the congestion window is small,
// records fit into a segment (1,460 bytes less what TLS adds).
constexpr size_t kSmallRecord = 1350;
constexpr size_t kSmallAtFirst = 16 * 1024;
// A slice of this size is a record of its own; smaller ones are copied together.
constexpr size_t kOwnRecord = 4096;
// Records made before they are sent: as much as is held for a peer that takes nothing.
constexpr size_t kGather = 64 * 1024;
constexpr size_t kMostIov = 64;
constexpr size_t kMinRead = 2048;

} // namespace

TlsSocket::TlsSocket(bssl::UniquePtr<SSL> ssl, TlsStats& stats, MadeBy madeBy)
    : stats_(stats), byContext_(madeBy == MadeBy::Context), ssl_(std::move(ssl)),
      wantsRead_(SSL_is_server(ssl_.get()) == 1) {
  SSL_set_app_data(ssl_.get(), &state_);
  SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_renegotiate_mode(ssl_.get(), ssl_renegotiate_never);
  SSL_set_shed_handshake_config(ssl_.get(), 1); // an idle connection keeps what it needs
}

TlsSocket::~TlsSocket() = default;

void TlsSocket::attach(int fd, event::Worker& worker, net::TransportCallbacks& callbacks) {
  fd_ = fd;
  worker_ = &worker;
  callbacks_ = &callbacks;
  wire_ = std::make_unique<WireBio>(worker.slab);
  BIO* bio = wire_->bio().release();
  SSL_set_bio(ssl_.get(), bio, bio); // takes one reference for both
}

void TlsSocket::preRead(base::Buffer& bytes) {
  wire_->received().moveFrom(bytes);
  unlooked_ = true;
}

net::Wants TlsSocket::wants() const {
  return {.read = wantsRead_, .write = unsent() > 0, .answer = wantsAnswer_};
}

// One read of the descriptor. At the peer's end the wire is told.
TlsSocket::Received TlsSocket::receive() {
  const ssize_t n = reader_.read(fd_, worker_->slab, wire_->received());
  if (n > 0) {
    return Received::Some;
  }
  if (n == 0) {
    wire_->setEnd();
    return Received::Some;
  }
  if (errno == EAGAIN || errno == EINTR) {
    return Received::Nothing;
  }
  failure_ = std::strerror(errno);
  return Received::Failed;
}

Outcome TlsSocket::handshake() {
  if (flush() == Outcome::Failed) {
    return Outcome::Failed;
  }
  if (wantsRead_ && !std::exchange(unlooked_, false)) {
    switch (receive()) {
    case Received::Some:
      break;
    case Received::Nothing:
      return Outcome::Blocked;
    case Received::Failed:
      return Outcome::Failed;
    }
  }
  wantsRead_ = wantsAnswer_ = false;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    done();
    return flush() == Outcome::Failed ? Outcome::Failed : Outcome::More;
  }
  return afterHandshakeError(result);
}

Outcome TlsSocket::afterHandshakeError(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
  case SSL_ERROR_WANT_READ:
    wantsRead_ = true;
    break;
  case SSL_ERROR_WANT_PRIVATE_KEY_OPERATION:
  case SSL_ERROR_WANT_CERTIFICATE_VERIFY:
  case SSL_ERROR_PENDING_CERTIFICATE:
    wantsAnswer_ = true;
    break;
  default:
    return fail(wire_->atEnd() ? "the peer closed the connection during the handshake"
                               : "the handshake failed");
  }
  return flush() == Outcome::Failed ? Outcome::Failed : Outcome::Blocked;
}

// The handshake is done.
void TlsSocket::done() {
  unlooked_ = !wire_->received().empty() || wire_->atEnd();
  stats_.handshake.inc();
  if (SSL_session_reused(ssl_.get()) == 1) {
    stats_.sessionReused.inc();
  }
  auto chain = std::make_unique<PeerChain>();
  chain->ssl = ssl_.get();
  chain->verified = state_.verified;
  chain->session.reset(SSL_get1_session(ssl_.get()));
  if (const Certificate* own = byContext_ ? localCertificate(*ssl_) : nullptr) {
    chain->local = bssl::UpRef(own->leaf);
  }
  peer_ = std::make_shared<const TlsPeer>(std::move(chain));
  if (!peer_->hasCertificate()) {
    stats_.noCertificate.inc();
  }
  countVerify(); // a bad certificate may be accepted
  countStaple();
  stats_.versions.inc(static_cast<uint32_t>(SSL_version(ssl_.get())), peer_->version());
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get())) {
    stats_.ciphers.inc(SSL_CIPHER_get_protocol_id(cipher), peer_->cipher());
  }
  if (const uint16_t group = SSL_get_group_id(ssl_.get()); group != 0) {
    const char* name = SSL_get_group_name(group);
    stats_.curves.inc(group, name == nullptr ? "unknown" : name);
  }
  if (const uint16_t algorithm = SSL_get_peer_signature_algorithm(ssl_.get()); algorithm != 0) {
    const char* name = SSL_get_signature_algorithm_name(algorithm, /*include_curve=*/1);
    stats_.sigalgs.inc(algorithm, name == nullptr ? "unknown" : name);
  }
}

void TlsSocket::countVerify() {
  switch (std::exchange(state_.fail, VerifyState::Fail::None)) {
  case VerifyState::Fail::None:
    break;
  case VerifyState::Fail::NoCert:
    stats_.failVerifyNoCert.inc();
    break;
  case VerifyState::Fail::Error:
    stats_.failVerifyError.inc();
    break;
  case VerifyState::Fail::San:
    stats_.failVerifySan.inc();
    break;
  case VerifyState::Fail::CertHash:
    stats_.failVerifyCertHash.inc();
    break;
  }
}

void TlsSocket::countStaple() {
  if (!byContext_ || SSL_is_server(ssl_.get()) == 0) {
    return;
  }
  const Staple staple = stapleOf(*ssl_);
  if (staple == Staple::NotAsked) {
    return;
  }
  stats_.ocspStapleRequests.inc();
  (staple == Staple::Stapled   ? stats_.ocspStapleResponses
   : staple == Staple::Omitted ? stats_.ocspStapleOmitted
                               : stats_.ocspStapleFailed)
      .inc();
}

// `what` counts where BoringSSL has nothing to say.
Outcome TlsSocket::fail(std::string_view what) {
  const bool refused = state_.fail != VerifyState::Fail::None;
  const Errors errors = takeErrors(refused ? std::string_view(state_.failure) : std::string_view());
  if (errors.noPeerCertificate && !refused) {
    stats_.failVerifyNoCert.inc();
  } else if (errors.any && !refused && !errors.certificate) {
    stats_.connectionError.inc();
  }
  countVerify();
  if (peer_ == nullptr) {
    countStaple();
  }
  if (errors.cleartext) { // BoringSSL leaves it to us
    (void)SSL_send_fatal_alert(ssl_.get(), SSL_AD_UNEXPECTED_MESSAGE);
    ERR_clear_error();
  }
  if (failure_.empty()) {
    failure_ = !errors.text.empty() ? errors.text : base::cat("TLS_error: ", what);
  }
  return Outcome::Failed;
}

Outcome TlsSocket::read(base::Buffer& in) {
  if (!std::exchange(unlooked_, false)) {
    switch (receive()) {
    case Received::Some:
      break;
    case Received::Nothing:
      return Outcome::Blocked;
    case Received::Failed:
      return Outcome::Failed;
    }
  }
  base::Slab& slab = worker_->slab;
  ERR_clear_error();
  while (true) {
    const std::span<char> room = slab.reserve(kMinRead);
    wire_->setSlabReserved(true);
    const int n = SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size()));
    wire_->setSlabReserved(false);
    if (n > 0) {
      in.append(slab.commit(static_cast<size_t>(n)));
      continue;
    }
    switch (SSL_get_error(ssl_.get(), n)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::Blocked;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::End;
    default:
      if (wire_->atEnd() && ERR_peek_error() == 0) {
        truncated_ = true;
        return Outcome::End;
      }
      return fail("the connection broke");
    }
  }
}

// What the next record holds; small slices are brought together in room of the slab that nothing
// else takes before it is sealed.
std::string_view TlsSocket::nextPiece(const base::Buffer& out) {
  const size_t most = sentSmall_ < kSmallAtFirst ? kSmallRecord : kRecord;
  const std::string_view first = out.front();
  if (first.size() >= std::min(most, kOwnRecord) || first.size() == out.size()) {
    return first.substr(0, most);
  }
  constexpr size_t payload = base::Block::kSize - sizeof(base::Block);
  const size_t limit = std::min(most, payload);
  size_t size = 0;
  for (const base::Slice& slice : out.slices()) {
    if (size >= limit || (size > 0 && slice.size >= kOwnRecord && limit == payload)) {
      break;
    }
    size = std::min(limit, size + slice.size);
  }
  const std::span<char> room = worker_->slab.reserve(size);
  out.copyOut(0, size, room.data());
  return {room.data(), size};
}

Outcome TlsSocket::write(base::Buffer& out) {
  if (unsent() > 0) {
    return Outcome::Blocked;
  }
  while (!out.empty()) {
    while (!out.empty() && unsent() < kGather) {
      const std::string_view piece = nextPiece(out);
      ERR_clear_error();
      const int n = SSL_write(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
      if (n <= 0) {
        // The wire never blocks: the SSL is broken, or was closed.
        return fail("nothing can be written");
      }
      out.drain(static_cast<size_t>(n));
      if (sentSmall_ < kSmallAtFirst) {
        sentSmall_ += static_cast<uint32_t>(n);
      }
    }
    if (const Outcome sent = flush(); sent != Outcome::More) {
      return sent;
    }
  }
  return Outcome::More;
}

Outcome TlsSocket::flush() {
  base::Buffer& out = wire_->written();
  while (!out.empty()) {
    iovec iov[kMostIov];
    msghdr message{};
    message.msg_iov = iov;
    message.msg_iovlen = out.iovecs(iov, kMostIov);
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n >= 0) {
      out.drain(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      return Outcome::Blocked;
    } else if (errno != EINTR) {
      if (failure_.empty()) {
        failure_ = std::strerror(errno);
      }
      out.clear();
      return Outcome::Failed;
    }
  }
  return Outcome::More;
}

Outcome TlsSocket::shutdown() {
  if (!std::exchange(closeNotifySent_, true)) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get()); // only written to the wire: it does not wait for the peer's
    ERR_clear_error();
  }
  return flush();
}

} // namespace moe::tls
