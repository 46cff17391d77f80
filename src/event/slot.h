#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "event/loop.h"

namespace moe::event {

// The loops of all workers, as the main thread knows them. Empty until there are workers.
class WorkerLoops {
public:
  // Before its worker runs; it outlives what is posted to it.
  void add(Loop& loop) { loops_.push_back(&loop); }
  const std::vector<Loop*>& all() const { return loops_; }

private:
  std::vector<Loop*> loops_;
};

// A value that the main thread changes while workers use it. Each worker has its own pointer, which
// only a task on its loop changes, with a count of its own: to copy it costs no other worker
// anything. No lock.
template <class T> class Slot : public std::enable_shared_from_this<Slot<T>> {
public:
  using Value = std::shared_ptr<const T>;

  // `workers`: as many as will be, by index. `value` may be null.
  Slot(size_t workers, const Value& value) : values_(workers), latest_(value) {
    for (Place& each : values_) {
      each = local(value);
    }
  }

  // What this worker sees; on its thread. Those who need it longer than this call copy it.
  const Value& get(uint32_t worker) const { return values_[worker].value; }

  // Main thread. What has begun keeps what it has. The old value ends where the last one lets go of
  // it: see endingOn().
  void set(const Value& value, const WorkerLoops& workers) {
    latest_ = value;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (workers.all().empty()) {
        values_[i] = local(value); // nobody looks yet
        continue;
      }
      workers.all()[i]->post(
          [self = this->shared_from_this(), i, value] { self->values_[i] = local(value); });
    }
  }
  // What was set last; main thread.
  const Value& latest() const { return latest_; }

private:
  friend class SlotChanges;
  struct alignas(64) Place { // one worker's
    Value value;
    Place& operator=(Value v) {
      value = std::move(v);
      return *this;
    }
  };
  // The same value under a count that no other thread touches.
  static Value local(const Value& value) {
    return value == nullptr ? nullptr : Value(value.get(), [value](const T*) {});
  }

  std::vector<Place> values_;
  Value latest_;
};

// Changes of many slots that each worker gets as one task. Main thread.
class SlotChanges {
public:
  // As Slot::set(), which happens with post().
  template <class T>
  void set(const std::shared_ptr<Slot<T>>& slot, const typename Slot<T>::Value& value) {
    slot->latest_ = value;
    changes_.push_back(
        [slot, value](size_t worker) { slot->values_[worker] = Slot<T>::local(value); });
    concurrency_ = slot->values_.size();
  }
  void post(const WorkerLoops& workers) {
    if (changes_.empty()) {
      return;
    }
    const auto all = std::make_shared<const std::vector<Change>>(std::exchange(changes_, {}));
    for (size_t i = 0; i < concurrency_; ++i) {
      auto apply = [all, i] {
        for (const Change& change : *all) {
          change(i);
        }
      };
      workers.all().empty() ? apply() : workers.all()[i]->post(std::move(apply));
    }
  }

private:
  using Change = std::function<void(size_t worker)>;
  std::vector<Change> changes_;
  size_t concurrency_ = 0; // the same for all slots
};

// The same object, which ends on the loop's thread, wherever its last owner lets go: it may be
// large, and a worker must not stall. The loop outlives the owners; what has not ended then ends
// with it.
template <class T>
std::shared_ptr<const T> endingOn(Loop& loop, const std::shared_ptr<const T>& object) {
  return std::shared_ptr<const T>(object.get(), [&loop, object = object](const T*) mutable {
    loop.post([last = std::move(object)] {});
  });
}

} // namespace moe::event
