#include "golang/filter.h"

#include "base/strings.h"
#include "base/time.h"
#include "golang/leak_check.h"

namespace moe::golang {
namespace {

using http::DataStatus;
using http::HeadersStatus;
using http::TrailersStatus;

using Announced = Direction::Announced;

} // namespace

Filter::Filter(const FilterConfig& config, event::Worker& worker)
    : config_(config), worker_(worker) {}

Filter::~Filter() { onDestroy(); }

// Makes the object that Go will know the stream by; false if Go has nothing to do here.
bool Filter::prepare() {
  if (off_ || request_ != nullptr) {
    return !off_;
  }
  const uint64_t config = configIdFor(config_, decoder_->filterConfigName(), decoder_->route());
  off_ = config == 0;
  if (!off_) {
    request_ = std::make_unique<Request>(*this, worker_, config_.identity, config).release();
  }
  return !off_;
}

HeadersStatus Filter::decodeHeaders(http::HeaderMap& headers, bool endStream) {
  return prepare() ? decode_.onHeaders(headers, endStream) : HeadersStatus::Continue;
}
DataStatus Filter::decodeData(base::Buffer& data, bool endStream) {
  return request_ != nullptr ? decode_.onData(data, endStream) : DataStatus::Continue;
}
TrailersStatus Filter::decodeTrailers(http::HeaderMap& trailers) {
  return request_ != nullptr ? decode_.onTrailers(trailers) : TrailersStatus::Continue;
}
HeadersStatus Filter::encodeHeaders(http::HeaderMap& headers, bool endStream) {
  return prepare() ? encode_.onHeaders(headers, endStream) : HeadersStatus::Continue;
}
DataStatus Filter::encodeData(base::Buffer& data, bool endStream) {
  return request_ != nullptr ? encode_.onData(data, endStream) : DataStatus::Continue;
}
TrailersStatus Filter::encodeTrailers(http::HeaderMap& trailers) {
  return request_ != nullptr ? encode_.onTrailers(trailers) : TrailersStatus::Continue;
}

template <class Call> void Filter::timed(Call call) {
  const int64_t start = base::monotonicNanos();
  call();
  const auto spent = static_cast<uint64_t>(base::monotonicNanos() - start);
  nanosInGo_ += spent;
  streamInfo().nanosInGo += spent;
  config_.stats.calls.inc();
}

template <class Call> int Filter::enter(Direction& direction, abi::Phase phase, Call call) {
  if (!std::exchange(entered_, true)) {
    request_->retain(); // Go's, until its finalizer
    MOE_HELD_BY_GO(request_);
    config_.stats.requests.inc();
    config_.stats.requestsActive.inc();
  }
  {
    const std::lock_guard lock(request_->mutex);
    direction.state = phase;
    ++direction.entry;
    request_->info.update(streamInfo());
  }
  int status = abi::kRunning;
  calling_ = &direction;
  timed([&] { status = static_cast<int>(call()); });
  calling_ = nullptr;
  return status;
}

int Filter::callHeaders(Direction& direction, abi::Phase phase, http::HeaderMap& map,
                        bool endStream) {
  const Announced counts = Announced::of(&map);
  {
    const std::lock_guard lock(request_->mutex);
    (phase == abi::kProcessingTrailers ? direction.trailersAnnounced : direction.headersAnnounced) =
        counts;
  }
  return enter(direction, phase, [&] {
    return go().onHeader(&direction, endStream ? 1 : 0, counts.number, counts.bytes);
  });
}

int Filter::callData(Direction& direction, base::Buffer& body, bool endStream) {
  {
    const std::lock_guard lock(request_->mutex);
    direction.body = &body;
  }
  return enter(direction, abi::kProcessingData, [&] {
    return go().onData(&direction, endStream ? 1 : 0, reinterpret_cast<uint64_t>(&body),
                       body.size());
  });
}

void Filter::complain(std::string_view what) {
  config_.stats.errors.inc();
  MOE_LOG(*config_.logger, err, "Go plugin {}: {}", config_.identity->name, what);
}

bool Filter::sendReply() {
  if (!reply_.has_value()) {
    return false;
  }
  GoReply reply = std::move(*reply_);
  reply_.reset();
  send(reply);
  return true;
}

void Filter::send(GoReply& reply) {
  if (reply.panic) {
    config_.stats.panics.inc();
    MOE_LOG(*config_.logger, err, "Go plugin {} panicked: {}", config_.identity->name,
            reply.details);
  } else {
    config_.stats.localReplies.inc();
  }
  decoder_->sendLocalReply({.status = reply.status,
                            .body = reply.body,
                            .modifyHeaders =
                                [headers = std::move(reply.headers)](http::HeaderMap& map) {
                                  for (size_t i = 0; i < headers.size(); ++i) {
                                    const auto& [name, value] = headers[i];
                                    const bool again = std::any_of(
                                        headers.begin(), headers.begin() + static_cast<long>(i),
                                        [&](const auto& h) { return h.first == name; });
                                    again ? map.add(name, value) : map.set(name, value);
                                  }
                                },
                            .grpcStatus = reply.grpcStatus,
                            .details = reply.details});
}

void Filter::replyLater(Direction& direction, uint32_t entry, GoReply reply) {
  if (direction.entry != entry || !direction.inGo()) {
    return; // it has answered this call before
  }
  flow(direction).finish();
  send(reply);
}

void Filter::fail(std::string_view details) {
  decoder_->sendLocalReply({.status = 500, .body = "Internal Server Error", .details = details});
}

void Filter::onStreamComplete() {
  if (entered_ && !destroyed_) {
    timed([&] { go().onStreamComplete(request_); });
  }
}

void Filter::log() {
  if (!entered_ || destroyed_) {
    return;
  }
  Request& request = *request_;
  Direction& decode = request.decode;
  Direction& encode = request.encode;
  {
    const std::lock_guard lock(request.mutex);
    request.info.update(streamInfo());
    decode.headers = decoder_->requestHeaders();
    decode.trailers = decoder_->requestTrailers();
    encode.headers = decoder_->responseHeaders();
    encode.trailers = decoder_->responseTrailers();
    for (Direction* direction : {&decode, &encode}) {
      direction->headersAnnounced = Announced::of(direction->headers);
      direction->trailersAnnounced = Announced::of(direction->trailers);
    }
    request.isProcessingLog.store(1, std::memory_order_relaxed);
  }
  timed([&] {
    go().onLog(&request, abi::kDownstreamEnd, &decode, &encode, decode.headersAnnounced.number,
               decode.headersAnnounced.bytes, decode.trailersAnnounced.number,
               decode.trailersAnnounced.bytes, encode.headersAnnounced.number,
               encode.headersAnnounced.bytes, encode.trailersAnnounced.number,
               encode.trailersAnnounced.bytes);
  });
  const std::lock_guard lock(request.mutex);
  request.isProcessingLog.store(0, std::memory_order_relaxed);
}

void Filter::onDestroy() {
  if (std::exchange(destroyed_, true) || request_ == nullptr) {
    return;
  }
  Request& request = *request_;
  bool working = false;
  {
    const std::lock_guard lock(request.mutex);
    working = request.decode.inGo() || request.encode.inGo();
    request.filter = nullptr;
    for (Direction* direction : {&request.decode, &request.encode}) {
      direction->headers = nullptr;
      direction->trailers = nullptr;
      direction->body = nullptr;
      direction->dropped.clear();
    }
  }
  if (entered_) {
    timed([&] { go().onDestroy(&request, working ? abi::kTerminate : abi::kNormal); });
    config_.stats.requestsActive.dec();
    config_.stats.requestsLive.set(config_.identity->live.load(std::memory_order_relaxed));
    config_.stats.timeInGo.record(nanosInGo_ / 1000);
  }
  request_ = nullptr;
  request.release();
}

} // namespace moe::golang
