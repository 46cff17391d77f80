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

void fillLocalReply(const http::LocalReply& reply, const LocalReplyConfig& config,
                    const http::HeaderMap* request, http::StreamInfo& info,
                    http::HeaderMap& response, base::Buffer& body, base::Slab& slab) {
  LocalReplyConfig::Reply mapped{reply.status, std::string(reply.body), {}};
  response.setStatus(reply.status);
  if (reply.modifyHeaders) {
    reply.modifyHeaders(response);
  }
  const std::string typeBefore(response.value(http::HeaderId::ContentType));
  config.rewrite(request, response, info, mapped);
  if (request != nullptr && isGrpc(*request)) {
    response.setStatus(200);
    response.setStatic(http::HeaderId::ContentType, "application/grpc");
    if (!response.has(http::HeaderId::GrpcStatus)) {
      response.addNumber(
          http::HeaderId::GrpcStatus,
          static_cast<uint64_t>(reply.grpcStatus.value_or(http::grpcStatusOf(mapped.status))));
    }
    if (!mapped.body.empty()) {
      response.set(http::HeaderId::GrpcMessage, percentEncode(mapped.body));
    }
    response.remove(http::HeaderId::ContentLength);
    return;
  }
  if (mapped.status == 204 || mapped.status == 304 || mapped.status < 200) {
    response.remove(http::HeaderId::ContentLength);
    response.remove(http::HeaderId::ContentType);
    return;
  }
  response.setNumber(http::HeaderId::ContentLength, mapped.body.size());
  if (mapped.body.empty()) {
    response.remove(http::HeaderId::ContentType);
    return;
  }
  // A mapper's own content-type stays; else the body's, which is the format's.
  const std::string_view type = response.value(http::HeaderId::ContentType);
  if (type.empty() || (type == typeBefore && mapped.body != reply.body)) {
    response.setStatic(http::HeaderId::ContentType,
                       mapped.contentType.empty() ? "text/plain" : mapped.contentType);
  }
  if (request == nullptr || request->method() != "HEAD") {
    body.append(slab, mapped.body);
  }
}

} // namespace moe::proxy
