#include "event/task_queue.h"

#include <memory>

namespace moe::event {

TaskQueue::~TaskQueue() { clear(); }

void TaskQueue::clear() {
  while (Node* node = head_.exchange(nullptr, std::memory_order_acquire)) {
    while (node != nullptr) {
      std::unique_ptr<Node> owned(node);
      node = owned->next;
    }
  }
}

bool TaskQueue::push(Task task) {
  Node* node = std::make_unique<Node>(Node{std::move(task), nullptr}).release();
  Node* head = head_.load(std::memory_order_relaxed);
  do {
    node->next = head;
  } while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                        std::memory_order_relaxed));
  return head == nullptr;
}

size_t TaskQueue::runAll() {
  Node* node = head_.exchange(nullptr, std::memory_order_acquire);
  Node* inOrder = nullptr;
  while (node != nullptr) {
    Node* next = node->next;
    node->next = inOrder;
    inOrder = node;
    node = next;
  }
  size_t count = 0;
  while (inOrder != nullptr) {
    std::unique_ptr<Node> owned(inOrder);
    inOrder = owned->next;
    owned->task();
    ++count;
  }
  return count;
}

} // namespace moe::event
