#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "event/task_queue.h"
#include "event/timer.h"

namespace moe::event {

// Derive from this to be destroyed at the end of the loop turn (deferredDelete) instead of inside
// one's own call stack.
class DeferredDeletable {
public:
  virtual ~DeferredDeletable() = default;
};

struct FlushTag {};
// Something with output gathered during a turn, written when the turn's events are handled.
class Flushable : public base::ListLink<FlushTag> {
public:
  virtual void flush() = 0;

protected:
  ~Flushable() = default;
};

class Loop;
struct NextTurnTag {};
// Something to be done in the turn after this one, so that one turn does not do too much. Unlike a
// timer it waits for no time to pass; unlike a task it is forgotten when destroyed.
class NextTurn : public base::ListLink<NextTurnTag> {
public:
  NextTurn(Loop& loop, std::function<void()> callback)
      : loop_(loop), callback_(std::move(callback)) {}
  void schedule();

private:
  friend class Loop;
  Loop& loop_;
  std::function<void()> callback_;
};

// One thread's event loop over libuv. All but post() and stop() on the loop's own thread (before
// run(): on the thread that made it).
class Loop {
public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(). Handles still open keep nothing alive.
  void run();
  // Any thread; run() returns after the present turn.
  void stop();
  // Runs ready events once without waiting; for tests.
  void runOnce();

  // Any thread: runs the task on the loop's thread, in a later turn or this one. Tasks posted after
  // run() has ended are destroyed with the loop, unrun.
  void post(Task task);

  // Milliseconds and nanoseconds, monotonic, as of the start of this turn.
  uint64_t nowMs() const { return uv_now(&uv_); }

  // Tells turns apart: what was deferred in an earlier one has been deleted.
  uint64_t turn() const { return turn_; }

  TimerWheel& timers() { return wheel_; }
  std::unique_ptr<Timer> createTimer(Timer::Callback callback) {
    return std::make_unique<Timer>(wheel_, std::move(callback));
  }

  void deferredDelete(std::unique_ptr<DeferredDeletable> object);
  // Asks for object.flush() at the end of this turn; once per turn is enough.
  void flushLater(Flushable& object) {
    if (!object.linked()) {
      flushes_.pushBack(object);
    }
  }

  // For file descriptors and signals in this layer and net/.
  uv_loop_t* uv() { return &uv_; }

private:
  friend class NextTurn;
  void turnEnd();
  void runNextTurns();
  void armWheel();
  void clearDeferred();

  uv_loop_t uv_;
  uv_async_t wake_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_idle_t idle_; // active while something waits for the next turn
  uv_timer_t wheelTimer_;
  TaskQueue tasks_;
  TimerWheel wheel_{0};
  base::IntrusiveList<Flushable, FlushTag> flushes_;
  base::IntrusiveList<NextTurn, NextTurnTag> nextTurn_;
  uint64_t turn_ = 0;
  std::vector<std::unique_ptr<DeferredDeletable>> deferred_;
  std::vector<std::unique_ptr<DeferredDeletable>> deleting_;
};

} // namespace moe::event
