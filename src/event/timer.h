#pragma once

#include <uv.h>

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "base/intrusive_list.h"
#include "base/time.h"

namespace moe::event {

class TimerWheel;
struct TimerTag {};

// A one-shot timer on a loop. Arming and cancelling cost a few pointer writes, so per-request
// timeouts are cheap. Fires at its deadline or up to one wheel tick (1 ms) later, on the loop's
// thread. Destroying it cancels it; it may destroy itself in its callback. Outlived by its loop.
class Timer : public base::ListLink<TimerTag> {
public:
  using Callback = absl::AnyInvocable<void()>;
  Timer(TimerWheel& wheel, Callback callback);
  ~Timer();

  // Fires once after `delay` (0: at the next turn); replaces an earlier deadline.
  void enable(base::Milliseconds delay);
  void disable();
  bool enabled() const { return linked(); }

private:
  friend class TimerWheel;
  TimerWheel& wheel_;
  Callback callback_;
  uint64_t deadline_ = 0; // in wheel ticks
  bool* destroyed_ = nullptr;
};

// Four levels of 256 slots of one millisecond, 256 ms, 65 s, 4.6 h. Not thread-safe; driven by
// Loop.
class TimerWheel {
public:
  explicit TimerWheel(uint64_t nowMs) : now_(nowMs) {}

  // Fires what is due up to nowMs. A timer that a callback arms with delay 0 waits for the next
  // call.
  void advance(uint64_t nowMs);
  // Milliseconds until advance() has something to do (a timer or a cascade); false if none is
  // armed.
  bool nextDelay(uint64_t nowMs, uint64_t& delay) const;
  uint64_t now() const { return now_; }
  // Timers are armed from this time on; for wheels without a loop.
  void setClock(uint64_t nowMs) { clock_ = nowMs; }
  // From now on the loop's time counts: libuv brings it up to date after each wait.
  void follow(const uv_loop_t* loop) { loop_ = loop; }
  // True once after an arming that may be earlier than what nextDelay last said.
  bool takeRearm() { return std::exchange(rearm_, false); }
  size_t armed() const { return armed_; }

private:
  friend class Timer;
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 8;
  static constexpr uint64_t kSlots = 1 << kSlotBits;

  uint64_t clock() const { return loop_ == nullptr ? clock_ : uv_now(loop_); }
  void arm(Timer& timer, uint64_t delayMs);
  void disarm(Timer& timer);
  void place(Timer& timer);
  void fire(base::IntrusiveList<Timer, TimerTag>& due);

  base::IntrusiveList<Timer, TimerTag> slots_[kLevels][kSlots];
  uint64_t now_;       // the wheel's position
  uint64_t clock_ = 0; // the time, at or after now_, without a loop
  const uv_loop_t* loop_ = nullptr;
  uint64_t earliest_ = UINT64_MAX; // deadline the owner was told of
  size_t armed_ = 0;
  bool rearm_ = false;
};

} // namespace moe::event
