#include "tls/reason.h"

#include <openssl/err.h>

#include "base/strings.h"

namespace moe::tls {

std::string takeReason() {
  const char* data = nullptr;
  int flags = 0;
  const uint32_t error = ERR_peek_error_line_data(nullptr, nullptr, &data, &flags);
  std::string text = "unknown error";
  if (error != 0) {
    const char* reason = ERR_reason_error_string(error);
    text = reason != nullptr ? reason : base::cat("error ", error);
    if (data != nullptr && *data != '\0' && (flags & ERR_FLAG_STRING) != 0) {
      text = base::cat(text, " (", data, ")");
    }
  }
  ERR_clear_error();
  return text;
}

} // namespace moe::tls
