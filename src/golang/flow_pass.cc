// The flow towards the chain: how what Go has let go of is passed on, and the limits of what is
// kept.
#include "golang/filter.h"
#include "golang/flow.h"

namespace moe::golang {

void Flow::passHeaders() {
  releaseHeaders(headersOnly_);
  finished_ = headersOnly_;
  if (headersOnly_ || (waiting_.empty() && !end_ && !trailersHere_)) {
    handOver();
    resume();
  } else {
    injectBody(false); // the headers with it; the body goes to Go first
  }
}

void Flow::passBody() {
  releaseHeaders(endGiven_);
  finished_ = endGiven_;
  injectBody(endGiven_);
  if (!filter_.destroyed()) {
    releaseSender();
  }
}

void Flow::passTrailers() {
  releaseHeaders(false);
  finished_ = true;
  if (go().chunks.size() != 0) {
    injectBody(false);
  }
  if (!filter_.destroyed()) {
    releaseSender();
  }
  if (!filter_.destroyed()) {
    resume();
  }
}

void Flow::handOver() {
  base::Buffer data;
  go().chunks.moveAllTo(data);
  if (data.empty()) {
    return;
  }
  if (encodes_) {
    filter_.encoder().addEncodedData(data, addedStreaming_);
  } else {
    filter_.decoder().addDecodedData(data, addedStreaming_);
  }
}

void Flow::injectBody(bool endStream) {
  base::Buffer data;
  go().chunks.moveAllTo(data);
  if (encodes_) {
    filter_.encoder().injectEncodedData(data, endStream);
  } else {
    filter_.decoder().injectDecodedData(data, endStream);
  }
}

void Flow::resume() {
  if (encodes_) {
    filter_.encoder().continueEncoding();
  } else {
    filter_.decoder().continueDecoding();
  }
}

// The headers leave. If Go has changed the body, its length is no longer what the sender announced.
// Go is not at work: nobody else looks at the direction.
void Flow::releaseHeaders(bool whole) {
  Direction& direction = go();
  http::HeaderMap* headers = std::exchange(direction.headers, nullptr);
  if (headers == nullptr || !direction.bodyResized ||
      !headers->has(http::HeaderId::ContentLength)) {
    return;
  }
  if (whole) {
    headers->setNumber(http::HeaderId::ContentLength, direction.chunks.size());
  } else {
    headers->remove(http::HeaderId::ContentLength);
  }
}

// --- limits

size_t Flow::limit() const {
  return encodes_ ? filter_.encoder().encoderBufferLimit() : filter_.decoder().decoderBufferLimit();
}

void Flow::checkLimit() {
  const bool inGo = go().inGo();
  const size_t kept = (inGo ? given_ : go().chunks.size()) + waiting_.size();
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
  if (holding_ && !go().inGo() && waiting_.size() + go().chunks.size() <= limit()) {
    freeSender();
  }
}

void Flow::freeSender() {
  if (std::exchange(holding_, false)) {
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
