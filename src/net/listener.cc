#include "net/listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/strings.h"

namespace moe::net {
namespace {

absl::Status systemError(const Address& address, std::string_view what) {
  return absl::UnavailableError(
      base::cat("cannot ", what, " ", address.asString(), ": ", std::strerror(errno)));
}

bool setOption(int fd, int level, int name) {
  const int on = 1;
  return ::setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

} // namespace

absl::StatusOr<Fd> bindTo(const Address& address, const ListenOptions& options) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return systemError(address, "make a socket for");
  }
  if (address.isIp()) {
    if (!setOption(fd.get(), SOL_SOCKET, SO_REUSEADDR) ||
        (options.reusePort && !setOption(fd.get(), SOL_SOCKET, SO_REUSEPORT))) {
      return systemError(address, "set SO_REUSEADDR and SO_REUSEPORT on");
    }
    // Accepted sockets inherit it: one system call less a connection.
    (void)setOption(fd.get(), IPPROTO_TCP, TCP_NODELAY);
    if (options.freebind && !setOption(fd.get(), IPPROTO_IP, IP_FREEBIND)) {
      return systemError(address, "set IP_FREEBIND on");
    }
    if (options.transparent && !setOption(fd.get(), SOL_IP, IP_TRANSPARENT)) {
      return systemError(address, "set IP_TRANSPARENT on");
    }
    if (address.kind() == Address::Kind::Ipv6) {
      const int only = options.ipv6Only ? 1 : 0;
      (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    }
  } else if (!address.asString().empty() && address.asString().front() != '@') {
    // A socket file that an earlier process left behind; anything else is not ours to remove.
    struct stat info{};
    if (::lstat(address.asString().c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) {
      ::unlink(address.asString().c_str());
    }
  }
  if (::bind(fd.get(), address.sockAddr(), address.sockAddrLength()) != 0) {
    return systemError(address, "bind to");
  }
  return fd;
}

absl::Status startListening(const Fd& fd, const Address& address, const ListenOptions& options) {
  return ::listen(fd.get(), options.backlog) == 0 ? absl::OkStatus()
                                                  : systemError(address, "listen on");
}

absl::StatusOr<Fd> listenOn(const Address& address, const ListenOptions& options) {
  absl::StatusOr<Fd> fd = bindTo(address, options);
  if (fd.ok()) {
    if (absl::Status status = startListening(*fd, address, options); !status.ok()) {
      return status;
    }
  }
  return fd;
}

absl::StatusOr<Fd> duplicate(const Fd& fd) {
  Fd out(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!out.valid()) {
    return absl::UnavailableError(
        base::cat("cannot share the socket among workers: ", std::strerror(errno)));
  }
  return out;
}

Listener::Listener(event::Loop& loop, Fd fd, AddressPtr address, AcceptCallback callback,
                   const AcceptOptions& options)
    : fd_(std::move(fd)), address_(std::move(address)),
      askLocal_(options.transparent || address_->isAny() || address_->port() == 0),
      perTurn_(options.perTurn), callback_(std::move(callback)) {
  retry_ = loop.createTimer([this] {
    if (!paused_) { // by others meanwhile
      watcher_->watch(FdWatcher::kRead);
    }
  });
  watcher_ =
      std::make_unique<FdWatcher>(loop, fd_.get(), [this](int /*events*/) { acceptReady(); });
  resume();
}

void Listener::pause() {
  paused_ = true;
  watcher_->watch(0);
}

void Listener::resume() {
  paused_ = false;
  watcher_->watch(FdWatcher::kRead);
}

void Listener::acceptReady() {
  for (int i = 0; i < perTurn_ && acceptOne(); ++i) {
  }
}

bool Listener::acceptPending(int most) {
  for (int i = 0; i < most; ++i) {
    if (paused_ || !acceptOne()) {
      return false;
    }
  }
  return true;
}

bool Listener::acceptOne() {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  Fd accepted(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Out of descriptors: the queue stays readable; wait instead of spinning.
      watcher_->watch(0);
      retry_->enable(base::Milliseconds(100));
    }
    return false;
  }
  AddressPtr local = askLocal_ ? Address::localOf(accepted.get()) : address_;
  callback_(std::move(accepted), std::move(local), Address::fromSockaddr(storage, length));
  return true;
}

} // namespace moe::net
