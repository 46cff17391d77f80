#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "event/loop.h"

namespace moe::net {

// Watches one descriptor for readiness (level-triggered). Stop it, by destroying it, before the
// descriptor is closed; the libuv handle behind it is freed by the loop.
class FdWatcher {
public:
  static constexpr int kRead = UV_READABLE;
  static constexpr int kWrite = UV_WRITABLE;
  // `events` holds kRead and kWrite bits; an error on the descriptor sets both.
  using Callback = std::function<void(int events)>;

  FdWatcher(event::Loop& loop, int fd, Callback callback);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

  // Replaces the events waited for; 0 waits for none. Does nothing if unchanged.
  void watch(int events);

private:
  struct Handle;
  Handle* handle_; // freed in its close callback
  int events_ = 0;
};

} // namespace moe::net
