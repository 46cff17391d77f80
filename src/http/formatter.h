#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/core/v3/substitution_format_string.pb.h"
#include "http/header_map.h"
#include "http/stream_info.h"

namespace moe::http {

// What a format may speak of; each header map may be null.
struct FormatContext {
  const StreamInfo& info;
  const HeaderMap* request = nullptr;
  const HeaderMap* response = nullptr;
  const HeaderMap* trailers = nullptr;
  std::string_view localReplyBody = {};
};

// A substitution format ("%REQ(:METHOD)% %RESPONSE_CODE%"), compiled once. Immutable; any thread.
// The commands are Envoy's; an unknown one is an error that names it.
class Formatter {
public:
  virtual ~Formatter() = default;
  // Appends to out. What is absent becomes "-", or nothing with omitEmpty.
  virtual void format(const FormatContext& context, std::string& out) const = 0;
};
using FormatterPtr = std::shared_ptr<const Formatter>;

absl::StatusOr<FormatterPtr> compileFormat(std::string_view text, bool omitEmpty = false);
// text_format, text_format_source.inline_string or json_format (one object, one line).
absl::StatusOr<FormatterPtr>
compileFormat(const envoy::config::core::v3::SubstitutionFormatString& format);

} // namespace moe::http
