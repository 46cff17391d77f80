#pragma once

#include "envoy/service/discovery/v3/discovery.pb.h"
#include "xds/discovery_state.h"

namespace moe::xds {

// State of the world: each request names everything that is wanted; version_info is the one that
// was accepted last, so a refusal shows the version that stays. (Envoy docs, "xDS REST and gRPC
// protocol".)
class SotwState final : public DiscoveryState {
public:
  explicit SotwState(std::string typeUrl) : typeUrl_(std::move(typeUrl)) {}

  void onStreamStart() override;
  absl::StatusOr<Batch> read(google::protobuf::Message& response) override;
  void answer(std::string nack) override;
  size_t unanswered() const override { return answering_ ? 1 : 0; }
  bool hasNext(const Interest& interest) const override;
  Next next(Interest& interest, const Versions& versions) override;
  std::unique_ptr<google::protobuf::Message> newResponse() const override;

private:
  absl::Status readResource(google::protobuf::Any& any, size_t index, Batch& batch);

  const std::string typeUrl_;
  std::string version_;  // accepted last, on any stream
  std::string received_; // of the response that is being looked at
  std::string nonce_;    // of the last response on this stream
  std::string nack_;
  bool first_ = true;      // nothing has been sent on this stream
  bool answering_ = false; // an answer has not been sent yet
  bool namesTold_ = false; // an empty list has stopped meaning "everything" on this stream
  // Bodies of what came in an envelope: the batch points into them.
  std::vector<std::unique_ptr<envoy::service::discovery::v3::Resource>> envelopes_;
};

} // namespace moe::xds
