#include "config/validate.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/timestamp.pb.h>
#include <validate/validate.pb.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "config/map_key.h"
#include "config/number_rules.h"
#include "config/path_step.h"
#include "config/string_rules.h"
#include "config/typed_config.h"

namespace moe::config {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using validate::FieldRules;

namespace {

constexpr int kMaxDepth = 400; // Steps, not levels; parsing stops at 100 levels already.

absl::Status broken(const PathStep& step, std::string_view found, const std::string& expected) {
  return expected.empty() ? absl::OkStatus() : fieldError(step.path(), found, expected);
}

bool isWrapper(const Descriptor& type) {
  switch (type.well_known_type()) {
  case Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
  case Descriptor::WELLKNOWNTYPE_FLOATVALUE:
  case Descriptor::WELLKNOWNTYPE_INT64VALUE:
  case Descriptor::WELLKNOWNTYPE_UINT64VALUE:
  case Descriptor::WELLKNOWNTYPE_INT32VALUE:
  case Descriptor::WELLKNOWNTYPE_UINT32VALUE:
  case Descriptor::WELLKNOWNTYPE_STRINGVALUE:
  case Descriptor::WELLKNOWNTYPE_BYTESVALUE:
  case Descriptor::WELLKNOWNTYPE_BOOLVALUE:
    return true;
  default:
    return false;
  }
}

/// Seconds and nanoseconds of a Duration or Timestamp, to compare.
template <class T> struct Instant {
  int64_t seconds;
  int32_t nanos;
  Instant(const T& from) : seconds(from.seconds()), nanos(from.nanos()) {} // NOLINT: implicit.
  auto operator<=>(const Instant&) const = default;
};

template <class T> std::string showInstant(const Instant<T>& at) {
  if (at.nanos == 0)
    return absl::StrCat(at.seconds, "s");
  std::string fraction = absl::StrCat(1'000'000'000 + std::abs(int64_t{at.nanos}));
  fraction[0] = '.';
  while (fraction.back() == '0')
    fraction.pop_back();
  bool isNegative = at.seconds < 0 || at.nanos < 0;
  return absl::StrCat(isNegative ? "-" : "", std::abs(at.seconds), fraction, "s");
}

template <class T, class Rules> std::string brokenInstant(const Rules& rules, const T& value) {
  Instant<T> at(value);
  auto show = [](const Instant<T>& i) { return showInstant<T>(i); };
  if (rules.has_const_() && at != Instant<T>(rules.const_()))
    return show(rules.const_());
  return brokenRange(rules, at, show);
}

std::string brokenDuration(const validate::DurationRules& rules,
                           const google::protobuf::Duration& value) {
  std::string range = brokenInstant(rules, value);
  if (!range.empty())
    return range;
  using At = Instant<google::protobuf::Duration>;
  auto among = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& d) { return At(d) == At(value); });
  };
  if (rules.in_size() > 0 && !among(rules.in()))
    return "one of the durations allowed";
  return among(rules.not_in()) ? "another duration" : "";
}

} // namespace

struct Validator::State {
  PatternCache patterns;

  absl::Status message(const Message& message, const PathStep& step);
  absl::Status field(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                     const PathStep& step);
  absl::Status repeated(const Message& message, const FieldDescriptor& field,
                        const FieldRules& rules, const PathStep& step);
  absl::Status map(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                   const PathStep& step);
  /// One value: a singular field (index -1) or an element.
  absl::Status value(const Message& message, const FieldDescriptor& field, int index,
                     const FieldRules& rules, const PathStep& step);
  absl::Status nested(const Message& value, const FieldRules& rules, const PathStep& step);
  absl::Status any(const google::protobuf::Any& value, const PathStep& step);
};

