#include "xds/grpc_call.h"

#include <grpcpp/generic/generic_stub.h>

#include "envoy/service/discovery/v3/discovery.pb.h"

namespace moe::xds {

namespace discovery = envoy::service::discovery::v3;
using google::protobuf::Message;
using google::protobuf::MessageLite;

GrpcCall::GrpcCall(event::Loop& loop, bool delta, GrpcCallEvents& events)
    : loop_(loop), delta_(delta), events_(&events) {}

std::shared_ptr<GrpcCall> GrpcCall::start(event::Loop& loop, CompletionThread& thread,
                                          const ChannelSource::Attempt& attempt,
                                          const std::string& method, bool delta,
                                          GrpcCallEvents& events) {
  auto call = std::make_shared<GrpcCall>(loop, delta, events);
  call->channel_ = attempt.channel;
  for (const auto& [name, value] : attempt.metadata) {
    call->context_.AddMetadata(name, value);
  }
  grpc::TemplatedGenericStub<MessageLite, MessageLite> stub(attempt.channel);
  call->stream_ = stub.PrepareCall(&call->context_, method, &thread.queue());
  call->stream_->StartCall(call->start_.begin());
  return call;
}

void GrpcCall::write(std::unique_ptr<Message> message) {
  writing_ = std::move(message);
  stream_->Write(*writing_, write_.begin());
}

void GrpcCall::read() {
  if (finishing_) {
    return;
  }
  if (delta_) {
    reading_ = std::make_unique<discovery::DeltaDiscoveryResponse>();
  } else {
    reading_ = std::make_unique<discovery::DiscoveryResponse>();
  }
  stream_->Read(reading_.get(), read_.begin());
}

void GrpcCall::detach() {
  events_ = nullptr;
  context_.TryCancel();
}

void GrpcCall::Pending::complete(bool ok) {
  event::Loop& loop = call_.loop_;
  loop.post([held = std::move(held_), step = step_, ok] { held->on(step, ok); });
}

void GrpcCall::finish() {
  if (!finishing_) {
    finishing_ = true;
    stream_->Finish(&status_, finish_.begin());
  }
}

void GrpcCall::on(Step step, bool ok) {
  if (events_ == nullptr) {
    return;
  }
  switch (step) {
  case Step::Start:
    ok ? events_->onCallStarted() : finish();
    return;
  case Step::Write:
    writing_.reset();
    if (ok) {
      events_->onCallWritten();
    } // else reading tells the end
    return;
  case Step::Read:
    ok ? events_->onCallRead(std::move(reading_)) : finish();
    return;
  case Step::Finish:
    events_->onCallFinished(
        absl::Status(static_cast<absl::StatusCode>(status_.error_code()), status_.error_message()));
    return;
  }
}

} // namespace moe::xds
