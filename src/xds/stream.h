#pragma once

#include <memory>
#include <string_view>

#include <google/protobuf/message.h>

#include "absl/status/status.h"

namespace moe::xds {

// What a stream tells its user. On the loop's thread, never from inside a call of the user's.
class StreamEvents {
public:
  virtual ~StreamEvents() = default;
  // Connected: nothing has been said yet.
  virtual void onStreamStart() = 0;
  // One response. The next one is read after Stream::readMore().
  virtual void onResponse(std::unique_ptr<google::protobuf::Message> response) = 0;
  // What was given to send() has gone: ready() again.
  virtual void onReady() = 0;
  // The stream has ended, or could not be made; the next attempt comes by itself.
  virtual void onStreamEnd(const absl::Status& status) = 0;
};

// A bidirectional stream of messages that is made anew whenever it ends. On the loop's thread. Its
// destructor ends it: no event comes after.
class Stream {
public:
  virtual ~Stream() = default;
  // Events go to `events`, which outlives the stream.
  virtual void start(StreamEvents& events) = 0;
  // Connected, and nothing is on its way out.
  virtual bool ready() const = 0;
  // Only if ready().
  virtual void send(std::unique_ptr<google::protobuf::Message> request) = 0;
  // The response that came last has been worked on.
  virtual void readMore() = 0;
};

} // namespace moe::xds
