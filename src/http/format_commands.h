#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "http/formatter.h"

namespace moe::http {

// A part of a format: literal text, or a command that appends its value (nothing if absent).
struct FormatPiece {
  std::string literal;
  std::function<void(const FormatContext&, std::string&)> command;
  size_t maxLength = 0; // 0: no limit
  bool numeric = false;
  bool mayBeEmpty = false; // nothing is a value: no "-" and no null for it
};

// Splits a format into its pieces. An error names the command and its position.
absl::StatusOr<std::vector<FormatPiece>> parseFormat(std::string_view text);

// A time, in nanoseconds since the epoch, as strftime writes it in UTC; %3f, %6f, %9f are parts of
// the second. "": ISO 8601 with milliseconds.
void appendTime(std::string_view format, int64_t nanos, std::string& out);

// Short names of response flags, comma-separated ("UH,NR").
void appendResponseFlags(uint32_t flags, std::string& out);

} // namespace moe::http
