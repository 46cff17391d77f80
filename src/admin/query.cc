#include "admin/query.h"

#include <algorithm>

#include "base/strings.h"
#include "config/field_path.h"
#include "http/codec/http1_tokens.h"

namespace moe::admin {
namespace {

absl::StatusOr<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? http::hexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? http::hexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(base::cat("query: found ",
                                                  config::inQuotes(text.substr(i, 3)),
                                                  ", expected % and two hexadecimal digits"));
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out.append(out.empty() ? "" : ", ").append(name);
  }
  return out.empty() ? "none" : out;
}

} // namespace

absl::StatusOr<Query> Query::parse(std::string_view text) {
  Query out;
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view item = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (item.empty()) {
      continue;
    }
    const size_t equals = item.find('=');
    auto name = decode(item.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? "" : item.substr(equals + 1));
    if (!name.ok() || !value.ok()) {
      return name.ok() ? value.status() : name.status();
    }
    if (out.has(*name)) {
      return absl::InvalidArgumentError(base::cat(
          "query: found parameter ", config::inQuotes(*name), " again, expected it once"));
    }
    out.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

absl::Status Query::expectOnly(const std::vector<std::string>& known) const {
  for (const auto& [key, value] : parameters_) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return absl::InvalidArgumentError(base::cat("query: found parameter ", config::inQuotes(key),
                                                  ", expected any of: ", list(known)));
    }
  }
  return absl::OkStatus();
}

} // namespace moe::admin
