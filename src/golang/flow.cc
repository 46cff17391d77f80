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
  direction.body = nullptr;
  direction.dropped.clear();
}

// Takes Go's answer to the call that was made last.
Verdict Flow::settle(int status) {
  const auto phase = static_cast<abi::Phase>(go().state);
  if (over()) {
    return Verdict::Over;
  }
  if (filter_.sendReply()) {
    finish();
    return Verdict::Over;
  }
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
    body_.clear();
    return Verdict::Drop;
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
  body_.moveFrom(waiting_);
  wholeBody_ = false;
  endGiven_ = end_;
  bodyGiven_ = body_.size();
  return settle(filter_.callData(go(), body_, endGiven_));
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
  {
    const std::lock_guard lock(filter_.request().mutex);
    go().headers = &headers;
  }
  const Verdict verdict =
      settle(filter_.callHeaders(go(), abi::kProcessingHeaders, headers, endStream));
  if (verdict != Verdict::Pass) {
    return HeadersStatus::StopIteration;
  }
  releaseHeaders(headersOnly_, added_.size());
  finished_ = headersOnly_;
  handOver(added_);
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
    releaseHeaders(endGiven_, body_.size());
    finished_ = endGiven_;
    data.moveFrom(body_);
    releaseSender();
    return DataStatus::Continue;
  case Verdict::Drop:
    finished_ = endGiven_;
    releaseSender();
    return endGiven_ ? DataStatus::Continue : DataStatus::StopIterationNoBuffer;
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
  if (wholeBody_) {
    const Verdict verdict = giveData();
    if (verdict == Verdict::Over || go().inGo()) {
      return TrailersStatus::StopIteration;
    }
  }
  if (giveTrailers() != Verdict::Pass) {
    return TrailersStatus::StopIteration;
  }
  releaseHeaders(false, 0);
  finished_ = true;
  handOver(body_);
  handOver(added_);
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
  if (phase == abi::kProcessingTrailers) {
    passTrailers();
    return;
  }
  if (verdict == Verdict::Pass) {
    phase == abi::kProcessingHeaders ? passHeaders() : passBody();
  } else if (verdict == Verdict::Drop && endGiven_) {
    passBody(); // the end without data
  }
  pump();
}

// Gives Go what has come while it was at work.
void Flow::pump() {
  while (!over() && !go().inGo()) {
    const bool all = end_ || trailersHere_;
    if (wholeBody_ && !all) {
      break;
    }
    if (!waiting_.empty() || (wholeBody_ && all) || (end_ && !endGiven_)) {
      const Verdict verdict = giveData();
      if (verdict == Verdict::Pass || (verdict == Verdict::Drop && endGiven_)) {
        passBody();
      } else if (verdict == Verdict::Over) {
        return;
      }
      continue;
    }
    if (trailersHere_ && !trailersGiven_) {
      if (giveTrailers() == Verdict::Pass) {
        passTrailers();
      }
      return;
    }
    break;
  }
  if (!over()) {
    checkLimit();
    releaseSender();
  }
}

void Flow::passHeaders() {
  releaseHeaders(headersOnly_, added_.size());
  finished_ = headersOnly_;
  if (headersOnly_ || (waiting_.empty() && !end_ && !trailersHere_)) {
    handOver(added_);
    resume();
  } else {
    inject(added_, false); // the headers with it; the body goes to Go first
  }
}

void Flow::passBody() {
  releaseHeaders(endGiven_, body_.size());
  finished_ = endGiven_;
  inject(body_, endGiven_);
  if (!filter_.destroyed()) {
    releaseSender();
  }
}

void Flow::passTrailers() {
  releaseHeaders(false, 0);
  finished_ = true;
  body_.moveFrom(added_);
  if (!body_.empty()) {
    inject(body_, false);
  }
  if (!filter_.destroyed()) {
    releaseSender();
    resume();
  }
}

void Flow::addData(base::Buffer& data, bool streaming) {
  Direction& direction = go();
  direction.bodyResized = true;
  addedStreaming_ = addedStreaming_ || streaming;
  added_.moveFrom(data);
}

void Flow::abandon() {
  if (!entered_) {
    return;
  }
  Direction& direction = go();
  {
    const std::lock_guard lock(filter_.request().mutex);
    direction.headers = nullptr;
    direction.trailers = nullptr;
  }
  finish();
}

void Flow::finish() {
  finished_ = true;
  setState(abi::kDone);
  body_.clear();
  waiting_.clear();
  added_.clear();
  releaseSender();
}

// --- towards the chain

void Flow::handOver(base::Buffer& data) {
  if (data.empty()) {
    return;
  }
  if (encodes_) {
    filter_.encoder().addEncodedData(data, addedStreaming_);
  } else {
    filter_.decoder().addDecodedData(data, addedStreaming_);
  }
}

void Flow::inject(base::Buffer& data, bool endStream) {
  base::Buffer moved = std::move(data);
  if (encodes_) {
    filter_.encoder().injectEncodedData(moved, endStream);
  } else {
    filter_.decoder().injectDecodedData(moved, endStream);
  }
}

void Flow::resume() {
  if (encodes_) {
    filter_.encoder().continueEncoding();
  } else {
    filter_.decoder().continueDecoding();
  }
}

// The headers leave: Go may not touch them any more. If it has changed the body, its length is no
// longer what the sender announced.
void Flow::releaseHeaders(bool whole, size_t bodySize) {
  Direction& direction = go();
  const std::lock_guard lock(filter_.request().mutex);
  http::HeaderMap* headers = std::exchange(direction.headers, nullptr);
  if (headers == nullptr || !direction.bodyResized ||
      !headers->has(http::HeaderId::ContentLength)) {
    return;
  }
  if (whole) {
    headers->setNumber(http::HeaderId::ContentLength, bodySize);
  } else {
    headers->remove(http::HeaderId::ContentLength);
  }
}

size_t Flow::limit() const {
  return encodes_ ? filter_.encoder().encoderBufferLimit() : filter_.decoder().decoderBufferLimit();
}

void Flow::checkLimit() {
  const bool inGo = go().inGo();
  const size_t kept = (inGo ? bodyGiven_ : body_.size()) + waiting_.size();
  if (limit() == 0 || kept <= limit()) {
    return;
  }
  if (!inGo) {
    tooLarge(); // Go keeps it and waits for more: nothing would ever free the room
  } else if (!holding_) {
    holding_ = true;
    holdSender(true);
  }
}

void Flow::releaseSender() {
  if (holding_ && !go().inGo() && waiting_.size() + body_.size() <= limit()) {
    holding_ = false;
    holdSender(false);
  }
}

void Flow::holdSender(bool on) {
  if (encodes_) {
    on ? filter_.encoder().onEncoderFilterAboveHighWatermark()
       : filter_.encoder().onEncoderFilterBelowLowWatermark();
  } else {
    on ? filter_.decoder().onDecoderFilterAboveHighWatermark()
       : filter_.decoder().onDecoderFilterBelowLowWatermark();
  }
}

void Flow::tooLarge() {
  finish();
  if (encodes_) {
    filter_.encoder().sendLocalReply(
        {.status = 500, .body = "Internal Server Error", .details = "response_payload_too_large"});
  } else {
    filter_.decoder().sendLocalReply(
        {.status = 413, .body = "Payload Too Large", .details = "request_payload_too_large"});
  }
}

} // namespace moe::golang
