#include "config/field_path.h"

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace moe::config {
namespace {

constexpr std::string_view kPathPayload = "moe/field-path";
constexpr size_t kMaxShown = 80;

absl::Status withPath(const FieldPath& path, std::string_view text,
                      absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  absl::Status status(code, text);
  if (!path.empty())
    status.SetPayload(kPathPayload, absl::Cord(path.str()));
  return status;
}

std::string prefix(const FieldPath& path) {
  return path.empty() ? std::string() : absl::StrCat(path.str(), ": ");
}

} // namespace

FieldPath FieldPath::field(std::string_view name) const {
  FieldPath next;
  next.text_ = text_.empty() ? std::string(name) : absl::StrCat(text_, ".", name);
  return next;
}

FieldPath FieldPath::index(size_t i) const {
  FieldPath next;
  next.text_ = absl::StrCat(text_, "[", i, "]");
  return next;
}

FieldPath FieldPath::key(std::string_view key) const {
  FieldPath next;
  next.text_ = absl::StrCat(text_, "[\"", key, "\"]");
  return next;
}

absl::Status fieldError(const FieldPath& path, std::string_view found, std::string_view expected) {
  if (found.empty())
    return withPath(path, absl::StrCat(prefix(path), "expected ", expected));
  return withPath(path, absl::StrCat(prefix(path), "found ", found, ", expected ", expected));
}

absl::Status fieldError(const FieldPath& path, std::string_view text, absl::StatusCode code) {
  return withPath(path, absl::StrCat(prefix(path), text), code);
}

std::string pathOf(const absl::Status& status) {
  auto payload = status.GetPayload(kPathPayload);
  return payload ? std::string(*payload) : std::string();
}

absl::Status underField(const FieldPath& parent, const absl::Status& status) {
  if (status.ok() || parent.empty())
    return status;
  std::string child = pathOf(status);
  bool joins = !child.empty() && status.message().substr(0, child.size()) == child;
  std::string_view glue = !joins ? ": " : child[0] == '[' ? "" : ".";
  absl::Status result(status.code(), absl::StrCat(parent.str(), glue, status.message()));
  status.ForEachPayload(
      [&](std::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  result.SetPayload(kPathPayload,
                    absl::Cord(joins ? absl::StrCat(parent.str(), glue, child) : parent.str()));
  return result;
}

std::string inQuotes(std::string_view text) {
  bool cut = text.size() > kMaxShown;
  if (cut) {
    size_t end = kMaxShown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
      --end; // whole UTF-8
    text = text.substr(0, end);
  }
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), cut ? "..." : "", "\"");
}

} // namespace moe::config
