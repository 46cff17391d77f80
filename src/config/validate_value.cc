// Rules for one value: a number, text, enum, wrapper, Duration or Timestamp.
#include <algorithm>
#include <cstdlib>

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/strings/str_cat.h"
#include "config/number_rules.h"
#include "config/validate_state.h"

namespace moe::config {
namespace {

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

} // namespace moe::config
