#pragma once

#include <atomic>

#include "absl/functional/any_invocable.h"

namespace moe::event {

using Task = absl::AnyInvocable<void()>;

// Many producers, one consumer, no lock. Tasks run in the order they were pushed by each producer.
class TaskQueue {
public:
  TaskQueue() = default;
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // Any thread. True if the queue was empty before, so the consumer must be woken.
  bool push(Task task);
  // Consumer only. Runs what was queued when it was called; returns how many.
  size_t runAll();
  // Consumer only. Destroys what is queued, unrun, and what that queues in turn.
  void clear();

private:
  struct Node {
    Task task;
    Node* next;
  };
  std::atomic<Node*> head_{nullptr};
};

} // namespace moe::event
