#pragma once

#include <deque>

#include "xds/discovery_state.h"

namespace moe::xds {

// Incremental: requests say what is wanted more or less than before, responses what has changed.
// (Envoy docs, "Incremental xDS".)
class DeltaState final : public DiscoveryState {
public:
  explicit DeltaState(std::string typeUrl) : typeUrl_(std::move(typeUrl)) {}

  void onStreamStart() override;
  absl::StatusOr<Batch> read(google::protobuf::Message& response) override;
  void answer(std::string nack) override;
  size_t unanswered() const override { return answers_.size(); }
  bool hasNext(const Interest& interest) const override;
  Next next(Interest& interest, const Versions& versions) override;
  std::unique_ptr<google::protobuf::Message> newResponse() const override;

private:
  struct Answer {
    std::string nonce;
    std::string nack;
  };
  const std::string typeUrl_;
  std::string nonce_;          // of the response that is being looked at
  std::deque<Answer> answers_; // each response gets a request of its own
  bool first_ = true;          // nothing has been sent on this stream
};

} // namespace moe::xds
