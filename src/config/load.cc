#include "config/load.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/converter.h"
#include "config/node.h"

namespace moe::config {
namespace {

using google::protobuf::Message;

absl::Status syntaxError(const std::shared_ptr<const std::string>& file, const ParseError& error) {
  return located(absl::InvalidArgumentError(absl::StrCat("syntax error: ", error.text)),
                 Location{file, error.mark.line, error.mark.column});
}

absl::Status tooLarge(std::string_view name, const LoadOptions& options) {
  return absl::ResourceExhaustedError(
      absl::StrCat(name, ": found more than ", options.maxBytes, " bytes, expected fewer"));
}

std::optional<ParseError> parse(std::string_view name, std::string_view text,
                                const LoadOptions& options, Document& document) {
  if (absl::EndsWith(name, ".json"))
    return parseJson(text, options.maxDepth, document);
  size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && (text[first] == '{' || text[first] == '[')) {
    // JSON under another name: YAML's reader would refuse surrogate pairs and long keys.
    Document json;
    if (!parseJson(text, options.maxDepth, json)) {
      document = std::move(json);
      return std::nullopt;
    }
  }
  return parseYaml(text, options.maxDepth, document);
}

absl::StatusOr<std::string> readFile(const std::string& path, const LoadOptions& options) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be opened: ", std::strerror(errno)));
  }
  std::string text;
  char chunk[64 << 10];
  // Pipes and /proc have no size to ask for: count while reading.
  while (in.read(chunk, sizeof(chunk)), in.gcount() > 0) {
    text.append(chunk, static_cast<size_t>(in.gcount()));
    if (text.size() > options.maxBytes)
      return tooLarge(path, options);
  }
  if (in.bad() || !in.eof())
    return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  return text;
}

} // namespace

absl::Status loadText(std::string_view name, std::string_view text, Message& message,
                      LocationMap* locations, const LoadOptions& options) {
  message.Clear();
  if (text.size() > options.maxBytes)
    return tooLarge(name, options);
  auto file = std::make_shared<const std::string>(name);
  Document document;
  if (auto error = parse(name, text, options, document))
    return syntaxError(file, *error);
  if (document.root == nullptr || document.root->kind == Node::Kind::kNull)
    return absl::OkStatus();
  FieldPath root;
  Converter converter(file, root, options, locations, text.size());
  absl::Status status = converter.convert(*document.root, message);
  if (!status.ok())
    message.Clear();
  return status;
}

absl::Status loadFile(const std::string& path, Message& message, LocationMap* locations,
                      const LoadOptions& options) {
  message.Clear();
  auto text = readFile(path, options);
  if (!text.ok())
    return text.status();
  return loadText(path, *text, message, locations, options);
}

absl::Status mergeText(std::string_view name, std::string_view text, Message& message,
                       LocationMap* locations, const LoadOptions& options) {
  std::unique_ptr<Message> overlay(message.New());
  LocationMap places;
  absl::Status status =
      loadText(name, text, *overlay, locations == nullptr ? nullptr : &places, options);
  if (!status.ok())
    return status;
  if (locations != nullptr)
    locations->merge(places, message);
  message.MergeFrom(*overlay);
  return absl::OkStatus();
}

absl::Status loadStruct(const google::protobuf::Struct& from, Message& message,
                        const FieldPath& root, const LoadOptions& options) {
  message.Clear();
  Document document;
  if (auto error = fromStruct(from, options.maxDepth, document)) {
    return fieldError(root, error->text);
  }
  Converter converter(nullptr, root, options, nullptr, document.size());
  absl::Status status = converter.convert(*document.root, message);
  if (!status.ok())
    message.Clear();
  return status;
}

} // namespace moe::config
