#include "xds/completion_thread.h"

#include <csignal>

#include <pthread.h>

namespace moe::xds {

CompletionThread::CompletionThread() {
  // Signals are for the main thread: the new thread inherits a mask that blocks them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
      static_cast<Operation*>(tag)->complete(ok);
    }
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CompletionThread::~CompletionThread() {
  queue_.Shutdown();
  thread_.join();
}

} // namespace moe::xds
