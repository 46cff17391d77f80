#pragma once

#include <deque>
#include <functional>

#include "event/loop.h"

namespace moe::server {

// Work of any length on a loop: a slice a turn, so that traffic does not wait for it. On the loop's
// thread.
class Slices {
public:
  // Does a little; true: there is more.
  using Slice = std::function<bool()>;

  explicit Slices(event::Loop& loop) : next_(loop, [this] { turn(); }) {}

  // The first slice is done in the next turn.
  void add(Slice slice) {
    work_.push_back(std::move(slice));
    next_.schedule();
  }
  // Forgets what is left.
  void clear() { work_.clear(); }

private:
  void turn() {
    if (work_.empty()) {
      return;
    }
    Slice slice = std::move(work_.front());
    work_.pop_front();
    if (slice()) {
      work_.push_back(std::move(slice));
    }
    if (!work_.empty()) {
      next_.schedule();
    }
  }

  std::deque<Slice> work_; // each gets its turn
  event::NextTurn next_;
};

} // namespace moe::server
