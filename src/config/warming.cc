#include "config/warming.h"

#include <utility>

namespace moe::config {

struct Warming::Hold::Release {
  explicit Release(std::weak_ptr<Warming*> w) : waiting(std::move(w)) {}
  Release(const Release&) = delete;
  Release& operator=(const Release&) = delete;
  ~Release() {
    if (const auto alive = waiting.lock()) {
      (*alive)->released();
    }
  }
  std::weak_ptr<Warming*> waiting;
};

Warming::~Warming() = default;

Warming::Hold Warming::hold() {
  Hold hold;
  ++held_;
  hold.release_ = std::make_shared<Hold::Release>(self_);
  return hold;
}

void Warming::whenDone(std::function<void()> done) {
  done_ = std::move(done);
  if (held_ == 0) {
    std::exchange(done_, nullptr)();
  }
}

void Warming::released() {
  if (--held_ == 0 && done_ != nullptr) {
    std::exchange(done_, nullptr)();
  }
}

} // namespace moe::config
