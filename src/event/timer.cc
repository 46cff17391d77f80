#include "event/timer.h"

#include <algorithm>

namespace moe::event {

Timer::Timer(TimerWheel& wheel, Callback callback)
    : wheel_(wheel), callback_(std::move(callback)) {}

Timer::~Timer() {
  disable();
  if (destroyed_ != nullptr) {
    *destroyed_ = true;
  }
}

void Timer::enable(base::Milliseconds delay) {
  disable();
  wheel_.arm(*this, delay.count() < 0 ? 0 : static_cast<uint64_t>(delay.count()));
}

void Timer::disable() {
  if (linked()) {
    wheel_.disarm(*this);
  }
}

void TimerWheel::arm(Timer& timer, uint64_t delayMs) {
  if (armed_ == 0) {
    now_ = std::max(now_, clock()); // Nothing is placed: skip the empty time.
  }
  // The present slot has been emptied already: the earliest slot is the next one.
  timer.deadline_ = std::max(std::max(clock(), now_) + delayMs, now_ + 1);
  place(timer);
  ++armed_;
  if (timer.deadline_ < earliest_) {
    earliest_ = timer.deadline_;
    rearm_ = true;
  }
}

void TimerWheel::disarm(Timer& timer) {
  timer.unlink();
  if (--armed_ == 0) {
    earliest_ = UINT64_MAX; // the owner may stop waiting: the next arming is news
  }
}

void TimerWheel::place(Timer& timer) {
  const uint64_t span = timer.deadline_ - now_;
  int level = 0;
  while (level < kLevels - 1 && span >= (uint64_t{1} << (kSlotBits * (level + 1)))) {
    ++level;
  }
  uint64_t at = timer.deadline_;
  const uint64_t reach = uint64_t{1} << (kSlotBits * kLevels);
  if (span >= reach) {
    at = now_ + reach - 1; // Beyond the wheel: placed at its edge, and again from there.
  }
  slots_[level][(at >> (kSlotBits * level)) & (kSlots - 1)].pushBack(timer);
}

void TimerWheel::fire(base::IntrusiveList<Timer, TimerTag>& due) {
  while (!due.empty()) {
    Timer& timer = due.front();
    disarm(timer);
    if (timer.deadline_ > now_) {
      place(timer);
      ++armed_;
      continue;
    }
    bool destroyed = false;
    timer.destroyed_ = &destroyed;
    // Kept here while it runs: the callback may destroy the timer.
    Timer::Callback callback = std::move(timer.callback_);
    callback();
    if (!destroyed) {
      timer.destroyed_ = nullptr;
      timer.callback_ = std::move(callback);
    }
  }
}

void TimerWheel::advance(uint64_t nowMs) {
  clock_ = std::max(clock_, nowMs);
  while (now_ < nowMs) {
    if (armed_ == 0) {
      now_ = nowMs;
      break;
    }
    ++now_;
    for (int level = 1; level < kLevels; ++level) {
      if ((now_ & ((uint64_t{1} << (kSlotBits * level)) - 1)) != 0) {
        break;
      }
      base::IntrusiveList<Timer, TimerTag> moved;
      slots_[level][(now_ >> (kSlotBits * level)) & (kSlots - 1)].spliceTo(moved);
      while (!moved.empty()) {
        Timer& timer = moved.front();
        timer.unlink();
        if (timer.deadline_ <= now_) {
          slots_[0][now_ & (kSlots - 1)].pushBack(timer);
        } else {
          place(timer);
        }
      }
    }
    base::IntrusiveList<Timer, TimerTag> due;
    slots_[0][now_ & (kSlots - 1)].spliceTo(due);
    fire(due);
  }
  earliest_ = UINT64_MAX;
  rearm_ = true;
}

bool TimerWheel::nextDelay(uint64_t nowMs, uint64_t& delay) const {
  if (armed_ == 0) {
    return false;
  }
  // The first slot in use on the lowest level, or else the next cascade.
  uint64_t at = ((now_ >> kSlotBits) + 1) << kSlotBits;
  for (uint64_t tick = now_ + 1; tick < at; ++tick) {
    if (!slots_[0][tick & (kSlots - 1)].empty()) {
      at = tick;
      break;
    }
  }
  delay = at > nowMs ? at - nowMs : 0;
  return true;
}

} // namespace moe::event
