#include "xds/nack.h"

#include <algorithm>

#include "base/strings.h"
#include "config/field_path.h"
#include "config/utf8.h"

namespace moe::xds {
namespace {

// At most `limit` bytes, never ending inside a UTF-8 sequence: error_detail.message is a string.
void cut(std::string& text, size_t limit) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= limit) {
    return;
  }
  size_t end = limit - kMore.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  text.resize(end);
  text += kMore;
}

} // namespace

void NackText::add(std::string_view name, std::string_view text) {
  ++count_;
  if (shown_.size() < kShown) {
    std::string line =
        name.empty() ? std::string(text) : base::cat(config::inQuotes(name), ": ", text);
    if (!config::isUtf8(line)) {
      // A protobuf string must be.
      std::replace_if(line.begin(), line.end(), [](char c) { return (c & 0x80) != 0; }, '?');
    }
    // One long error must not hide the others.
    cut(line, 2 * kMaxBytes / kShown);
    shown_.push_back(std::move(line));
  }
}

std::string NackText::str() const {
  std::string out;
  if (count_ > 1) {
    out = base::cat(count_, " errors: ");
  }
  for (size_t i = 0; i < shown_.size(); ++i) {
    out += i == 0 ? "" : "; ";
    out += shown_[i];
  }
  if (count_ > shown_.size()) {
    const std::string more = base::cat("; and ", count_ - shown_.size(), " more");
    cut(out, kMaxBytes - more.size());
    return out + more;
  }
  cut(out, kMaxBytes);
  return out;
}

} // namespace moe::xds
