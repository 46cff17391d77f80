#pragma once

#include "golang/request.h"
#include "http/filter.h"

namespace moe::golang {

// What Go's answer means for the one who asked.
enum class Verdict {
  Pass, // on to the next filter
  Wait, // Go is at work, or wants more
  Drop, // the data that Go was given goes nowhere
  Over, // the stream has ended or has been answered
};

// One direction of a stream through Go: what is given to Go when, and what waits meanwhile.
//
//   headers -> Go -> (body -> Go)* -> (trailers -> Go)
//
// While Go is at work (it answered "running"), what arrives waits here; the sender is held above
// the buffer limit. A body above the limit that Go keeps while it waits for more is answered with
// 413 (request) or 500 (response). The stream's worker only.
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
  // A local reply has taken the place of what this direction held.
  void abandon();
  // Nothing more is passed: the stream was answered.
  void finish();

private:
  Direction& go() const;
  Verdict settle(int status);
  Verdict giveData();
  Verdict giveTrailers();
  void pump();

  // Outside of a call by the chain.
  void passHeaders();
  void passBody();
  void passTrailers();
  void resume();
  void inject(base::Buffer& data, bool endStream);
  bool over() const;

  void handOver(base::Buffer& data); // to the chain, during its call or while stopped
  void releaseHeaders(bool whole, size_t bodySize);
  void setState(abi::Phase state);
  void checkLimit();
  void releaseSender();
  void holdSender(bool on);
  void tooLarge();
  size_t limit() const;

  Filter& filter_;
  const bool encodes_;
  base::Buffer body_;    // given to Go, or kept for it
  base::Buffer waiting_; // Go has not seen it
  base::Buffer added_;   // by Go, to be passed behind the headers
  size_t bodyGiven_ = 0; // body_'s size when it was given: Go may be editing it
  bool entered_ = false;
  bool addedStreaming_ = false;
  bool end_ = false;      // the last data has come
  bool endGiven_ = false; // and Go has it
  bool headersOnly_ = false;
  bool trailersHere_ = false;
  bool trailersGiven_ = false;
  bool wholeBody_ = false; // Go wants all of it
  bool finished_ = false;  // Go is done with this direction
  bool holding_ = false;   // the sender is held
};

} // namespace moe::golang
