#include "config/location_map.h"

#include <charconv>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace moe::config {
namespace {

constexpr std::string_view kLocatedPayload = "moe/located";

/// Length of `path` without its last step, or 0.
size_t parentLength(std::string_view path) {
  if (path.empty())
    return 0;
  if (path.back() == ']') {
    size_t quote =
        path.size() >= 2 && path[path.size() - 2] == '"' ? path.rfind("[\"") : path.rfind('[');
    return quote == std::string_view::npos ? 0 : quote;
  }
  size_t dot = path.find_last_of(".]");
  if (dot == std::string_view::npos)
    return 0;
  return path[dot] == ']' ? dot + 1 : dot;
}

/// `path` of a message to be merged into `base`, with the first index that meets elements of
/// `base` moved behind them.
std::string renumbered(std::string_view path, const google::protobuf::Message& base) {
  const google::protobuf::Message* message = &base;
  size_t at = 0;
  while (message != nullptr && at < path.size()) {
    size_t end = path.find_first_of(".[", at);
    std::string name(path.substr(at, end == std::string_view::npos ? end : end - at));
    const auto* field = message->GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || end == std::string_view::npos || field->is_map())
      break;
    if (field->is_repeated()) {
      size_t close = path.find(']', end);
      if (path[end] != '[' || close == std::string_view::npos)
        break;
      size_t index = 0;
      std::from_chars(path.data() + end + 1, path.data() + close, index);
      index += message->GetReflection()->FieldSize(*message, field);
      return absl::StrCat(path.substr(0, end), "[", index, path.substr(close));
    }
    if (path[end] != '.' ||
        field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE ||
        !message->GetReflection()->HasField(*message, field)) {
      break;
    }
    message = &message->GetReflection()->GetMessage(*message, field);
    at = end + 1;
  }
  return std::string(path);
}

} // namespace

std::string Location::str() const {
  return absl::StrCat(file ? *file : std::string("?"), ":", line, ":", column);
}

absl::Status located(const absl::Status& status, const Location& location) {
  absl::Status result(status.code(), absl::StrCat(location.str(), ": ", status.message()));
  status.ForEachPayload(
      [&](std::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  result.SetPayload(kLocatedPayload, absl::Cord("1"));
  return result;
}

void LocationMap::add(std::string path, Location location) {
  places_.insert_or_assign(std::move(path), std::move(location));
}

std::optional<Location> LocationMap::find(std::string_view path) const {
  for (size_t length = path.size(); length > 0; length = parentLength(path.substr(0, length))) {
    auto it = places_.find(path.substr(0, length));
    if (it != places_.end())
      return it->second;
  }
  return std::nullopt;
}

absl::Status LocationMap::annotate(const absl::Status& status) const {
  if (status.ok() || status.GetPayload(kLocatedPayload))
    return status;
  auto place = find(pathOf(status));
  return place ? located(status, *place) : status;
}

void LocationMap::merge(const LocationMap& overlay, const google::protobuf::Message& base) {
  for (const auto& [path, location] : overlay.places_)
    add(renumbered(path, base), location);
}

} // namespace moe::config
