#include "proxy/stream_duration.h"

#include <charconv>

#include "base/strings.h"

namespace moe::proxy {

using base::Milliseconds;
using http::HeaderId;

namespace {
constexpr int64_t kMostDigits = 99'999'999; // TimeoutValue of gRPC over HTTP/2
} // namespace

std::optional<std::chrono::microseconds> grpcDeadline(const http::HeaderMap& request) {
  const std::string_view text = request.value(HeaderId::GrpcTimeout);
  if (text.size() < 2) {
    return std::nullopt;
  }
  uint64_t number = 0;
  const char* last = text.data() + text.size() - 1;
  const char* first = text.data(); // NOLINT(bugprone-suspicious-stringview-data-usage)
  const auto end = std::from_chars(first, last, number);
  if (end.ec != std::errc() || end.ptr != last || number > kMostDigits) {
    return std::nullopt;
  }
  const auto count = static_cast<int64_t>(number);
  switch (*last) {
  case 'H':
    return std::chrono::hours(count);
  case 'M':
    return std::chrono::minutes(count);
  case 'S':
    return std::chrono::seconds(count);
  case 'm':
    return std::chrono::milliseconds(count);
  case 'u':
    return std::chrono::microseconds(count);
  case 'n':
    return std::chrono::microseconds((count + 999) / 1000);
  default:
    return std::nullopt;
  }
}

std::optional<Milliseconds> grpcTimeout(const http::HeaderMap& request) {
  const auto deadline = grpcDeadline(request);
  return deadline.has_value() ? std::optional(std::chrono::ceil<Milliseconds>(*deadline))
                              : std::nullopt;
}

void setGrpcTimeout(http::HeaderMap& request, Milliseconds timeout) {
  int64_t count = timeout.count();
  char unit = 'm';
  for (const auto& [next, divisor] : {std::pair('S', 1000), {'M', 60}, {'H', 60}}) {
    if (count > kMostDigits) {
      count /= divisor;
      unit = next;
    }
  }
  request.set(HeaderId::GrpcTimeout, base::cat(count, unit));
}

std::optional<Milliseconds> streamDuration(const route::StreamLimits* limits, Milliseconds common,
                                           http::HeaderMap& request) {
  const std::optional<Milliseconds> header = grpcTimeout(request);
  const bool tell = limits != nullptr && limits->hasMaxStreamDuration && isGrpc(request);
  Milliseconds timeout = common;
  if (limits != nullptr && limits->grpcHeaderMax.has_value() && header.has_value()) {
    timeout = *header;
    if (limits->grpcHeaderMax->count() > 0) {
      timeout = std::min(timeout, *limits->grpcHeaderMax);
    }
    timeout = std::max(timeout - limits->grpcHeaderOffset.value_or(Milliseconds(0)),
                       Milliseconds(0)); // 0: it is over at once
  } else {
    if (limits != nullptr && limits->maxStreamDuration.has_value()) {
      timeout = *limits->maxStreamDuration;
    }
    if (timeout.count() == 0) {
      if (tell) {
        request.remove(HeaderId::GrpcTimeout);
      }
      return std::nullopt;
    }
  }
  if (tell) {
    setGrpcTimeout(request, timeout);
  }
  return timeout;
}

Milliseconds responseTimeout(const route::StreamLimits& limits, Milliseconds routeTimeout,
                             http::HeaderMap& request) {
  if (limits.hasMaxStreamDuration) {
    return Milliseconds(0);
  }
  if (!limits.maxGrpcTimeout.has_value() || !isGrpc(request)) {
    return routeTimeout;
  }
  Milliseconds timeout = grpcTimeout(request).value_or(Milliseconds(0));
  const Milliseconds offset = limits.grpcTimeoutOffset.value_or(Milliseconds(0));
  if (offset < timeout) {
    timeout -= offset;
  }
  const Milliseconds most = *limits.maxGrpcTimeout;
  if (most.count() > 0 && (timeout.count() == 0 || timeout > most)) {
    timeout = most;
  }
  if (timeout.count() > 0) {
    setGrpcTimeout(request, timeout);
  }
  return timeout;
}

} // namespace moe::proxy
