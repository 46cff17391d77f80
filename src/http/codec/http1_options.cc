#include "http/codec/http1_options.h"

#include "config/typed_config.h"
#include "envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.pb.h"

namespace moe::http {

absl::StatusOr<Http1NameCase>
readNameCase(const envoy::config::core::v3::Http1ProtocolOptions& options,
             const config::FieldPath& path) {
  using Preserve =
      envoy::extensions::http::header_formatters::preserve_case::v3::PreserveCaseFormatterConfig;
  const auto& format = options.header_key_format();
  if (format.has_proper_case_words()) {
    return Http1NameCase{.proper = true};
  }
  if (!format.has_stateful_formatter()) {
    return Http1NameCase();
  }
  const config::FieldPath at =
      path.field("header_key_format").field("stateful_formatter").field("typed_config");
  auto config = config::unpackTo<Preserve>(format.stateful_formatter().typed_config(), at);
  if (!config.ok()) {
    return config.status();
  }
  return Http1NameCase{.keep = true,
                       .properElse =
                           config->formatter_type_on_envoy_headers() == Preserve::PROPER_CASE};
}

} // namespace moe::http
