#include "config/duration.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace moe::config {
namespace {

constexpr int64_t kMaxSeconds = int64_t{100} * 366 * 24 * 3600;
constexpr int32_t kNanosPerMilli = 1'000'000;

std::string text(const google::protobuf::Duration& d) {
  bool negative = d.seconds() < 0 || d.nanos() < 0;
  uint64_t seconds = d.seconds() < 0 ? -static_cast<uint64_t>(d.seconds()) : d.seconds();
  std::string out = absl::StrCat(negative ? "-" : "", seconds);
  if (d.nanos() != 0) {
    absl::StrAppend(&out,
                    absl::StrFormat(".%09d", d.nanos() < 0 ? -int64_t{d.nanos()} : d.nanos()));
    while (out.back() == '0')
      out.pop_back();
  }
  return out + "s";
}

} // namespace

absl::StatusOr<std::chrono::milliseconds> toMillis(const google::protobuf::Duration& duration,
                                                   const FieldPath& path) {
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > 999'999'999) {
    return fieldError(path, text(duration), "a duration of 0s or more");
  }
  if (duration.seconds() > kMaxSeconds) {
    return fieldError(path, text(duration), absl::StrCat("at most ", kMaxSeconds, "s"));
  }
  int64_t millis = duration.seconds() * 1000 + duration.nanos() / kNanosPerMilli;
  if (millis == 0 && duration.nanos() > 0)
    millis = 1;
  return std::chrono::milliseconds(millis);
}

absl::StatusOr<std::chrono::milliseconds>
toPositiveMillis(const google::protobuf::Duration& duration, const FieldPath& path) {
  auto millis = toMillis(duration, path);
  if (millis.ok() && millis->count() == 0)
    return fieldError(path, "0s", "a duration above 0s");
  return millis;
}

absl::StatusOr<std::chrono::milliseconds> toMillisOr(bool isSet,
                                                     const google::protobuf::Duration& duration,
                                                     std::chrono::milliseconds fallback,
                                                     const FieldPath& path) {
  if (!isSet)
    return fallback;
  return toMillis(duration, path);
}

} // namespace moe::config
