#include "proxy/log_filter.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "base/time.h"
#include "http/format_commands.h"
#include "http/grpc.h"
#include "proxy/local_reply.h"
#include "route/request_match.h"

namespace moe::proxy {
namespace {

using config::fieldError;
using config::FieldPath;
using Filter = envoy::config::accesslog::v3::AccessLogFilter;
using Comparison = envoy::config::accesslog::v3::ComparisonFilter;
using GrpcStatusFilter = envoy::config::accesslog::v3::GrpcStatusFilter;
using http::FormatContext;

bool compare(Comparison::Op op, uint64_t found, uint64_t wanted) {
  switch (op) {
  case Comparison::GE:
    return found >= wanted;
  case Comparison::LE:
    return found <= wanted;
  case Comparison::NE:
    return found != wanted;
  default:
    return found == wanted;
  }
}

absl::StatusOr<config::RuntimeNumber> wantedBy(const Comparison& comparison,
                                               config::Runtime* runtime) {
  const auto& value = comparison.value();
  if (runtime == nullptr || value.runtime_key().empty()) {
    return config::RuntimeNumber(value.default_value());
  }
  return runtime->number(value.runtime_key(), value.default_value());
}

// Flags that moe never sets stand for nothing.
uint32_t flagMask(const google::protobuf::RepeatedPtrField<std::string>& names) {
  uint32_t mask = 0;
  for (int bit = 0; bit < 32; ++bit) {
    std::string name;
    http::appendResponseFlags(1u << bit, name);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      mask |= 1u << bit;
    }
  }
  return mask;
}

// From trailers, headers or the HTTP status, as Envoy looks for it.
int grpcStatus(const FormatContext& context) {
  for (const http::HeaderMap* map : {context.trailers, context.response}) {
    const std::string_view text =
        map == nullptr ? std::string_view() : map->value(http::HeaderId::GrpcStatus);
    int status = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), status);
    if (!text.empty() && end.ec == std::errc() && end.ptr == text.data() + text.size()) {
      return status;
    }
  }
  return context.info.responseCode == 200 ? 0 : http::grpcStatusOf(context.info.responseCode);
}

absl::StatusOr<std::vector<LogFilter>>
compileAll(const google::protobuf::RepeatedPtrField<Filter>& filters, const FieldPath& path,
           config::Runtime* runtime) {
  std::vector<LogFilter> out;
  for (int i = 0; i < filters.size(); ++i) {
    auto filter = compileLogFilter(filters.Get(i), path.index(static_cast<size_t>(i)), runtime);
    if (!filter.ok()) {
      return filter.status();
    }
    out.push_back(std::move(*filter));
  }
  return out;
}

} // namespace

absl::StatusOr<LogFilter> compileLogFilter(const Filter& filter, const FieldPath& path,
                                           config::Runtime* runtime) {
  switch (filter.filter_specifier_case()) {
  case Filter::kStatusCodeFilter: {
    const Comparison& comparison = filter.status_code_filter().comparison();
    const auto wanted = wantedBy(comparison, runtime);
    if (!wanted.ok()) {
      return wanted.status();
    }
    return [op = comparison.op(), wanted = *wanted](const FormatContext& c) {
      return compare(op, c.info.responseCode, wanted.get());
    };
  }
  case Filter::kDurationFilter: {
    const Comparison& comparison = filter.duration_filter().comparison();
    const auto wanted = wantedBy(comparison, runtime);
    if (!wanted.ok()) {
      return wanted.status();
    }
    return [op = comparison.op(), wanted = *wanted](const FormatContext& c) {
      const int64_t end =
          c.info.responseCompleteNanos != 0 ? c.info.responseCompleteNanos : base::monotonicNanos();
      return compare(op, static_cast<uint64_t>((end - c.info.startNanos) / 1'000'000),
                     wanted.get());
    };
  }
  case Filter::kHeaderFilter: {
    auto matcher = route::compileHeaderMatcher(filter.header_filter().header(),
                                               path.field("header_filter").field("header"));
    if (!matcher.ok()) {
      return matcher.status();
    }
    return [matcher = std::move(*matcher)](const FormatContext& c) {
      return c.request != nullptr && matcher(*c.request, 0);
    };
  }
  case Filter::kResponseFlagFilter: {
    const auto& names = filter.response_flag_filter().flags();
    const uint32_t mask = names.empty() ? ~0u : flagMask(names);
    return [mask](const FormatContext& c) { return (c.info.responseFlags & mask) != 0; };
  }
  case Filter::kGrpcStatusFilter: {
    std::vector<int> statuses(filter.grpc_status_filter().statuses().begin(),
                              filter.grpc_status_filter().statuses().end());
    const bool exclude = filter.grpc_status_filter().exclude();
    return [statuses = std::move(statuses), exclude](const FormatContext& c) {
      const bool found =
          std::find(statuses.begin(), statuses.end(), grpcStatus(c)) != statuses.end();
      return found != exclude;
    };
  }
  case Filter::kAndFilter: {
    auto all = compileAll(filter.and_filter().filters(), path.field("and_filter").field("filters"),
                          runtime);
    if (!all.ok()) {
      return all.status();
    }
    return [all = std::move(*all)](const FormatContext& c) {
      return std::all_of(all.begin(), all.end(), [&c](const LogFilter& f) { return f(c); });
    };
  }
  case Filter::kOrFilter: {
    auto any =
        compileAll(filter.or_filter().filters(), path.field("or_filter").field("filters"), runtime);
    if (!any.ok()) {
      return any.status();
    }
    return [any = std::move(*any)](const FormatContext& c) {
      return std::any_of(any.begin(), any.end(), [&c](const LogFilter& f) { return f(c); });
    };
  }
  default: {
    const auto* set = Filter::descriptor()->FindFieldByNumber(filter.filter_specifier_case());
    return fieldError(path, set == nullptr ? "no filter" : set->name(),
                      "status_code_filter, duration_filter, header_filter, response_flag_filter, "
                      "grpc_status_filter, and_filter or or_filter");
  }
  }
}

} // namespace moe::proxy
