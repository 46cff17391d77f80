#include "admin/message.h"

#include "base/strings.h"

namespace moe::admin {

Response badRequest(std::string text) {
  text.push_back('\n');
  return {.status = 400, .body = std::move(text)};
}

Response methodNotAllowed(const Request& request, std::string_view allowed) {
  return {.status = 405,
          .body = base::cat(request.path, ": found ", request.method, ", expected ", allowed, "\n"),
          .allow = std::string(allowed)};
}

Response jsonResponse(std::string body) {
  return {.body = std::move(body), .contentType = "application/json"};
}

} // namespace moe::admin
