#include "config/path_step.h"

#include "absl/strings/str_cat.h"

namespace moe::config {

std::string PathStep::text() const {
  if (kind == Kind::kRoot)
    return std::string(name);
  std::string out = parent->text();
  switch (kind) {
  case Kind::kIndex:
    absl::StrAppend(&out, "[", position, "]");
    break;
  case Kind::kKey:
    absl::StrAppend(&out, "[\"", name, "\"]");
    break;
  default:
    absl::StrAppend(&out, out.empty() ? "" : ".", name);
  }
  return out;
}

} // namespace moe::config
