#include "server/pending_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "server/active_listener.h"

namespace moe::server {

PendingSocket::PendingSocket(event::Worker& worker, std::shared_ptr<ActiveListener> listener,
                             net::Fd fd, net::SocketFacts facts, base::Buffer in, bool handedOver,
                             PendingCallbacks& callbacks)
    : worker_(worker), listener_(std::move(listener)), config_(listener_->config),
      fd_(std::move(fd)), facts_(std::move(facts)), in_(std::move(in)), handedOver_(handedOver),
      callbacks_(&callbacks) {
  config_->stats.preCxActive.inc();
}

PendingSocket::~PendingSocket() { watcher_.reset(); }

void PendingSocket::start() {
  Status status = Status::Continue;
  run(status);
}

void PendingSocket::run(Status status) {
  while (true) {
    switch (status) {
    case Status::Close:
      finish(false);
      return;
    case Status::NeedMore:
      if (in_.size() >= filter_->maxBytes()) {
        finish(false); // it would wait for what is never read
        return;
      }
      if (watcher_ == nullptr) {
        watcher_ = std::make_unique<net::FdWatcher>(worker_.loop, fd_.get(),
                                                    [this](int /*events*/) { readMore(); });
        watcher_->watch(net::FdWatcher::kRead);
        if (config_->filtersTimeout.has_value() && timer_ == nullptr) {
          timer_ = worker_.loop.createTimer([this] { onTimeout(); });
          timer_->enable(*config_->filtersTimeout);
        }
      }
      return;
    case Status::Continue:
      if (!nextFilter(status)) {
        finish(true);
        return;
      }
      break;
    }
  }
}

bool PendingSocket::nextFilter(Status& status) {
  while (next_ < config_->filters.size()) {
    const ListenerFilter& configured = config_->filters[next_++];
    if (configured.disabled.has_value() && configured.disabled->matches(*facts_.local)) {
      continue;
    }
    filter_ = configured.factory->createFilter();
    net::AcceptedSocket socket{fd_.get(), worker_.slab, facts_, in_};
    status = filter_->onAccept(socket);
    if (status == Status::NeedMore && !in_.empty()) {
      status = filter_->onData(socket);
    }
    return true;
  }
  return false;
}

void PendingSocket::readMore() {
  const size_t most = filter_->maxBytes() - in_.size();
  const std::span<char> room = worker_.slab.reserve(std::min<size_t>(most, 2048));
  const ssize_t n = ::recv(fd_.get(), room.data(), std::min(room.size(), most), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (n <= 0) {
    (n == 0 ? config_->stats.filterRemoteClose : config_->stats.filterError).inc();
    filter_->onEnd();
    finish(false);
    return;
  }
  in_.append(worker_.slab.commit(static_cast<size_t>(n)));
  net::AcceptedSocket socket{fd_.get(), worker_.slab, facts_, in_};
  run(filter_->onData(socket));
}

void PendingSocket::onTimeout() {
  config_->stats.preCxTimeout.inc();
  finish(config_->continueOnFiltersTimeout);
}

void PendingSocket::hurry(base::Milliseconds most) {
  if (done()) {
    return;
  }
  timer_ = worker_.loop.createTimer([this] { finish(false); });
  timer_->enable(most);
}

void PendingSocket::close() { finish(false); }

void PendingSocket::finish(bool ready) {
  if (done()) {
    return;
  }
  config_->stats.preCxActive.dec();
  watcher_.reset(); // the connection watches the descriptor itself
  if (timer_ != nullptr) {
    timer_->disable();
  }
  PendingCallbacks& callbacks = *std::exchange(callbacks_, nullptr);
  if (!ready) {
    fd_.reset();
    callbacks.onPendingClosed(*this);
    return;
  }
  callbacks.onPendingReady(*this);
}

} // namespace moe::server
