#pragma once

#include <functional>
#include <memory>

namespace moe::config {

// What something waits for before it serves: a listener for its routes, the process for its
// listeners. Main thread.
class Warming {
public:
  // Keeps the one that waits waiting. May outlive it.
  class Hold {
  public:
    Hold() = default;

  private:
    friend class Warming;
    struct Release;
    std::shared_ptr<Release> release_;
  };

  Warming() = default;
  ~Warming();
  Warming(const Warming&) = delete;
  Warming& operator=(const Warming&) = delete;

  // Copies hold together: the last one that ends counts.
  Hold hold();
  // Calls `done` once, when nothing is held: at once, if so already. May end this object.
  void whenDone(std::function<void()> done);
  bool done() const { return held_ == 0; }

private:
  void released();
  size_t held_ = 0;
  std::function<void()> done_;
  const std::shared_ptr<Warming*> self_ = std::make_shared<Warming*>(this);
};

} // namespace moe::config
