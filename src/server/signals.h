#pragma once

#include <functional>
#include <memory>

#include "event/loop.h"
#include "net/fd.h"
#include "net/fd_watcher.h"

namespace moe::server {

// SIGTERM, SIGINT and SIGUSR1, read from a descriptor instead of handled: a handler would run on
// whichever thread the kernel picks, which may be on a goroutine's small stack. Main thread.
class Signals {
public:
  // Blocks them on this thread and on those it starts from now on, and ignores SIGPIPE and SIGHUP.
  // Before any thread is started and any plugin is loaded.
  Signals();
  // Calls f(signal) on the loop for each that comes.
  void watch(event::Loop& loop, std::function<void(int)> f);
  void stop() { watcher_ = nullptr; }

private:
  net::Fd fd_;
  std::unique_ptr<net::FdWatcher> watcher_;
};

} // namespace moe::server
