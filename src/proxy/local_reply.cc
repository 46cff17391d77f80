#include "proxy/local_reply.h"

#include "http/grpc.h"

namespace moe::proxy {
namespace {

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

void fillLocalReply(const http::LocalReply& reply, const http::HeaderMap* request,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab) {
  if (request != nullptr && http::isGrpc(*request)) {
    response.setStatus(200);
    response.addStatic(http::HeaderId::ContentType, "application/grpc");
    response.addNumber(http::HeaderId::GrpcStatus, static_cast<uint64_t>(reply.grpcStatus.value_or(
                                                       http::grpcStatusOf(reply.status))));
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
