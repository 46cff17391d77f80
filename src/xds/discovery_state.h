#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "absl/status/statusor.h"
#include "xds/interest.h"
#include "xds/resource.h"

namespace moe::xds {

// The protocol of one type on one stream: what has been said, and what is to be said next. Two
// kinds, SotwState and DeltaState. Knows no stream, no clock and no thread.
class DiscoveryState {
public:
  // Every resource that is held, with its version: for initial_resource_versions.
  using Versions = std::function<std::vector<std::pair<std::string, std::string>>()>;

  struct Next {
    std::unique_ptr<google::protobuf::Message> request; // null: nothing to say
    Interest::Changes changes; // of what is wanted, whether a request says so or need not
  };

  virtual ~DiscoveryState() = default;

  // A stream has begun: nothing has been said on it.
  virtual void onStreamStart() = 0;
  // Reads a response, which must be of the kind of this state and must outlive the batch. An error
  // is one of the whole response; `answer` it as well.
  virtual absl::StatusOr<Batch> read(google::protobuf::Message& response) = 0;
  // The response that was read last is accepted ("") or refused (error_detail).
  virtual void answer(std::string nack) = 0;
  // Answers that have not been sent.
  virtual size_t unanswered() const = 0;
  virtual bool hasNext(const Interest& interest) const = 0;
  // The next request without its node. While a stream is there only.
  virtual Next next(Interest& interest, const Versions& versions) = 0;
  // A message for the responses of this kind to be parsed into.
  virtual std::unique_ptr<google::protobuf::Message> newResponse() const = 0;
};

// The kind of a state and the type it speaks of.
std::unique_ptr<DiscoveryState> createSotwState(std::string typeUrl);
std::unique_ptr<DiscoveryState> createDeltaState(std::string typeUrl);

} // namespace moe::xds
