#include "golang/header_edit.h"

#include <algorithm>

#include "http/header_id.h"
#include "http/validation.h"

namespace moe::golang {
namespace {

bool isStatus(std::string_view value) {
  return value.size() == 3 && value[0] >= '1' && value[0] <= '9' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

const char* pseudoHeaderProblem(HeaderEdit::Kind kind, std::string_view name,
                                std::string_view value) {
  if (kind == HeaderEdit::Kind::Remove) {
    return "a pseudo-header cannot be removed";
  }
  if (kind == HeaderEdit::Kind::Add) {
    return "a pseudo-header can only be set";
  }
  switch (http::headerIdOf(name)) {
  case http::HeaderId::Path:
    return !value.empty() && http::isTargetText(value) ? nullptr : "an invalid path";
  case http::HeaderId::Method:
    return http::isToken(value) ? nullptr : "an invalid method";
  case http::HeaderId::Authority:
    return http::isAuthority(value) ? nullptr : "an invalid authority";
  case http::HeaderId::Scheme:
    return value == "http" || value == "https" ? nullptr : "a scheme that is not http or https";
  case http::HeaderId::Status:
    return isStatus(value) ? nullptr : "an invalid status";
  default:
    return "an unknown pseudo-header";
  }
}

} // namespace

HeaderEdit::HeaderEdit(Kind what, std::string_view headerName, std::string_view headerValue)
    : kind(what), name(headerName), value(headerValue) {
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (name == "host") {
    name = ":authority";
  }
}

const char* HeaderEdit::problem() const {
  if (name.starts_with(':')) {
    return pseudoHeaderProblem(kind, name, value);
  }
  if (!http::isToken(name)) {
    return "an invalid name";
  }
  return http::isFieldValue(value) ? nullptr : "an invalid value";
}

void HeaderEdit::apply(http::HeaderMap& map) const {
  switch (kind) {
  case Kind::Set:
    map.set(name, value);
    break;
  case Kind::Add:
    map.add(name, value);
    break;
  case Kind::Remove:
    map.remove(name);
    break;
  }
}

} // namespace moe::golang
