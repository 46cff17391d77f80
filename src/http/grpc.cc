#include "http/grpc.h"

namespace moe::http {

bool isGrpc(const HeaderMap& request) {
  constexpr std::string_view grpc = "application/grpc";
  const std::string_view type = request.value(HeaderId::ContentType);
  return type.starts_with(grpc) &&
         (type.size() == grpc.size() || type[grpc.size()] == '+' || type[grpc.size()] == ';');
}

int grpcStatusOf(uint32_t httpStatus) {
  switch (httpStatus) {
  case 400:
    return 13; // INTERNAL
  case 401:
    return 16; // UNAUTHENTICATED
  case 403:
    return 7; // PERMISSION_DENIED
  case 404:
    return 12; // UNIMPLEMENTED
  case 429:
  case 502:
  case 503:
  case 504:
    return 14; // UNAVAILABLE
  default:
    return 2; // UNKNOWN
  }
}

uint32_t httpStatusOf(std::string_view grpcStatus) {
  constexpr uint32_t statuses[] = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                   400, 409, 400, 501, 500, 503, 500, 401};
  size_t number = 0;
  for (const char c : grpcStatus) {
    if (c < '0' || c > '9' || number > std::size(statuses)) {
      return 500;
    }
    number = number * 10 + static_cast<size_t>(c - '0');
  }
  return grpcStatus.empty() || number >= std::size(statuses) ? 500 : statuses[number];
}

} // namespace moe::http