absl::Status Validator::State::message(const Message& message, const PathStep& step) {
  const Descriptor& type = *message.GetDescriptor();
  if (step.depth > kMaxDepth)
    return fieldError(step.path(), "nested too deeply");
  if (type.well_known_type() == Descriptor::WELLKNOWNTYPE_ANY) {
    return any(static_cast<const google::protobuf::Any&>(message), step);
  }
  if (type.well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED)
    return absl::OkStatus();
  const auto& options = type.options();
  if (options.GetExtension(validate::disabled) || options.GetExtension(validate::ignored)) {
    return absl::OkStatus();
  }
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    const auto& oneof = *type.oneof_decl(i);
    if (!oneof.options().GetExtension(validate::required) || reflection.HasOneof(message, &oneof)) {
      continue;
    }
    std::string names;
    for (int k = 0; k < oneof.field_count(); ++k) {
      absl::StrAppend(&names, k == 0 ? "" : ", ", oneof.field(k)->name());
    }
    return fieldError(step.path(), absl::StrCat("no ", oneof.name()),
                      absl::StrCat(oneof.field_count() == 1 ? "" : "one of ", names));
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const FieldRules& rules = field.options().GetExtension(validate::rules);
    if (auto status = this->field(message, field, rules, step.field(field.name())); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Validator::State::field(const Message& message, const FieldDescriptor& field,
                                     const FieldRules& rules, const PathStep& step) {
  if (field.is_map())
    return map(message, field, rules, step);
  if (field.is_repeated())
    return repeated(message, field, rules, step);
  if (field.has_presence() && !message.GetReflection()->HasField(message, &field)) {
    bool isRequired = rules.message().required() || rules.duration().required() ||
                      rules.timestamp().required() || rules.any().required();
    // In a oneof, "required" speaks of the member that is set.
    if (!isRequired || field.real_containing_oneof() != nullptr)
      return absl::OkStatus();
    return fieldError(step.path(), "nothing", "a value: this field is required");
  }
  return value(message, field, -1, rules, step);
}

absl::Status Validator::State::repeated(const Message& message, const FieldDescriptor& field,
                                        const FieldRules& rules, const PathStep& step) {
  const auto& repeated = rules.repeated();
  const auto size = static_cast<uint64_t>(message.GetReflection()->FieldSize(message, &field));
  auto found = [&] { return absl::StrCat(size, size == 1 ? " item" : " items"); };
  if (size > 0 || !repeated.ignore_empty()) {
    if (repeated.has_min_items() && size < repeated.min_items()) {
      return fieldError(step.path(), found(), absl::StrCat("at least ", repeated.min_items()));
    }
    if (repeated.has_max_items() && size > repeated.max_items()) {
      return fieldError(step.path(), found(), absl::StrCat("at most ", repeated.max_items()));
    }
  }
  absl::flat_hash_set<std::string> seen;
  for (size_t i = 0; i < size; ++i) {
    PathStep inside = step.at(i);
    if (repeated.unique()) {
      std::string text;
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        text = message.GetReflection()->GetRepeatedMessage(message, &field, i).SerializeAsString();
      } else {
        google::protobuf::TextFormat::PrintFieldValueToString(message, &field, i, &text);
      }
      if (!seen.insert(text).second) {
        return fieldError(inside.path(), text.size() < 100 ? text + " again" : "a value again",
                          "values that differ");
      }
    }
    if (auto status = value(message, field, i, repeated.items(), inside); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Validator::State::map(const Message& message, const FieldDescriptor& field,
                                   const FieldRules& rules, const PathStep& step) {
  const auto& reflection = *message.GetReflection();
  const auto& map = rules.map();
  const auto size = static_cast<uint64_t>(reflection.FieldSize(message, &field));
  auto found = [&] { return absl::StrCat(size, size == 1 ? " entry" : " entries"); };
  if (size > 0 || !map.ignore_empty()) {
    if (map.has_min_pairs() && size < map.min_pairs()) {
      return fieldError(step.path(), found(), absl::StrCat("at least ", map.min_pairs()));
    }
    if (map.has_max_pairs() && size > map.max_pairs()) {
      return fieldError(step.path(), found(), absl::StrCat("at most ", map.max_pairs()));
    }
  }
  for (size_t i = 0; i < size; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    std::string key = mapKey(entry);
    PathStep inside = step.key(key);
    const Descriptor& type = *entry.GetDescriptor();
    if (auto status = value(entry, *type.map_key(), -1, map.keys(), inside); !status.ok()) {
      return status;
    }
    if (auto status = value(entry, *type.map_value(), -1, map.values(), inside); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Validator::State::value(const Message& message, const FieldDescriptor& field,
                                     int index, const FieldRules& rules, const PathStep& step) {
  const auto& reflection = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return nested(index < 0 ? reflection.GetMessage(message, &field)
                            : reflection.GetRepeatedMessage(message, &field, index),
                  rules, step);
  }
  if (rules.type_case() == FieldRules::TYPE_NOT_SET)
    return absl::OkStatus();
  auto number = [&](const auto& numeric, auto value) -> absl::Status {
    if (numeric.ignore_empty() && value == 0)
      return absl::OkStatus();
    auto show = [](auto n) { return absl::StrCat(n); };
    if (numeric.has_const_() && value != numeric.const_()) {
      return broken(step, show(value), show(numeric.const_()));
    }
    std::string expected = brokenRange(numeric, value, show);
    if (expected.empty())
      expected = brokenSet(numeric, value, show);
    return broken(step, show(value), expected);
  };
  auto get = [&](auto single, auto element) {
    return index < 0 ? (reflection.*single)(message, &field)
                     : (reflection.*element)(message, &field, index);
  };
  using R = google::protobuf::Reflection;
  switch (rules.type_case()) {
  case FieldRules::kFloat:
    return number(rules.float_(), get(&R::GetFloat, &R::GetRepeatedFloat));
  case FieldRules::kDouble:
    return number(rules.double_(), get(&R::GetDouble, &R::GetRepeatedDouble));
  case FieldRules::kInt32:
    return number(rules.int32(), get(&R::GetInt32, &R::GetRepeatedInt32));
  case FieldRules::kSint32:
    return number(rules.sint32(), get(&R::GetInt32, &R::GetRepeatedInt32));
  case FieldRules::kSfixed32:
    return number(rules.sfixed32(), get(&R::GetInt32, &R::GetRepeatedInt32));
  case FieldRules::kInt64:
    return number(rules.int64(), get(&R::GetInt64, &R::GetRepeatedInt64));
  case FieldRules::kSint64:
    return number(rules.sint64(), get(&R::GetInt64, &R::GetRepeatedInt64));
  case FieldRules::kSfixed64:
    return number(rules.sfixed64(), get(&R::GetInt64, &R::GetRepeatedInt64));
  case FieldRules::kUint32:
    return number(rules.uint32(), get(&R::GetUInt32, &R::GetRepeatedUInt32));
  case FieldRules::kFixed32:
    return number(rules.fixed32(), get(&R::GetUInt32, &R::GetRepeatedUInt32));
  case FieldRules::kUint64:
    return number(rules.uint64(), get(&R::GetUInt64, &R::GetRepeatedUInt64));
  case FieldRules::kFixed64:
    return number(rules.fixed64(), get(&R::GetUInt64, &R::GetRepeatedUInt64));
  case FieldRules::kBool: {
    bool value = get(&R::GetBool, &R::GetRepeatedBool);
    if (!rules.bool_().has_const_() || value == rules.bool_().const_())
      return absl::OkStatus();
    return fieldError(step.path(), value ? "true" : "false", value ? "false" : "true");
  }
  case FieldRules::kString: {
    std::string value = get(&R::GetString, &R::GetRepeatedString);
    return broken(step, inQuotes(value), brokenRule(rules.string(), value, patterns));
  }
  case FieldRules::kBytes: {
    std::string value = get(&R::GetString, &R::GetRepeatedString);
    return broken(step, absl::StrCat(value.size(), " bytes"),
                  brokenRule(rules.bytes(), value, patterns));
  }
  case FieldRules::kEnum: {
    int32_t value = get(&R::GetEnumValue, &R::GetRepeatedEnumValue);
    const auto& type = *field.enum_type();
    auto show = [&](int32_t n) {
      const auto* known = type.FindValueByNumber(n);
      return known == nullptr ? absl::StrCat(n) : known->name();
    };
    if (rules.enum_().defined_only() && type.FindValueByNumber(value) == nullptr) {
      return fieldError(step.path(), absl::StrCat(value),
                        absl::StrCat("a defined value of ", type.full_name()));
    }
    if (rules.enum_().has_const_() && value != rules.enum_().const_()) {
      return fieldError(step.path(), show(value), show(rules.enum_().const_()));
    }
    return broken(step, show(value), brokenSet(rules.enum_(), value, show));
  }
  default:
    return absl::OkStatus();
  }
}

absl::Status Validator::State::nested(const Message& value, const FieldRules& rules,
                                      const PathStep& step) {
  if (rules.message().skip())
    return absl::OkStatus();
  const Descriptor& type = *value.GetDescriptor();
  if (isWrapper(type))
    return this->value(value, *type.FindFieldByNumber(1), -1, rules, step);
  switch (type.well_known_type()) {
  case Descriptor::WELLKNOWNTYPE_DURATION: {
    const auto& duration = static_cast<const google::protobuf::Duration&>(value);
    return broken(step, showInstant<google::protobuf::Duration>(duration),
                  brokenDuration(rules.duration(), duration));
  }
  case Descriptor::WELLKNOWNTYPE_TIMESTAMP: {
    const auto& time = static_cast<const google::protobuf::Timestamp&>(value);
    return broken(step, showInstant<google::protobuf::Timestamp>(time),
                  brokenInstant(rules.timestamp(), time));
  }
  case Descriptor::WELLKNOWNTYPE_ANY: {
    const auto& any = static_cast<const google::protobuf::Any&>(value);
    auto show = [](std::string_view url) { return inQuotes(url); };
    std::string expected = brokenSet(rules.any(), any.type_url(), show);
    if (!expected.empty())
      return fieldError(step.path(), inQuotes(any.type_url()), expected);
    return this->any(any, step);
  }
  default:
    return message(value, step);
  }
}

absl::Status Validator::State::any(const google::protobuf::Any& value, const PathStep& step) {
  if (value.type_url().empty())
    return absl::OkStatus();
  auto unpacked = unpack(value, step.path());
  if (!unpacked.ok()) { // An unknown type is for whoever resolves the extension to refuse.
    return unpacked.status().code() == absl::StatusCode::kNotFound ? absl::OkStatus()
                                                                   : unpacked.status();
  }
  PathStep inside = step;
  if (unpacked->path.str() != step.text())
    inside = step.field("value");
  return message(*unpacked->message, inside);
}

Validator::Validator() : state_(std::make_unique<State>()) {}
Validator::~Validator() = default;

absl::Status Validator::check(const Message& message, const FieldPath& root) {
  return state_->message(message, PathStep::root(root));
}

absl::Status validate(const Message& message, const FieldPath& root) {
  return Validator().check(message, root);
}

} // namespace moe::config
