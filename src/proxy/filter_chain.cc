#include "proxy/filter_chain.h"

#include "base/strings.h"
#include "proxy/local_reply.h"

namespace moe::proxy {

// A local reply made inside a filter's call; sent when the call has returned.
struct FilterChain::PendingReply {
  uint32_t status;
  std::string body;
  std::function<void(http::HeaderMap&)> modifyHeaders;
  std::optional<int> grpcStatus;
  std::string details;
};

// The two directions differ in these few things only.
struct FilterChain::Decode {
  static internal::Side& side(ActiveFilter& f) { return f.decode_; }
  static http::HeaderMap& headers(FilterChain& c) { return *c.requestHeaders_; }
  static http::HeaderMapPtr& trailers(FilterChain& c) { return c.requestTrailers_; }
  static bool leave(FilterChain& c, uint32_t) { return c.leaveDecode(); }
  static http::HeadersStatus callHeaders(ActiveFilter& f, http::HeaderMap& h, bool end) {
    return f.filter_->decodeHeaders(h, end);
  }
  static http::DataStatus callData(ActiveFilter& f, base::Buffer& d, bool end) {
    return f.filter_->decodeData(d, end);
  }
  static http::TrailersStatus callTrailers(ActiveFilter& f, http::HeaderMap& t) {
    return f.filter_->decodeTrailers(t);
  }
  static void finalHeaders(FilterChain&, bool) {}
  static void finalData(FilterChain&, base::Buffer& d, bool) { d.clear(); }
  static void finalTrailers(FilterChain&) {}
  static void holdSender(FilterChain& c, bool on) { c.host_.readDisableDownstream(on); }
  static void tooLarge(FilterChain& c) {
    c.sendLocalReply(
        {.status = 413, .body = "Payload Too Large", .details = "request_payload_too_large"});
  }
};

struct FilterChain::Encode {
  static internal::Side& side(ActiveFilter& f) { return f.encode_; }
  static http::HeaderMap& headers(FilterChain& c) { return *c.responseHeaders_; }
  static http::HeaderMapPtr& trailers(FilterChain& c) { return c.responseTrailers_; }
  static bool leave(FilterChain& c, uint32_t response) { return c.leaveEncode(response); }
  static http::HeadersStatus callHeaders(ActiveFilter& f, http::HeaderMap& h, bool end) {
    return f.filter_->encodeHeaders(h, end);
  }
  static http::DataStatus callData(ActiveFilter& f, base::Buffer& d, bool end) {
    return f.filter_->encodeData(d, end);
  }
  static http::TrailersStatus callTrailers(ActiveFilter& f, http::HeaderMap& t) {
    return f.filter_->encodeTrailers(t);
  }
  static void finalHeaders(FilterChain& c, bool end) {
    c.responseStarted_ = true;
    c.host_.sendHeaders(*c.responseHeaders_, end);
  }
  static void finalData(FilterChain& c, base::Buffer& d, bool end) { c.host_.sendData(d, end); }
  static void finalTrailers(FilterChain& c) { c.host_.sendTrailers(*c.responseTrailers_); }
  static void holdSender(FilterChain& c, bool on) { c.host_.readDisableUpstream(on); }
  static void tooLarge(FilterChain& c) {
    if (c.responseStarted_ || c.localReply_) {
      c.host_.resetStream("response_payload_too_large");
      return;
    }
    c.sendLocalReply(
        {.status = 500, .body = "Internal Server Error", .details = "response_payload_too_large"});
  }
};

FilterChain::FilterChain(FilterChainHost& host, uint32_t bufferLimit)
    : host_(host), bufferLimit_(bufferLimit) {}

FilterChain::~FilterChain() { destroy(); }

void FilterChain::add(std::string_view name, std::unique_ptr<http::StreamFilter> filter,
                      bool decodes, bool encodes) {
  auto active = std::make_unique<ActiveFilter>(*this, filters_.size(), name);
  active->decode_.active = decodes;
  active->encode_.active = encodes;
  active->filter_ = std::move(filter);
  active->filter_->setDecoderCallbacks(*active);
  active->filter_->setEncoderCallbacks(*active);
  filters_.push_back(std::move(active));
}

template <class D> ActiveFilter& FilterChain::at(size_t position) {
  if constexpr (std::is_same_v<D, Decode>) {
    return *filters_[position];
  } else {
    return *filters_[filters_.size() - 1 - position];
  }
}

template <class D> size_t FilterChain::positionOf(const ActiveFilter& filter) const {
  if constexpr (std::is_same_v<D, Decode>) {
    return filter.index_;
  } else {
    return filters_.size() - 1 - filter.index_;
  }
}

bool FilterChain::leaveDecode() {
  if (pendingReply_ != nullptr && callDepth_ == 0) {
    sendPendingReply();
  }
  return destroyed_ || decodingEnded_ || pendingReply_ != nullptr;
}

bool FilterChain::leaveEncode(uint32_t response) {
  if (pendingReply_ != nullptr && callDepth_ == 0) {
    sendPendingReply();
  }
  return destroyed_ || pendingReply_ != nullptr || response != response_;
}

template <class D> void FilterChain::passHeaders(size_t position, bool endStream) {
  const uint32_t response = response_;
  for (; position < filters_.size(); ++position) {
    ActiveFilter& filter = at<D>(position);
    internal::Side& side = D::side(filter);
    if (!side.active) {
      side.headersPassed = true;
      continue;
    }
    ++callDepth_;
    const http::HeadersStatus status = D::callHeaders(filter, D::headers(*this), endStream);
    --callDepth_;
    if (D::leave(*this, response)) {
      return;
    }
    if (status == http::HeadersStatus::Continue) {
      side.headersPassed = true;
      if (!side.held.empty()) { // the filter added a body
        passHeaders<D>(position + 1, false);
        if (!D::leave(*this, response)) {
          base::Buffer added = std::move(side.held);
          passData<D>(position + 1, added, endStream);
        }
        return;
      }
      continue;
    }
    side.stopped = true;
    side.stopAll = status != http::HeadersStatus::StopIteration;
    side.watermark = status == http::HeadersStatus::StopAllIterationAndWatermark;
    side.heldEnd = endStream;
    return;
  }
  D::finalHeaders(*this, endStream);
}

template <class D> void FilterChain::passData(size_t position, base::Buffer& data, bool endStream) {
  const uint32_t response = response_;
  for (; position < filters_.size(); ++position) {
    ActiveFilter& filter = at<D>(position);
    internal::Side& side = D::side(filter);
    if (side.stopAll) {
      side.waiting.moveFrom(data);
      side.waitingData = true;
      side.waitingEnd = side.waitingEnd || endStream;
      checkLimit<D>(filter);
      return;
    }
    if (!side.active) {
      continue;
    }
    trailersAdded_ = false;
    ++callDepth_;
    const http::DataStatus status = D::callData(filter, data, endStream);
    --callDepth_;
    if (D::leave(*this, response)) {
      return;
    }
    const bool trailersAdded = std::exchange(trailersAdded_, false);
    if (trailersAdded) {
      endStream = false;
      side.trailersSeen = true;
    }
    if (status == http::DataStatus::Continue) {
      if (side.stopped || !side.held.empty()) {
        side.held.moveFrom(data);
        side.heldEnd = endStream;
        const bool wasStopped = side.stopped;
        if (wasStopped || trailersAdded) {
          resume<D>(position);
          return;
        }
        data.moveFrom(side.held);
        releaseHold<D>(filter);
      } else if (trailersAdded) {
        passData<D>(position + 1, data, false);
        if (!D::leave(*this, response)) {
          side.trailersSeen = false;
          passTrailers<D>(position + 1);
        }
        return;
      }
      continue;
    }
    side.stopped = true;
    side.heldEnd = endStream;
    if (status == http::DataStatus::StopIterationNoBuffer) {
      data.clear();
      return;
    }
    side.watermark = status == http::DataStatus::StopIterationAndWatermark;
    hold<D>(filter, data);
    return;
  }
  D::finalData(*this, data, endStream);
}

template <class D> void FilterChain::passTrailers(size_t position) {
  const uint32_t response = response_;
  for (; position < filters_.size(); ++position) {
    ActiveFilter& filter = at<D>(position);
    internal::Side& side = D::side(filter);
    if (side.stopAll) {
      side.waitingTrailers = true;
      return;
    }
    if (!side.active) {
      continue;
    }
    ++callDepth_;
    const http::TrailersStatus status = D::callTrailers(filter, *D::trailers(*this));
    --callDepth_;
    if (D::leave(*this, response)) {
      return;
    }
    if (status == http::TrailersStatus::StopIteration) {
      side.stopped = true;
      side.trailersSeen = true;
      return;
    }
    if (side.stopped || !side.held.empty()) {
      side.trailersSeen = true;
      resume<D>(position);
      return;
    }
  }
  D::finalTrailers(*this);
}

// Gives what a filter kept to the filters behind it, and to itself what it has not seen.
template <class D> void FilterChain::resume(size_t position) {
  const uint32_t response = response_;
  ActiveFilter& filter = at<D>(position);
  internal::Side& side = D::side(filter);
  side.stopped = false;
  side.stopAll = false;
  const bool trailers = side.trailersSeen || side.waitingTrailers;
  const bool waiting = side.waitingData;
  if (!side.headersPassed) {
    side.headersPassed = true;
    passHeaders<D>(position + 1, side.heldEnd && side.held.empty() && !waiting && !trailers);
    if (D::leave(*this, response)) {
      return;
    }
    // An end without data went with the headers.
    if (side.held.empty()) {
      side.heldEnd = side.heldEnd && (waiting || trailers);
    }
  }
  if (!side.held.empty() || (side.heldEnd && !waiting && !trailers)) {
    base::Buffer held = std::move(side.held);
    const bool end = std::exchange(side.heldEnd, false) && !waiting && !trailers;
    passData<D>(position + 1, held, end);
    if (D::leave(*this, response)) {
      return;
    }
  }
  side.heldEnd = false;
  releaseHold<D>(filter);
  if (side.trailersSeen) {
    side.trailersSeen = false;
    passTrailers<D>(position + 1);
    return;
  }
  if (std::exchange(side.waitingData, false)) {
    base::Buffer data = std::move(side.waiting);
    const bool end = std::exchange(side.waitingEnd, false);
    passData<D>(position, data, end);
    if (D::leave(*this, response)) {
      return;
    }
    releaseHold<D>(filter);
  }
  if (std::exchange(side.waitingTrailers, false)) {
    passTrailers<D>(position);
  }
}

template <class D> void FilterChain::hold(ActiveFilter& filter, base::Buffer& data) {
  D::side(filter).held.moveFrom(data);
  checkLimit<D>(filter);
}

template <class D> void FilterChain::checkLimit(ActiveFilter& filter) {
  internal::Side& side = D::side(filter);
  if (bufferLimit_ == 0 || side.held.size() + side.waiting.size() <= bufferLimit_) {
    return;
  }
  if (!side.watermark) {
    D::tooLarge(*this);
  } else if (!side.holding) {
    side.holding = true;
    D::holdSender(*this, true);
  }
}

template <class D> void FilterChain::releaseHold(ActiveFilter& filter) {
  internal::Side& side = D::side(filter);
  if (side.holding && side.held.size() + side.waiting.size() <= bufferLimit_ / 2) {
    side.holding = false;
    D::holdSender(*this, false);
  }
}

template <class D>
void FilterChain::addData(ActiveFilter& filter, base::Buffer& data, bool streaming) {
  internal::Side& side = D::side(filter);
  if (callDepth_ > 0 || side.stopped || !side.headersPassed) {
    side.watermark = side.watermark || streaming;
    hold<D>(filter, data);
    return;
  }
  passData<D>(positionOf<D>(filter) + 1, data, false);
}

template <class D>
void FilterChain::injectData(ActiveFilter& filter, base::Buffer& data, bool endStream) {
  const uint32_t response = response_;
  internal::Side& side = D::side(filter);
  const size_t next = positionOf<D>(filter) + 1;
  if (!side.headersPassed) {
    side.headersPassed = true;
    passHeaders<D>(next, false);
    if (D::leave(*this, response)) {
      return;
    }
  }
  if (!data.empty() || endStream) {
    passData<D>(next, data, endStream);
  }
}

void FilterChain::decodeHeaders(http::HeaderMap& headers, bool endStream) {
  requestHeaders_ = &headers;
  passHeaders<Decode>(0, endStream);
}

void FilterChain::decodeData(base::Buffer& data, bool endStream) {
  if (!leaveDecode()) {
    passData<Decode>(0, data, endStream);
  }
}

void FilterChain::decodeTrailers(http::HeaderMapPtr trailers) {
  requestTrailers_ = std::move(trailers);
  if (!leaveDecode()) {
    passTrailers<Decode>(0);
  }
}

void FilterChain::sendLocalReply(const http::LocalReply& reply) {
  if (destroyed_ || pendingReply_ != nullptr) {
    return;
  }
  if (responseStarted_) {
    host_.resetStream(reply.details);
    return;
  }
  pendingReply_ = std::make_unique<PendingReply>(PendingReply{reply.status, std::string(reply.body),
                                                              reply.modifyHeaders, reply.grpcStatus,
                                                              std::string(reply.details)});
  if (callDepth_ == 0) {
    sendPendingReply();
  }
}

void FilterChain::sendPendingReply() {
  const std::unique_ptr<PendingReply> reply = std::move(pendingReply_);
  decodingEnded_ = true;
  localReply_ = true;
  ++response_;
  if (destroyed_ || responseStarted_) {
    return;
  }
  http::HeaderMapPtr headers = host_.newHeaders();
  base::Buffer body;
  const http::LocalReply made{.status = reply->status,
                              .body = reply->body,
                              .modifyHeaders = reply->modifyHeaders,
                              .grpcStatus = reply->grpcStatus,
                              .details = reply->details};
  http::StreamInfo& info = host_.streamInfo();
  info.responseCodeDetails = reply->details;
  if (const LocalReplyConfig* config = host_.localReplies()) {
    fillLocalReply(made, *config, requestHeaders_, info, *headers, body, host_.worker().slab);
  } else {
    fillLocalReply(made, requestHeaders_, *headers, body, host_.worker().slab);
  }
  // What the response side still holds belongs to an answer that is given up.
  for (auto& filter : filters_) {
    filter->filter_->onLocalReply();
    const bool active = filter->encode_.active;
    filter->encode_ = internal::Side();
    filter->encode_.active = active;
  }
  responseTrailers_ = nullptr;
  const bool endStream = body.empty();
  const uint32_t response = response_;
  startResponse(std::move(headers), endStream);
  if (!endStream && !leaveEncode(response)) {
    passData<Encode>(0, body, true);
  }
}

void FilterChain::startResponse(http::HeaderMapPtr headers, bool endStream) {
  responseHeaders_ = std::move(headers);
  host_.streamInfo().responseCode = responseHeaders_->status();
  passHeaders<Encode>(0, endStream);
}

void FilterChain::streamComplete() {
  for (auto& filter : filters_) {
    filter->filter_->onStreamComplete();
  }
}

void FilterChain::log() {
  for (auto& filter : filters_) {
    filter->filter_->log();
  }
}

void FilterChain::destroy() {
  if (destroyed_) {
    return;
  }
  destroyed_ = true;
  for (auto& filter : filters_) {
    filter->filter_->onDestroy();
  }
}

// --- ActiveFilter

event::Worker& ActiveFilter::worker() { return chain_.host_.worker(); }
http::StreamInfo& ActiveFilter::streamInfo() { return chain_.host_.streamInfo(); }
const http::RouteView* ActiveFilter::route() { return chain_.host_.route(); }
void ActiveFilter::clearRouteCache() { chain_.host_.clearRouteCache(); }
void ActiveFilter::sendLocalReply(const http::LocalReply& reply) { chain_.sendLocalReply(reply); }
void ActiveFilter::resetStream(std::string_view details) { chain_.host_.resetStream(details); }
http::HeaderMap* ActiveFilter::requestHeaders() { return chain_.requestHeaders(); }
http::HeaderMap* ActiveFilter::requestTrailers() { return chain_.requestTrailers(); }
http::HeaderMap* ActiveFilter::responseHeaders() { return chain_.responseHeaders(); }
http::HeaderMap* ActiveFilter::responseTrailers() { return chain_.responseTrailers(); }

void ActiveFilter::continueDecoding() {
  if (!chain_.leaveDecode() && decode_.stopped) {
    chain_.resume<FilterChain::Decode>(chain_.positionOf<FilterChain::Decode>(*this));
  }
}
base::Buffer* ActiveFilter::decodingBuffer() {
  return decode_.held.empty() ? nullptr : &decode_.held;
}
void ActiveFilter::addDecodedData(base::Buffer& data, bool streaming) {
  chain_.addData<FilterChain::Decode>(*this, data, streaming);
}
void ActiveFilter::injectDecodedData(base::Buffer& data, bool endStream) {
  if (!chain_.leaveDecode()) {
    chain_.injectData<FilterChain::Decode>(*this, data, endStream);
  }
}
http::HeaderMap& ActiveFilter::addDecodedTrailers() {
  chain_.requestTrailers_ = chain_.host_.newHeaders();
  chain_.trailersAdded_ = true;
  return *chain_.requestTrailers_;
}
uint32_t ActiveFilter::decoderBufferLimit() const { return chain_.bufferLimit_; }
void ActiveFilter::setDecoderBufferLimit(uint32_t bytes) { chain_.bufferLimit_ = bytes; }
void ActiveFilter::onDecoderFilterAboveHighWatermark() { chain_.host_.readDisableDownstream(true); }
void ActiveFilter::onDecoderFilterBelowLowWatermark() { chain_.host_.readDisableDownstream(false); }

void ActiveFilter::encode1xxHeaders(http::HeaderMapPtr headers) {
  if (!chain_.destroyed_ && !chain_.responseStarted_) {
    chain_.host_.send1xxHeaders(*headers);
  }
}
void ActiveFilter::encodeHeaders(http::HeaderMapPtr headers, bool endStream,
                                 std::string_view details) {
  if (chain_.destroyed_ || chain_.localReply_) {
    return;
  }
  chain_.host_.streamInfo().responseCodeDetails = std::string(details);
  chain_.startResponse(std::move(headers), endStream);
}
void ActiveFilter::encodeData(base::Buffer& data, bool endStream) {
  if (chain_.destroyed_ || chain_.localReply_) {
    data.clear();
    return;
  }
  chain_.passData<FilterChain::Encode>(0, data, endStream);
}
void ActiveFilter::encodeTrailers(http::HeaderMapPtr trailers) {
  if (chain_.destroyed_ || chain_.localReply_) {
    return;
  }
  chain_.responseTrailers_ = std::move(trailers);
  chain_.passTrailers<FilterChain::Encode>(0);
}

bool ActiveFilter::recreateStream(http::HeaderMapPtr& request, base::Buffer& body,
                                  http::HeaderMapPtr& response) {
  if (chain_.destroyed_ || chain_.responseStarted_ || chain_.localReply_) {
    return false;
  }
  chain_.responseHeaders_.swap(response);
  if (chain_.host_.recreateStream(request, body)) {
    return true;
  }
  chain_.responseHeaders_.swap(response);
  return false;
}

void ActiveFilter::continueEncoding() {
  if (!chain_.destroyed_ && encode_.stopped) {
    chain_.resume<FilterChain::Encode>(chain_.positionOf<FilterChain::Encode>(*this));
  }
}
base::Buffer* ActiveFilter::encodingBuffer() {
  return encode_.held.empty() ? nullptr : &encode_.held;
}
void ActiveFilter::addEncodedData(base::Buffer& data, bool streaming) {
  chain_.addData<FilterChain::Encode>(*this, data, streaming);
}
void ActiveFilter::injectEncodedData(base::Buffer& data, bool endStream) {
  if (!chain_.destroyed_) {
    chain_.injectData<FilterChain::Encode>(*this, data, endStream);
  }
}
http::HeaderMap& ActiveFilter::addEncodedTrailers() {
  chain_.responseTrailers_ = chain_.host_.newHeaders();
  chain_.trailersAdded_ = true;
  return *chain_.responseTrailers_;
}
uint32_t ActiveFilter::encoderBufferLimit() const { return chain_.bufferLimit_; }
void ActiveFilter::setEncoderBufferLimit(uint32_t bytes) { chain_.bufferLimit_ = bytes; }
void ActiveFilter::onEncoderFilterAboveHighWatermark() { chain_.host_.readDisableUpstream(true); }
void ActiveFilter::onEncoderFilterBelowLowWatermark() { chain_.host_.readDisableUpstream(false); }

} // namespace moe::proxy
