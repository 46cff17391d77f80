#include "golang/filter.h"

#include "base/strings.h"
#include "base/time.h"
#include "golang/leak_check.h"
#include "golang/log_bridge.h"

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

// Every call but the last one: prepare() with the mutex held, then call() without it.
template <class Prepare, class Call> void Filter::callGo(Prepare prepare, Call call) {
  bool wake = false;
  {
    const std::lock_guard lock(request_->mutex);
    prepare();
    request_->info.update(streamInfo());
    wake = request_->entered();
  }
  if (wake) {
    go().semaDec(request_);
  }
  timed(call);
  const std::lock_guard lock(request_->mutex);
  request_->left();
}

template <class Prepare, class Call>
int Filter::enter(Direction& direction, abi::Phase phase, Prepare prepare, Call call) {
  if (!std::exchange(entered_, true)) {
    request_->retain(); // Go's, until its finalizer
    MOE_HELD_BY_GO(request_);
    config_.stats.requests.inc();
    config_.stats.requestsActive.inc();
  }
  int status = abi::kRunning;
  calling_ = &direction;
  takeNotInGoPanic(); // an older one, which the plugin has dealt with
  callGo(
      [&] {
        direction.state = phase;
        ++direction.entry;
        prepare();
      },
      [&] { status = static_cast<int>(call()); });
  calling_ = nullptr;
  if (status == abi::kRunning && takeNotInGoPanic() && !reply_.has_value()) {
    replyToPanic();
  }
  return status;
}

// The SDK keeps a panic that comes from a refusal until the next call into Go, and answers
// "running" meanwhile: there may be no next call. It would also answer that next call with another
// panic.
void Filter::replyToPanic() {
  reply_ = GoReply{.body = std::string(kPanicBody),
                   .details = "golang_filter_called_a_direction_that_is_not_in_go",
                   .panic = true};
  encode_.skip();
}

int Filter::callHeaders(Direction& direction, abi::Phase phase, http::HeaderMap& map,
                        bool endStream) {
  const Announced counts = Announced::of(&map);
  return enter(
      direction, phase,
      [&] {
        if (phase == abi::kProcessingTrailers) {
          direction.trailersAnnounced = counts;
        } else {
          direction.headers = &map;
          direction.headersAnnounced = counts;
        }
      },
      [&] { return go().onHeader(&direction, endStream ? 1 : 0, counts.number, counts.bytes); });
}

int Filter::callData(Direction& direction, base::Buffer& body, bool endStream) {
  const size_t size = body.size();
  return enter(
      direction, abi::kProcessingData, [&] { direction.chunks.push(direction.entry, body); },
      [&] { return go().onData(&direction, endStream ? 1 : 0, direction.entry, size); });
}

void Filter::complain(std::string_view what) {
  config_.stats.errors.inc();
  MOE_LOG(*config_.logger, err, "Go plugin {}: {}", config_.identity->name, what);
}

void Filter::sendReply() {
  GoReply reply = std::move(*reply_);
  reply_.reset();
  send(reply);
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
  if (direction.entry != entry || !direction.inGo() || flow(direction).finished()) {
    return; // this call was answered before, or the request by somebody else
  }
  flow(direction).finish();
  send(reply);
}

void Filter::fail(std::string_view details) {
  decoder_->sendLocalReply({.status = 500, .body = "Internal Server Error", .details = details});
}

// Go may look at everything, in the call that follows; mutex held.
void Filter::prepareLog() {
  Direction& decode = request_->decode;
  Direction& encode = request_->encode;
  decode.headers = decoder_->requestHeaders();
  decode.trailers = decoder_->requestTrailers();
  encode.headers = decoder_->responseHeaders();
  encode.trailers = decoder_->responseTrailers();
  for (Direction* direction : {&decode, &encode}) {
    direction->headersLogged = Announced::of(direction->headers);
    direction->trailersLogged = Announced::of(direction->trailers);
  }
  request_->isProcessingLog.store(1, std::memory_order_relaxed);
}

void Filter::onStreamComplete() {
  if (!entered_ || destroyed_) {
    return;
  }
  callGo([this] { prepareLog(); }, [this] { go().onStreamComplete(request_); });
  request_->isProcessingLog.store(0, std::memory_order_relaxed);
}

void Filter::log() {
  if (!entered_ || destroyed_) {
    return;
  }
  Direction& decode = request_->decode;
  Direction& encode = request_->encode;
  callGo([this] { prepareLog(); },
         [&] {
           go().onLog(request_, abi::kDownstreamEnd, &decode, &encode, decode.headersLogged.number,
                      decode.headersLogged.bytes, decode.trailersLogged.number,
                      decode.trailersLogged.bytes, encode.headersLogged.number,
                      encode.headersLogged.bytes, encode.trailersLogged.number,
                      encode.trailersLogged.bytes);
         });
  request_->isProcessingLog.store(0, std::memory_order_relaxed);
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
      direction->chunks.clear();
      direction->dropped.clear();
    }
  }
  if (entered_) {
    timed([&] { go().onDestroy(&request, working ? abi::kTerminate : abi::kNormal); });
    config_.stats.requestsActive.dec();
    config_.stats.timeInGo.record(nanosInGo_ / 1000);
  }
  request_ = nullptr;
  request.release();
}

} // namespace moe::golang
