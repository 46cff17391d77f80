// The types with a JSON form of their own: Any, wrappers, Duration, Timestamp, FieldMask, Struct.
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "config/converter.h"
#include "config/deterministic.h"
#include "config/typed_config.h"
#include "config/utf8.h"

namespace moe::config {
namespace {

using google::protobuf::Descriptor;

constexpr int64_t kMaxDurationSeconds = 315'576'000'000; // duration.proto: 10,000 years.

/// `[-]digits[.1 to 9 digits]s`
bool parseDuration(std::string_view text, int64_t& seconds, int32_t& nanos) {
  bool negative = !text.empty() && text[0] == '-';
  if (negative)
    text.remove_prefix(1);
  if (text.size() < 2 || text.back() != 's')
    return false;
  text.remove_suffix(1);
  std::pair<std::string_view, std::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  bool hasFraction = text.find('.') != text.npos;
  auto [whole, fraction] = parts;
  if (whole.empty() || whole.size() > 12 || (hasFraction && fraction.empty()) ||
      fraction.size() > 9) {
    return false;
  }
  seconds = 0;
  nanos = 0;
  for (char c : whole) {
    if (!absl::ascii_isdigit(c))
      return false;
    seconds = seconds * 10 + (c - '0');
  }
  for (size_t i = 0; i < 9; ++i) {
    if (i < fraction.size() && !absl::ascii_isdigit(fraction[i]))
      return false;
    nanos = nanos * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  if (negative) {
    seconds = -seconds;
    nanos = -nanos;
  }
  return seconds >= -kMaxDurationSeconds && seconds <= kMaxDurationSeconds;
}

/// Names that YAML 1.1, and so Envoy, takes for booleans where the type is open.
std::optional<bool> looseBool(const Node& from) {
  if (from.isQuoted)
    return std::nullopt;
  if (from.plain() == Node::Plain::kBool)
    return absl::ascii_tolower(from.text[0]) == 't';
  std::string text = absl::AsciiStrToLower(from.text);
  bool sameCase = from.text == text || from.text == absl::AsciiStrToUpper(text) ||
                  from.text.substr(1) == text.substr(1);
  if (!sameCase)
    return std::nullopt;
  if (text == "yes" || text == "on" || text == "y")
    return true;
  if (text == "no" || text == "off" || text == "n")
    return false;
  return std::nullopt;
}

} // namespace

absl::Status Converter::wellKnown(const Node& from, Message& to, const Step& step) {
  switch (to.GetDescriptor()->well_known_type()) {
  case Descriptor::WELLKNOWNTYPE_ANY:
    return any(from, to, step);
  case Descriptor::WELLKNOWNTYPE_DURATION:
    return duration(from, to, step);
  case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
    return timestamp(from, to, step);
  case Descriptor::WELLKNOWNTYPE_FIELDMASK:
    return fieldMask(from, to, step);
  case Descriptor::WELLKNOWNTYPE_STRUCT:
    return structure(from, to, step);
  case Descriptor::WELLKNOWNTYPE_VALUE:
    return value(from, to, step);
  case Descriptor::WELLKNOWNTYPE_LISTVALUE:
    return listValue(from, to, step);
  default: // Wrappers: one field, `value`.
    return scalar(from, to, *to.GetDescriptor()->FindFieldByNumber(1), false, step);
  }
}

absl::Status Converter::any(const Node& from, Message& to, const Step& step) {
  if (from.kind != Node::Kind::kObject)
    return wrong(from, step, "an object with \"@type\"");
  if (from.entries.empty())
    return absl::OkStatus();
  const Node* url = from.find("@type");
  if (url == nullptr) {
    return error(from.mark, step, "no \"@type\"",
                 "one such as \"type.googleapis.com/google.protobuf.Struct\"");
  }
  Step urlStep = step.field("@type");
  if (auto status = enter(*url, urlStep); !status.ok())
    return status;
  std::string_view name = url->isString() ? typeNameOf(url->text) : std::string_view();
  if (name.empty()) {
    return wrong(*url, urlStep,
                 "a type URL such as \"type.googleapis.com/google.protobuf.Struct\"");
  }
  const auto* type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(std::string(name));
  if (type == nullptr) {
    return error(
        url->mark, urlStep,
        absl::StrCat("unknown type ", inQuotes(url->text), ", expected one that is compiled in"));
  }
  std::unique_ptr<Message> inner(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  absl::Status status = absl::OkStatus();
  if (type->well_known_type() == Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
    absl::flat_hash_set<std::string_view> types;
    for (const Node::Entry& entry : from.entries) {
      if (entry.key == "@type" && !types.insert(entry.key).second) {
        return error(entry.mark, urlStep, "found a second time in the same object, expected once");
      }
    }
    status = fields(from, *inner, step, /*skipType=*/true);
  } else {
    for (const Node::Entry& entry : from.entries) {
      if (entry.key == "@type")
        continue;
      if (entry.key != "value") {
        return error(entry.mark, step.field(entry.key),
                     absl::StrCat("unknown field ", inQuotes(entry.key), " beside \"@type\" ",
                                  inQuotes(url->text), ", expected \"value\""));
      }
      status = message(*entry.value, *inner, step.field("value"));
    }
  }
  if (!status.ok())
    return status;
  auto& out = static_cast<google::protobuf::Any&>(to);
  out.set_type_url(url->text);
  out.set_value(deterministic(*inner));
  return absl::OkStatus();
}

absl::Status Converter::duration(const Node& from, Message& to, const Step& step) {
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (!from.isString() || !parseDuration(from.text, seconds, nanos)) {
    return wrong(from, step, "a duration such as 0.25s");
  }
  auto& out = static_cast<google::protobuf::Duration&>(to);
  out.set_seconds(seconds);
  out.set_nanos(nanos);
  return absl::OkStatus();
}

absl::Status Converter::timestamp(const Node& from, Message& to, const Step& step) {
  absl::Time time;
  std::string why;
  bool ok = from.isString() && from.text.size() >= 20 && absl::ascii_isdigit(from.text[0]) &&
            absl::ParseTime(absl::RFC3339_full, from.text, &time, &why);
  int64_t seconds = ok ? absl::ToUnixSeconds(time) : 0;
  // timestamp.proto: from 0001-01-01 to 9999-12-31.
  if (!ok || seconds < -62'135'596'800 || seconds > 253'402'300'799) {
    return wrong(from, step, "a time such as 2024-01-31T08:30:00Z");
  }
  auto& out = static_cast<google::protobuf::Timestamp&>(to);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return absl::OkStatus();
}

absl::Status Converter::fieldMask(const Node& from, Message& to, const Step& step) {
  if (!from.isString())
    return wrong(from, step, "field names with commas between them");
  auto& out = static_cast<google::protobuf::FieldMask&>(to);
  for (std::string_view camel : absl::StrSplit(from.text, ',', absl::SkipEmpty())) {
    std::string& snake = *out.add_paths();
    for (char c : camel) {
      if (absl::ascii_isupper(c))
        snake.push_back('_');
      snake.push_back(absl::ascii_tolower(c));
    }
  }
  return absl::OkStatus();
}

absl::Status Converter::structure(const Node& from, Message& to, const Step& step) {
  if (from.kind != Node::Kind::kObject)
    return wrong(from, step, "an object");
  auto& out = *static_cast<google::protobuf::Struct&>(to).mutable_fields();
  for (const Node::Entry& entry : from.entries) {
    Step inside = step.field(entry.key);
    if (!isUtf8(entry.key))
      return error(entry.mark, step, inQuotes(entry.key), "text in UTF-8");
    if (out.contains(entry.key)) {
      return error(entry.mark, inside, "found a second time in the same object, expected once");
    }
    if (auto status = message(*entry.value, out[entry.key], inside); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status Converter::value(const Node& from, Message& to, const Step& step) {
  auto& out = static_cast<google::protobuf::Value&>(to);
  switch (from.kind) {
  case Node::Kind::kNull:
    out.set_null_value(google::protobuf::NULL_VALUE);
    return absl::OkStatus();
  case Node::Kind::kObject:
    return structure(from, *out.mutable_struct_value(), step);
  case Node::Kind::kList:
    return listValue(from, *out.mutable_list_value(), step);
  case Node::Kind::kScalar:
    break;
  }
  if (auto boolean = looseBool(from)) {
    out.set_bool_value(*boolean);
  } else if (from.isString()) {
    if (!isUtf8(from.text))
      return wrong(from, step, "text in UTF-8");
    out.set_string_value(from.text);
  } else if (auto number = parseFloat(from.text, true)) {
    out.set_number_value(*number);
  } else {
    return wrong(from, step, "a number within the range of a double");
  }
  return absl::OkStatus();
}

absl::Status Converter::listValue(const Node& from, Message& to, const Step& step) {
  if (from.kind != Node::Kind::kList)
    return wrong(from, step, "a list");
  auto& out = static_cast<google::protobuf::ListValue&>(to);
  size_t i = 0;
  for (const Node* item : from.items) {
    if (auto status = message(*item, *out.add_values(), step.at(i++)); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

} // namespace moe::config
