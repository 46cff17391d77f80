#include "proxy/local_reply.h"

namespace moe::proxy {
namespace {

bool isGrpc(const http::HeaderMap& request) {
  constexpr std::string_view grpc = "application/grpc";
  const std::string_view type = request.value(http::HeaderId::ContentType);
  return type.starts_with(grpc) &&
         (type.size() == grpc.size() || type[grpc.size()] == '+' || type[grpc.size()] == ';');
}

// grpc-message is percent-encoded (gRPC over HTTP/2, "Status-Message").
std::string percentEncode(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

} // namespace

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

void fillLocalReply(const http::LocalReply& reply, const http::HeaderMap* request,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab) {
  if (request != nullptr && isGrpc(*request)) {
    response.setStatus(200);
    response.addStatic(http::HeaderId::ContentType, "application/grpc");
    response.addNumber(http::HeaderId::GrpcStatus, static_cast<uint64_t>(reply.grpcStatus.value_or(
                                                       grpcStatusOf(reply.status))));
    if (!reply.body.empty()) {
      response.add(http::HeaderId::GrpcMessage, percentEncode(reply.body));
    }
    if (reply.modifyHeaders) {
      reply.modifyHeaders(response);
    }
    return;
  }
  response.setStatus(reply.status);
  const bool bodyAllowed = reply.status >= 200 && reply.status != 204 && reply.status != 304;
  if (!reply.body.empty() && bodyAllowed) {
    response.setNumber(http::HeaderId::ContentLength, reply.body.size());
    response.addStatic(http::HeaderId::ContentType, "text/plain");
  }
  if (reply.modifyHeaders) {
    reply.modifyHeaders(response);
  }
  if (reply.body.empty() || !bodyAllowed) {
    if (bodyAllowed) {
      response.setStatic(http::HeaderId::ContentLength, "0");
    } else {
      response.remove(http::HeaderId::ContentLength);
    }
    return;
  }
  // The length of the body that is sent, whatever the filter said.
  response.setNumber(http::HeaderId::ContentLength, reply.body.size());
  if (request == nullptr || request->method() != "HEAD") {
    body.append(slab, reply.body);
  }
}

} // namespace moe::proxy
