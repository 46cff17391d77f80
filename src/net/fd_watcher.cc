#include "net/fd_watcher.h"

namespace moe::net {

struct FdWatcher::Handle {
  uv_poll_t poll;
  Callback callback;
  int watched = 0;
  bool stopped = false; // libuv stops the handle on error
};

FdWatcher::FdWatcher(event::Loop& loop, int fd, Callback callback)
    : handle_(std::make_unique<Handle>().release()) {
  handle_->callback = std::move(callback);
  uv_poll_init(loop.uv(), &handle_->poll, fd);
  handle_->poll.data = handle_;
}

FdWatcher::~FdWatcher() {
  handle_->poll.data = nullptr;
  uv_poll_stop(&handle_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll), [](uv_handle_t* h) {
    std::unique_ptr<Handle> freed(reinterpret_cast<Handle*>(h)); // poll is the first member
  });
}

void FdWatcher::watch(int events) {
  if (events == events_ && !handle_->stopped) {
    return;
  }
  events_ = events;
  handle_->stopped = false;
  if (events == 0) {
    uv_poll_stop(&handle_->poll);
    return;
  }
  uv_poll_start(&handle_->poll, events, [](uv_poll_t* h, int status, int ready) {
    auto* handle = static_cast<Handle*>(h->data);
    if (handle == nullptr) {
      return;
    }
    if (status < 0) {
      handle->stopped = true;
      ready = kRead | kWrite;
    }
    handle->callback(ready);
  });
}

} // namespace moe::net
