#pragma once

#include <functional>
#include <memory>

#include "event/loop.h"

namespace moe::event {

// Ends objects on the main thread wherever their last owner lets go: they may be large, and a
// worker must not stall. Unlike endingOn(), what is left can be ended before the loop is, while all
// that the objects refer to is still there. The loop outlives what is kept.
class Endings : public std::enable_shared_from_this<Endings> {
public:
  explicit Endings(Loop& main) : main_(main) {}

  // The same object. `ended`, if there is one, is called on the main thread just before its end.
  template <class T>
  std::shared_ptr<T> keep(const std::shared_ptr<T>& object, std::function<void()> ended = nullptr) {
    return std::shared_ptr<T>(object.get(), [self = shared_from_this(), object = object,
                                             ended = std::move(ended)](const void*) mutable {
      self->push([last = std::move(object), call = std::move(ended)] {
        if (call) {
          call();
        }
      });
    });
  }

  // Main thread: ends what nobody owns any more, and what that lets go of.
  void runAll() {
    while (tasks_.runAll() > 0) {
    }
  }

private:
  void push(Task task) {
    if (tasks_.push(std::move(task))) {
      main_.post([self = shared_from_this()] { self->tasks_.runAll(); });
    }
  }

  Loop& main_;
  TaskQueue tasks_;
};

} // namespace moe::event
