#include "xds/grpc_stream.h"

#include "base/strings.h"

namespace moe::xds {

GrpcStream::GrpcStream(Options options)
    : options_(std::move(options)), random_(options_.seed), backoff_(options_.channels->backoff()),
      retry_(options_.loop.createTimer([this] { connect(); })),
      connectTimer_(options_.loop.createTimer([this] {
        late_ = true;
        call_->cancel();
      })) {}

GrpcStream::~GrpcStream() {
  if (call_ != nullptr) {
    call_->detach();
  }
}

void GrpcStream::start(StreamEvents& events) {
  events_ = &events;
  retry_->enable(std::chrono::milliseconds(0)); // events come from a turn of their own
}

void GrpcStream::connect() {
  late_ = false;
  auto attempt = options_.channels->next();
  if (!attempt.ok()) {
    ended(attempt.status());
    return;
  }
  peer_ = attempt->target;
  connectTimeout_ = attempt->connectTimeout;
  call_ = GrpcCall::start(options_.loop, options_.thread, *attempt, options_.method, options_.delta,
                          *this);
  if (connectTimeout_.count() > 0) {
    connectTimer_->enable(connectTimeout_);
  }
}

void GrpcStream::ended(const absl::Status& status) {
  connected_ = false;
  writing_ = false;
  if (call_ != nullptr) {
    call_->detach(); // a write may still be under way
    call_.reset();
  }
  connectTimer_->disable();
  retry_->enable(backoff_.next(random_));
  events_->onStreamEnd(status);
}

void GrpcStream::onCallStarted() {
  connectTimer_->disable();
  connected_ = true;
  call_->read();
  events_->onStreamStart();
}

void GrpcStream::send(std::unique_ptr<google::protobuf::Message> request) {
  writing_ = true;
  call_->write(std::move(request));
}

void GrpcStream::onCallWritten() {
  writing_ = false;
  if (connected_) {
    events_->onReady();
  }
}

void GrpcStream::onCallRead(std::unique_ptr<google::protobuf::Message> message) {
  backoff_.reset();
  events_->onResponse(std::move(message));
}

void GrpcStream::readMore() {
  if (call_ != nullptr) {
    call_->read();
  }
}

void GrpcStream::onCallFinished(const absl::Status& status) {
  const std::string_view why = base::message(status);
  if (late_) {
    ended(absl::DeadlineExceededError(
        base::cat(peer_, ": not connected within ", connectTimeout_.count(), " ms")));
  } else if (status.ok()) {
    ended(absl::UnavailableError(base::cat(peer_, ": the control plane has ended the stream")));
  } else {
    ended(absl::Status(status.code(), base::cat(peer_, ": ", why)));
  }
}

} // namespace moe::xds
