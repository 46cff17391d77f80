#include "route/retry_policy.h"

#include "base/strings.h"
#include "config/duration.h"
#include "http/codec/http1_tokens.h"

namespace moe::route {
namespace {

using config::fieldError;
using config::FieldPath;
using Proto = envoy::config::route::v3::RetryPolicy;

constexpr std::string_view kPreviousHosts =
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

struct Word {
  std::string_view text;
  RetryOn bit;
};
constexpr Word kWords[] = {
    {"5xx", RetryOn::ServerError},
    {"gateway-error", RetryOn::GatewayError},
    {"reset", RetryOn::Reset},
    {"reset-before-request", RetryOn::ResetBeforeRequest},
    {"connect-failure", RetryOn::ConnectFailure},
    {"envoy-ratelimited", RetryOn::RateLimited},
    {"retriable-4xx", RetryOn::Retriable4xx},
    {"refused-stream", RetryOn::RefusedStream},
    {"retriable-status-codes", RetryOn::StatusCodes},
    {"retriable-headers", RetryOn::Headers},
    {"cancelled", RetryOn::GrpcCancelled},
    {"deadline-exceeded", RetryOn::GrpcDeadlineExceeded},
    {"internal", RetryOn::GrpcInternal},
    {"resource-exhausted", RetryOn::GrpcResourceExhausted},
    {"unavailable", RetryOn::GrpcUnavailable},
};

absl::Status readBackOff(const Proto::RetryBackOff& proto, const FieldPath& path,
                         RetryPolicy& out) {
  auto base = config::toMillis(proto.base_interval(), path.field("base_interval"));
  if (!base.ok()) {
    return base.status();
  }
  out.baseInterval = std::max(*base, base::Milliseconds(1));
  out.maxInterval = out.baseInterval * 10;
  if (proto.has_max_interval()) {
    auto most = config::toMillis(proto.max_interval(), path.field("max_interval"));
    if (!most.ok()) {
      return most.status();
    }
    if (*most < *base) {
      return fieldError(path.field("max_interval"), base::cat(most->count(), " ms"),
                        base::cat("at least base_interval, ", base->count(), " ms"));
    }
    out.maxInterval = std::max(*most, out.baseInterval);
  }
  return absl::OkStatus();
}

absl::Status readHostPredicates(const Proto& proto, const FieldPath& path, RetryPolicy& out) {
  for (int i = 0; i < proto.retry_host_predicate_size(); ++i) {
    const auto& predicate = proto.retry_host_predicate(i);
    const std::string& url = predicate.typed_config().type_url();
    const bool known =
        std::string_view(url).ends_with(kPreviousHosts) ||
        (url.empty() && predicate.name() == "envoy.retry_host_predicates.previous_hosts");
    if (!known) {
      return fieldError(path.field("retry_host_predicate").index(static_cast<size_t>(i)),
                        config::inQuotes(predicate.name()),
                        "envoy.retry_host_predicates.previous_hosts");
    }
    out.otherHosts = true;
  }
  out.hostAttempts =
      static_cast<uint32_t>(std::max<int64_t>(1, proto.host_selection_retry_max_attempts()));
  return absl::OkStatus();
}

absl::Status readMatchers(
    const google::protobuf::RepeatedPtrField<envoy::config::route::v3::HeaderMatcher>& protos,
    const FieldPath& path, std::vector<RequestMatcher>& out) {
  for (int i = 0; i < protos.size(); ++i) {
    auto matcher = compileHeaderMatcher(protos[i], path.index(static_cast<size_t>(i)));
    if (!matcher.ok()) {
      return matcher.status();
    }
    out.push_back(std::move(*matcher));
  }
  return absl::OkStatus();
}

} // namespace

uint32_t parseRetryOn(std::string_view words, std::string* unknown) {
  uint32_t bits = 0;
  http::forEachListItem(words, [&](std::string_view item) {
    for (const Word& word : kWords) {
      if (word.text == item) {
        bits |= static_cast<uint32_t>(word.bit);
        return;
      }
    }
    if (unknown != nullptr && unknown->empty() && item != "http3-post-connect-failure") {
      *unknown = std::string(item); // that one means nothing without HTTP/3
    }
  });
  return bits;
}

absl::StatusOr<RetryPolicy> RetryPolicy::compile(const Proto& proto, const FieldPath& path) {
  RetryPolicy out;
  std::string unknown;
  out.on = parseRetryOn(proto.retry_on(), &unknown);
  if (!unknown.empty()) {
    return fieldError(path.field("retry_on"), config::inQuotes(unknown),
                      "a condition of Envoy's x-envoy-retry-on or x-envoy-retry-grpc-on");
  }
  if (proto.has_num_retries()) {
    out.retries = proto.num_retries().value();
  }
  if (proto.has_per_try_timeout()) {
    auto timeout = config::toMillis(proto.per_try_timeout(), path.field("per_try_timeout"));
    if (!timeout.ok()) {
      return timeout.status();
    }
    out.perTryTimeout = *timeout;
  }
  out.statusCodes.assign(proto.retriable_status_codes().begin(),
                         proto.retriable_status_codes().end());
  absl::Status status = readHostPredicates(proto, path, out);
  if (proto.has_retry_back_off()) {
    status.Update(readBackOff(proto.retry_back_off(), path.field("retry_back_off"), out));
  }
  status.Update(readMatchers(proto.retriable_headers(), path.field("retriable_headers"),
                             out.responseHeaders));
  status.Update(readMatchers(proto.retriable_request_headers(),
                             path.field("retriable_request_headers"), out.requestHeaders));
  if (!status.ok()) {
    return status;
  }
  return out;
}

} // namespace moe::route
