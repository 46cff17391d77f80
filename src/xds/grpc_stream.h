#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "event/loop.h"
#include "xds/backoff.h"
#include "xds/channel.h"
#include "xds/grpc_call.h"
#include "xds/stream.h"

namespace moe::xds {

// A Stream over gRPC: one call, made again after a back-off when it ends. The back-off begins anew
// once a response has come. Main thread.
class GrpcStream final : public Stream, private GrpcCallEvents {
public:
  struct Options {
    event::Loop& loop;
    CompletionThread& thread; // outlives the stream
    std::unique_ptr<ChannelSource> channels;
    std::string method; // type_urls.h
    bool delta = false;
    uint64_t seed = base::Random::seedFromSystem(); // of the jitter
  };
  explicit GrpcStream(Options options);
  ~GrpcStream() override;

  void start(StreamEvents& events) override;
  bool ready() const override { return connected_ && !writing_; }
  void send(std::unique_ptr<google::protobuf::Message> request) override;
  void readMore() override;

private:
  void connect();
  void ended(const absl::Status& status);
  void onCallStarted() override;
  void onCallWritten() override;
  void onCallRead(std::unique_ptr<google::protobuf::Message> message) override;
  void onCallFinished(const absl::Status& status) override;

  Options options_;
  StreamEvents* events_ = nullptr;
  base::Random random_;
  Backoff backoff_;
  std::unique_ptr<event::Timer> retry_;
  std::unique_ptr<event::Timer> connectTimer_;
  std::chrono::milliseconds connectTimeout_{0};
  std::string peer_; // what is connected to, for errors
  std::shared_ptr<GrpcCall> call_;
  bool connected_ = false;
  bool writing_ = false;
  bool late_ = false; // the call was ended because connecting took too long
};

} // namespace moe::xds
