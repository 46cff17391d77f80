#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "event/worker.h"
#include "net/fd_watcher.h"
#include "net/listener_filter.h"
#include "server/listener_config.h"

namespace moe::server {

class PendingSocket;
struct ActiveListener;

// Told once, when the filters are through with a socket.
class PendingCallbacks {
public:
  // A connection is to be made of it: take its parts.
  virtual void onPendingReady(PendingSocket& socket) = 0;
  // It is closed.
  virtual void onPendingClosed(PendingSocket& socket) = 0;

protected:
  ~PendingCallbacks() = default;
};

struct PendingTag {};

// An accepted socket while a listener's filters look at it: they run one after the other, and those
// that need bytes wait for them, for a time. On the worker. Whoever is told of its end deletes it,
// at the end of the turn.
class PendingSocket final : public event::DeferredDeletable, public base::ListLink<PendingTag> {
public:
  // `in`: what is read already.
  PendingSocket(event::Worker& worker, std::shared_ptr<ActiveListener> listener, net::Fd fd,
                net::SocketFacts facts, base::Buffer in, bool handedOver,
                PendingCallbacks& callbacks);
  ~PendingSocket() override;

  // Runs the filters; may call back before it returns.
  void start();
  // A drain has begun: it has at most this long.
  void hurry(base::Milliseconds most);
  void close();

  // Of a ready one.
  net::Fd takeFd() { return std::move(fd_); }
  net::SocketFacts& facts() { return facts_; }
  base::Buffer& in() { return in_; }
  const std::shared_ptr<ActiveListener>& listener() const { return listener_; }
  bool handedOver() const { return handedOver_; }

private:
  using Status = net::ListenerFilter::Status;

  bool done() const { return callbacks_ == nullptr; }
  // Goes on with this answer of the present filter.
  void run(Status status);
  // The next filter's first answer; false: there is none left.
  bool nextFilter(Status& status);
  void readMore();
  void onTimeout();
  void finish(bool ready);

  event::Worker& worker_;
  std::shared_ptr<ActiveListener> listener_;
  ListenerConfigPtr config_; // whose filters these are
  net::Fd fd_;
  std::unique_ptr<net::FdWatcher> watcher_; // once it has to wait
  std::unique_ptr<event::Timer> timer_;
  net::SocketFacts facts_;
  base::Buffer in_;
  bool handedOver_;
  size_t next_ = 0; // the next filter
  std::unique_ptr<net::ListenerFilter> filter_;
  PendingCallbacks* callbacks_; // null: it has been told
};

} // namespace moe::server
