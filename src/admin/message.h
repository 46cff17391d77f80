#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "admin/query.h"

namespace moe::admin {

struct Request {
  std::string method; // "GET"; HEAD comes as GET
  std::string path;   // without the query
  Query query;
  std::string body;
};

struct Response {
  uint32_t status = 200;
  std::string body;
  std::string contentType = "text/plain; charset=UTF-8";
  std::string allow; // the Allow header of a 405
};

// What a path of the admin interface does. Handlers run on the main thread.
struct Endpoint {
  enum class Access {
    Reads,   // any method
    Changes, // POST only: changes the process
    Either,  // the handler decides
  };
  std::string path;
  std::string help; // one line
  Access access = Access::Reads;
  std::vector<std::string> parameters; // the query's, all optional; others are answered with 400
  bool anyParameter = false;           // but not here
  std::function<Response(const Request&)> handler;
};

Response badRequest(std::string text);
Response methodNotAllowed(const Request& request, std::string_view allowed);
Response jsonResponse(std::string body);

} // namespace moe::admin
