#include "server/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>

#include <csignal>

namespace moe::server {

Signals::Signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN); // as in Envoy: a terminal that goes ends nothing
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = net::Fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

void Signals::watch(event::Loop& loop, std::function<void(int)> f) {
  watcher_ = std::make_unique<net::FdWatcher>(loop, fd_.get(), [this, f = std::move(f)](int) {
    signalfd_siginfo info;
    while (::read(fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      f(static_cast<int>(info.ssi_signo));
    }
  });
  watcher_->watch(net::FdWatcher::kRead);
}

} // namespace moe::server
