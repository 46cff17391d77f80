#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_stream.h>

#include "event/loop.h"
#include "xds/channel.h"
#include "xds/completion_thread.h"

namespace moe::xds {

// What a call tells its user, on the loop's thread.
class GrpcCallEvents {
public:
  virtual void onCallStarted() = 0;
  virtual void onCallWritten() = 0;
  virtual void onCallRead(std::unique_ptr<google::protobuf::Message> message) = 0;
  // The last event.
  virtual void onCallFinished(const absl::Status& status) = 0;

protected:
  ~GrpcCallEvents() = default;
};

// One bidirectional gRPC stream. All but the completions on the loop's thread; lives until gRPC is
// done with it, but tells nothing after detach().
class GrpcCall : public std::enable_shared_from_this<GrpcCall> {
public:
  // `delta`: the kind of message that is read.
  static std::shared_ptr<GrpcCall> start(event::Loop& loop, CompletionThread& thread,
                                         const ChannelSource::Attempt& attempt,
                                         const std::string& method, bool delta,
                                         GrpcCallEvents& events);
  GrpcCall(event::Loop& loop, bool delta, GrpcCallEvents& events);

  // One at a time: the next after onCallWritten().
  void write(std::unique_ptr<google::protobuf::Message> message);
  // One at a time: the next after onCallRead().
  void read();
  // Ends it; onCallFinished() tells so.
  void cancel() { context_.TryCancel(); }
  // Ends it; nothing is told any more.
  void detach();

private:
  using Stream =
      grpc::ClientAsyncReaderWriter<google::protobuf::MessageLite, google::protobuf::MessageLite>;
  enum class Step { Start, Write, Read, Finish };
  // While gRPC has it, it keeps the call alive.
  class Pending final : public CompletionThread::Operation {
  public:
    Pending(GrpcCall& call, Step step) : call_(call), step_(step) {}
    void* begin() {
      held_ = call_.shared_from_this();
      return static_cast<CompletionThread::Operation*>(this);
    }
    void complete(bool ok) override;

  private:
    GrpcCall& call_;
    Step step_;
    std::shared_ptr<GrpcCall> held_;
  };
  void on(Step step, bool ok);
  void finish();

  event::Loop& loop_;
  const bool delta_;
  GrpcCallEvents* events_; // null: detached
  grpc::ClientContext context_;
  grpc::Status status_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<google::protobuf::Message> writing_;
  std::unique_ptr<google::protobuf::Message> reading_;
  bool finishing_ = false;
  Pending start_{*this, Step::Start};
  Pending write_{*this, Step::Write};
  Pending read_{*this, Step::Read};
  Pending finish_{*this, Step::Finish};
};

} // namespace moe::xds
