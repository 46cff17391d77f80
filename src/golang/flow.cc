#include "golang/flow.h"

#include "golang/filter.h"

namespace moe::golang {

using http::DataStatus;
using http::HeadersStatus;
using http::TrailersStatus;

Direction& Flow::go() const {
  return encodes_ ? filter_.request().encode : filter_.request().decode;
}

bool Flow::over() const { return finished_ || filter_.destroyed(); }

void Flow::setState(abi::Phase state) {
  Direction& direction = go();
  const std::lock_guard lock(filter_.request().mutex);
  direction.state = state;
  direction.dropped.clear();
}

// Takes Go's answer to the call that was made last.
Verdict Flow::settle(int status) {
  if (over()) {
    return Verdict::Over;
  }
  if (filter_.hasReply()) {
    finish(); // first: the reply may be the end of the stream
    filter_.sendReply();
    return Verdict::Over;
  }
  Direction& direction = go();
  const auto phase = static_cast<abi::Phase>(direction.state);
  const bool last = phase == abi::kProcessingHeaders ? headersOnly_ : endGiven_;
  switch (status) {
  case abi::kRunning:
    return Verdict::Wait;
  case abi::kContinue:
    setState(abi::kWaitingData);
    return Verdict::Pass;
  case abi::kStopAndBuffer:
  case abi::kStopAndBufferWatermark:
    if (last || phase == abi::kProcessingTrailers) {
      break; // nothing more will come
    }
    wholeBody_ = status == abi::kStopAndBuffer;
    setState(wholeBody_ ? abi::kWaitingAllData : abi::kWaitingData);
    return Verdict::Wait;
  case abi::kStopNoBuffer:
    if (phase != abi::kProcessingData) {
      break;
    }
    setState(abi::kWaitingData);
    direction.chunks.drop(direction.entry);
    direction.bodyResized = true;
    return endGiven_ ? Verdict::Pass : Verdict::Wait; // the end passes without the data
  default:
    break;
  }
  filter_.complain(status == abi::kLocalReply
                       ? "answered LocalReply without SendLocalReply"
                       : "answered a status that this call does not allow: " +
                             std::to_string(status));
  finish();
  filter_.fail("golang_filter_invalid_status");
  return Verdict::Over;
}

Verdict Flow::giveData() {
  wholeBody_ = false;
  endGiven_ = end_;
  given_ = go().chunks.size() + waiting_.size();
  return settle(filter_.callData(go(), waiting_, endGiven_));
}

Verdict Flow::giveTrailers() {
  trailersGiven_ = true;
  return settle(
      filter_.callHeaders(go(), abi::kProcessingTrailers, *go().trailers, /*endStream=*/true));
}

// --- calls by the chain

HeadersStatus Flow::onHeaders(http::HeaderMap& headers, bool endStream) {
  if (std::exchange(entered_, true)) {
    return HeadersStatus::Continue; // a local reply in place of the response that Go has seen
  }
  end_ = endStream;
  headersOnly_ = endStream;
  const Verdict verdict =
      settle(filter_.callHeaders(go(), abi::kProcessingHeaders, headers, endStream));
  if (verdict != Verdict::Pass) {
    return HeadersStatus::StopIteration;
  }
  releaseHeaders(headersOnly_);
  finished_ = headersOnly_;
  handOver();
  return HeadersStatus::Continue;
}

DataStatus Flow::onData(base::Buffer& data, bool endStream) {
  if (finished_ || !entered_) {
    return DataStatus::Continue;
  }
  waiting_.moveFrom(data);
  end_ = end_ || endStream;
  if (go().inGo() || (wholeBody_ && !end_)) {
    checkLimit();
    return DataStatus::StopIterationNoBuffer;
  }
  switch (giveData()) {
  case Verdict::Pass:
    releaseHeaders(endGiven_);
    finished_ = endGiven_;
    go().chunks.moveAllTo(data);
    releaseSender();
    return DataStatus::Continue;
  case Verdict::Wait:
    checkLimit();
    return DataStatus::StopIterationNoBuffer;
  default:
    return DataStatus::StopIterationNoBuffer;
  }
}

TrailersStatus Flow::onTrailers(http::HeaderMap& trailers) {
  if (finished_ || !entered_) {
    return TrailersStatus::Continue;
  }
  trailersHere_ = true;
  {
    const std::lock_guard lock(filter_.request().mutex);
    go().trailers = &trailers;
  }
  if (go().inGo()) {
    return TrailersStatus::StopIteration;
  }
  if (!waiting_.empty()) { // Go has asked for all of it
    const Verdict verdict = giveData();
    if (verdict == Verdict::Over || go().inGo()) {
      return TrailersStatus::StopIteration;
    }
  }
  if (giveTrailers() != Verdict::Pass) {
    return TrailersStatus::StopIteration;
  }
  releaseHeaders(false);
  finished_ = true;
  handOver();
  releaseSender();
  return TrailersStatus::Continue;
}

// --- later

void Flow::continueLater(uint32_t entry, int status) {
  if (over() || go().entry != entry || !go().inGo()) {
    return; // continued twice, or answered
  }
  const int phase = go().state;
  const Verdict verdict = settle(status);
  if (verdict == Verdict::Over || go().inGo()) {
    return;
  }
  if (verdict == Verdict::Pass) {
    switch (phase) {
    case abi::kProcessingHeaders:
      passHeaders();
      break;
    case abi::kProcessingData:
      passBody();
      break;
    default:
      passTrailers();
      return;
    }
  }
  pump();
}

// Gives Go what has come while it was at work.
void Flow::pump() {
  while (!over() && !go().inGo()) {
    if (wholeBody_ && !end_ && !trailersHere_) {
      break;
    }
    if (!waiting_.empty() || (end_ && !endGiven_)) {
      if (giveData() == Verdict::Pass) {
        passBody();
      }
    } else if (trailersHere_ && !trailersGiven_) {
      if (giveTrailers() == Verdict::Pass) {
        passTrailers();
      }
      return;
    } else {
      break;
    }
  }
  if (!over()) {
    checkLimit();
  }
  if (!over()) {
    releaseSender();
  }
}

void Flow::addData(base::Buffer& data, bool streaming) {
  if (finished_) {
    return;
  }
  Direction& direction = go();
  direction.bodyResized = true;
  addedStreaming_ = addedStreaming_ || streaming;
  direction.chunks.push(Chunks::kAdded, data);
}

void Flow::abandon() {
  if (!entered_ || finished_) {
    return;
  }
  Direction& direction = go();
  if (!encodes_ && direction.inGo()) {
    // Go may go on with what it has, which lives as long as the stream; its answer does nothing.
    finished_ = true;
    waiting_.clear();
    freeSender();
    return;
  }
  if (encodes_) { // the response's are gone when this returns
    const std::lock_guard lock(filter_.request().mutex);
    direction.headers = nullptr;
    direction.trailers = nullptr;
  }
  finish();
}

void Flow::skip() {
  if (!std::exchange(entered_, true)) {
    finished_ = true;
  }
}

void Flow::finish() {
  finished_ = true;
  setState(abi::kDone);
  go().chunks.clear();
  waiting_.clear();
  freeSender();
}

} // namespace moe::golang
