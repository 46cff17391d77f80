#include "xds/grpc_service.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <grpc/grpc.h>
#include <grpcpp/support/slice.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/strings.h"
#include "config/duration.h"

namespace moe::xds {

namespace core = envoy::config::core::v3;
using config::fieldError;
using config::FieldPath;
using config::inQuotes;

namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

bool isLegalKey(const std::string& key) {
  const grpc_slice slice = grpc_slice_from_static_buffer(key.data(), key.size());
  return grpc_header_key_is_legal(slice) != 0 && !absl::StartsWith(key, "grpc-");
}

bool isLegalValue(const std::string& key, const std::string& value) {
  if (absl::EndsWith(key, "-bin")) {
    return true;
  }
  const grpc_slice slice = grpc_slice_from_static_buffer(value.data(), value.size());
  return grpc_header_nonbin_value_is_legal(slice) != 0;
}

// `%%` is a percent sign; any other command would need a request to speak of.
absl::StatusOr<std::string> plainText(const std::string& text, const FieldPath& path) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && (i + 1 == text.size() || text[++i] != '%')) {
      return fieldError(path, inQuotes(text), "a text without format commands");
    }
    out.push_back(text[i]);
  }
  return out;
}

} // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>>
readMetadata(const core::GrpcService& service, const FieldPath& path) {
  std::vector<std::pair<std::string, std::string>> out;
  for (int i = 0; i < service.initial_metadata_size(); ++i) {
    const core::HeaderValue& header = service.initial_metadata(i);
    const FieldPath at = path.field("initial_metadata").index(static_cast<size_t>(i));
    std::string key = absl::AsciiStrToLower(header.key());
    if (!isLegalKey(key)) {
      return fieldError(at.field("key"), inQuotes(header.key()),
                        "a name that gRPC metadata may have");
    }
    std::string value = header.raw_value();
    if (value.empty()) {
      auto plain = plainText(header.value(), at.field("value"));
      if (!plain.ok()) {
        return plain.status();
      }
      value = std::move(*plain);
    }
    if (!isLegalValue(key, value)) {
      return fieldError(at.field(header.raw_value().empty() ? "value" : "raw_value"),
                        inQuotes(value), "printable ASCII, or a name that ends in -bin");
    }
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

absl::StatusOr<Backoff::Options> readBackoff(const core::RetryPolicy& policy,
                                             const FieldPath& path) {
  Backoff::Options options;
  if (!policy.has_retry_back_off()) {
    return options;
  }
  const core::BackoffStrategy& strategy = policy.retry_back_off();
  const FieldPath at = path.field("retry_back_off");
  auto base = config::toPositiveMillis(strategy.base_interval(), at.field("base_interval"));
  if (!base.ok()) {
    return base.status();
  }
  auto max = config::toMillisOr(strategy.has_max_interval(), strategy.max_interval(), *base * 10,
                                at.field("max_interval"));
  if (!max.ok()) {
    return max.status();
  }
  if (*max < *base) {
    return fieldError(at.field("max_interval"), base::cat(max->count(), " ms"),
                      base::cat("base_interval, ", base->count(), " ms, or more"));
  }
  options.base = *base;
  options.max = *max;
  return options;
}

absl::StatusOr<std::string> readDataSource(const core::DataSource& source, const FieldPath& path) {
  switch (source.specifier_case()) {
  case core::DataSource::kInlineString:
    return source.inline_string();
  case core::DataSource::kInlineBytes:
    return source.inline_bytes();
  case core::DataSource::kEnvironmentVariable: {
    const char* value = std::getenv(source.environment_variable().c_str());
    if (value == nullptr) {
      return fieldError(path.field("environment_variable"), inQuotes(source.environment_variable()),
                        "a variable that is set");
    }
    return std::string(value);
  }
  case core::DataSource::kFilename: {
    std::ifstream in(source.filename(), std::ios::binary);
    std::string bytes(kMaxFileBytes + 1, '\0');
    if (in) {
      in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      bytes.resize(static_cast<size_t>(in.gcount()));
    }
    if (bytes.empty() || bytes.size() > kMaxFileBytes) {
      return fieldError(path.field("filename"), inQuotes(source.filename()),
                        "a file that can be read, with 1 byte to 4 MiB");
    }
    return bytes;
  }
  case core::DataSource::SPECIFIER_NOT_SET:
    break;
  }
  return std::string();
}

absl::Status refuseUnsupported(const core::GrpcService::GoogleGrpc& google, const FieldPath& path) {
  constexpr std::string_view kNone = "none, since moe does not act on it";
  if (google.call_credentials_size() > 0) {
    return fieldError(path.field("call_credentials"), "call credentials", kNone);
  }
  if (google.call_credentials_plugin_size() > 0) {
    return fieldError(path.field("call_credentials_plugin"), "a plugin", kNone);
  }
  if (google.channel_credentials_plugin_size() > 0) {
    return fieldError(path.field("channel_credentials_plugin"), "a plugin", kNone);
  }
  if (!google.credentials_factory_name().empty()) {
    return fieldError(path.field("credentials_factory_name"),
                      inQuotes(google.credentials_factory_name()), kNone);
  }
  if (google.channel_credentials().has_google_default()) {
    return fieldError(path.field("channel_credentials").field("google_default"),
                      "Google's default credentials", "ssl_credentials or local_credentials");
  }
  return absl::OkStatus();
}

} // namespace moe::xds
