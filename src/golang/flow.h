#pragma once

#include "golang/request.h"
#include "http/filter.h"

namespace moe::golang {

// What Go's answer means for the one who asked.
enum class Verdict {
  Pass, // on to the next filter
  Wait, // Go is at work, or wants more
  Over, // the stream has ended or has been answered
};

// One direction of a stream through Go: what is given to Go when, and what waits meanwhile.
//
//   headers -> Go -> (body -> Go)* -> (trailers -> Go)
//
// While Go is at work (it answered "running"), what arrives waits here; the sender is held above
// the buffer limit. A body above the limit that Go keeps while it waits for more is answered with
// 413 (request) or 500 (response). The stream's worker only.
//
// A call of the chain, of sendReply or of a callback may end the stream: what comes behind it looks
// at over() first. (flow.cc: towards Go; flow_pass.cc: towards the chain)
class Flow {
public:
  Flow(Filter& filter, bool encodes) : filter_(filter), encodes_(encodes) {}

  http::HeadersStatus onHeaders(http::HeaderMap& headers, bool endStream);
  http::DataStatus onData(base::Buffer& data, bool endStream);
  http::TrailersStatus onTrailers(http::HeaderMap& trailers);

  // Go's answer to call number `entry`, given later.
  void continueLater(uint32_t entry, int status);
  // From the header or trailer phase: body bytes that go before what comes.
  void addData(base::Buffer& data, bool streaming);
  // The stream was answered by somebody else: what this direction held goes nowhere.
  void abandon();
  // Nothing more is passed: the stream was answered.
  void finish();
  bool finished() const { return finished_; }
  // Go is not asked about this direction, if it was not before.
  void skip();

private:
  Direction& go() const;
  Verdict settle(int status);
  Verdict giveData();
  Verdict giveTrailers();
  void pump();
  bool over() const;
  void setState(abi::Phase state);

  // Outside of a call by the chain.
  void passHeaders();
  void passBody();
  void passTrailers();
  void resume();
  void injectBody(bool endStream);

  void handOver(); // the body to the chain, during its call or while stopped
  void releaseHeaders(bool whole);
  void checkLimit();
  void releaseSender();
  void freeSender();
  void holdSender(bool on);
  void tooLarge();
  size_t limit() const;

  Filter& filter_;
  const bool encodes_;
  base::Buffer waiting_; // Go has not seen it
  size_t given_ = 0;     // bytes in Go's chunks at its last data call: it may be editing them
  bool entered_ = false;
  bool addedStreaming_ = false;
  bool end_ = false;      // the last data has come
  bool endGiven_ = false; // and Go has it
  bool headersOnly_ = false;
  bool trailersHere_ = false;
  bool trailersGiven_ = false;
  bool wholeBody_ = false; // Go wants all that is still to come at once
  bool finished_ = false;  // Go is done with this direction
  bool holding_ = false;   // the sender is held
};

} // namespace moe::golang
