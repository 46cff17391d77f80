#include "route/header_mutation.h"

#include "http/validation.h"

namespace moe::route {
namespace {

using Option = envoy::config::core::v3::HeaderValueOption;

// Lower case; pseudo headers and Host cannot be added or removed here (Envoy refuses them too).
absl::StatusOr<std::string> headerName(const std::string& name, const config::FieldPath& path) {
  if (name.starts_with(':') || name == "host" || name == "Host" || !http::isToken(name)) {
    return config::fieldError(path, config::inQuotes(name),
                              "a header name other than host and :pseudo headers");
  }
  std::string lower(name);
  for (char& c : lower) {
    c = static_cast<char>(http::kTokenLower[static_cast<uint8_t>(c)]);
  }
  return lower;
}

// What a format yields may come from anywhere (metadata and filter state hold any bytes): a line
// end in it would begin another header.
void replaceControls(std::string& value) {
  for (char& c : value) {
    if (!http::isFieldValue({&c, 1})) {
      c = '?';
    }
  }
}

} // namespace

absl::StatusOr<HeaderMutation> HeaderMutation::compile(const Options& add, const Names& remove,
                                                       const config::FieldPath& addPath,
                                                       const config::FieldPath& removePath) {
  HeaderMutation out;
  for (int i = 0; i < add.size(); ++i) {
    const Option& option = add.Get(i);
    const config::FieldPath at = addPath.index(static_cast<size_t>(i)).field("header");
    auto name = headerName(option.header().key(), at.field("key"));
    if (!name.ok()) {
      return name.status();
    }
    if (!http::isFieldValue(option.header().value())) {
      return config::fieldError(at.field("value"), config::inQuotes(option.header().value()),
                                "a header value without control characters");
    }
    Add entry{std::move(*name), nullptr, option.header().value(), option.append_action(),
              option.keep_empty_value()};
    if (option.has_append() && !option.append().value()) {
      entry.action = Option::OVERWRITE_IF_EXISTS_OR_ADD;
    }
    if (entry.literal.find('%') != std::string::npos) {
      auto format = http::compileFormat(entry.literal, /*omitEmpty=*/true);
      if (!format.ok()) {
        return config::underField(at.field("value"), format.status());
      }
      entry.format = std::move(*format);
    }
    out.add_.push_back(std::move(entry));
  }
  for (int i = 0; i < remove.size(); ++i) {
    auto name = headerName(remove.Get(i), removePath.index(static_cast<size_t>(i)));
    if (!name.ok()) {
      return name.status();
    }
    out.remove_.push_back(std::move(*name));
  }
  return out;
}

void HeaderMutation::apply(http::HeaderMap& headers, const http::FormatContext& context) const {
  for (const std::string& name : remove_) {
    headers.remove(name);
  }
  std::string value;
  for (const Add& entry : add_) {
    std::string_view text = entry.literal;
    if (entry.format != nullptr) {
      value.clear();
      entry.format->format(context, value);
      if (!http::isFieldValue(value)) {
        replaceControls(value);
      }
      text = value;
    }
    if (text.empty() && !entry.keepEmpty) {
      continue;
    }
    switch (entry.action) {
    case Option::ADD_IF_ABSENT:
      if (!headers.get(entry.name).has_value()) {
        headers.add(entry.name, text);
      }
      break;
    case Option::OVERWRITE_IF_EXISTS_OR_ADD:
      headers.set(entry.name, text);
      break;
    case Option::OVERWRITE_IF_EXISTS:
      if (headers.get(entry.name).has_value()) {
        headers.set(entry.name, text);
      }
      break;
    default:
      headers.add(entry.name, text);
    }
  }
}

} // namespace moe::route
