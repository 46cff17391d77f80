#include "event/loop.h"

#include <cstdlib>

namespace moe::event {
namespace {

Loop& self(void* handleData) { return *static_cast<Loop*>(handleData); }

} // namespace

Loop::Loop() {
  if (uv_loop_init(&uv_) != 0) {
    std::abort(); // No descriptors or memory at start: nothing can run.
  }
  uv_.data = this;
  uv_async_init(&uv_, &wake_, [](uv_async_t* h) { self(h->data).tasks_.runAll(); });
  uv_prepare_init(&uv_, &prepare_);
  uv_check_init(&uv_, &check_);
  uv_idle_init(&uv_, &idle_);
  uv_timer_init(&uv_, &wheelTimer_);
  wake_.data = prepare_.data = check_.data = idle_.data = wheelTimer_.data = this;
  // Before the loop waits: what timers wrote. After it polled: what the events wrote.
  uv_prepare_start(&prepare_, [](uv_prepare_t* h) { self(h->data).turnEnd(); });
  uv_check_start(&check_, [](uv_check_t* h) { self(h->data).turnEnd(); });
  wheel_.follow(&uv_);
}

Loop::~Loop() {
  // What these hold may still post, while there is something to post to.
  tasks_.clear();
  clearDeferred();
  tasks_.clear();
  // Handles that outlived their owners would dangle in libuv's lists: close all, ours included.
  uv_walk(
      &uv_,
      [](uv_handle_t* h, void*) {
        if (uv_is_closing(h) == 0) {
          uv_close(h, nullptr);
        }
      },
      nullptr);
  uv_run(&uv_, UV_RUN_DEFAULT);
  uv_loop_close(&uv_);
}

void Loop::run() { uv_run(&uv_, UV_RUN_DEFAULT); }

void Loop::runOnce() { uv_run(&uv_, UV_RUN_NOWAIT); }

void Loop::stop() {
  post([this] { uv_stop(&uv_); });
}

void Loop::post(Task task) {
  if (tasks_.push(std::move(task))) {
    uv_async_send(&wake_);
  }
}

void Loop::deferredDelete(std::unique_ptr<DeferredDeletable> object) {
  if (object != nullptr) {
    deferred_.push_back(std::move(object));
  }
}

void Loop::clearDeferred() {
  // Destructors may defer more.
  while (!deferred_.empty()) {
    deleting_.swap(deferred_);
    deleting_.clear();
  }
}

void Loop::turnEnd() {
  while (!flushes_.empty()) {
    Flushable& object = flushes_.front();
    object.unlink();
    object.flush();
  }
  clearDeferred();
  ++turn_;
  if (wheel_.takeRearm()) {
    armWheel();
  }
}

void NextTurn::schedule() {
  if (!linked()) {
    loop_.nextTurn_.pushBack(*this);
    // The loop does not wait while an idle handle is active, and runs it before it polls again.
    uv_idle_start(&loop_.idle_, [](uv_idle_t* h) { self(h->data).runNextTurns(); });
  }
}

void Loop::runNextTurns() {
  base::IntrusiveList<NextTurn, NextTurnTag> now;
  nextTurn_.spliceTo(now); // what is scheduled meanwhile is for the turn after
  uv_idle_stop(&idle_);
  while (!now.empty()) {
    NextTurn& next = now.front();
    next.unlink();
    next.callback_();
  }
}

void Loop::armWheel() {
  uint64_t delay = 0;
  if (!wheel_.nextDelay(uv_now(&uv_), delay)) {
    uv_timer_stop(&wheelTimer_);
    return;
  }
  uv_timer_start(
      &wheelTimer_,
      [](uv_timer_t* h) {
        Loop& loop = self(h->data);
        loop.wheel_.advance(uv_now(&loop.uv_));
      },
      delay, 0);
}

} // namespace moe::event
