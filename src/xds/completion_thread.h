#pragma once

#include <thread>

#include <grpcpp/completion_queue.h>

namespace moe::xds {

// The one thread that waits for gRPC. What it hears of goes to the loop of whoever asked.
class CompletionThread {
public:
  // Something that gRPC has been asked for. Its address is gRPC's tag.
  class Operation {
  public:
    // On this thread; short. The operation may be used again or be gone afterwards.
    virtual void complete(bool ok) = 0;

  protected:
    ~Operation() = default;
  };

  CompletionThread();
  // Waits until every operation has completed: whoever has begun one has cancelled it, and begins
  // no other. The loops that are told are still there.
  ~CompletionThread();
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  grpc::CompletionQueue& queue() { return queue_; }

private:
  grpc::CompletionQueue queue_;
  std::thread thread_;
};

} // namespace moe::xds
