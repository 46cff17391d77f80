// Booleans, numbers, strings, bytes and enums of the proto3 JSON mapping.
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/converter.h"
#include "config/suggest.h"
#include "config/utf8.h"

namespace moe::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// base64 with the standard or the URL-safe alphabet, padded or not.
bool decodeBase64(std::string_view text, std::string& out) {
  std::string standard = absl::StrReplaceAll(text, {{"-", "+"}, {"_", "/"}});
  return absl::Base64Unescape(standard, &out);
}

template <class T> std::optional<T> narrowed(const Integer& from) {
  if (from.isNegative) {
    if constexpr (std::is_signed_v<T>) {
      if (from.magnitude <= static_cast<uint64_t>(std::numeric_limits<T>::max()) + 1) {
        return static_cast<T>(-from.magnitude);
      }
      return std::nullopt;
    } else {
      return from.magnitude == 0 ? std::optional<T>(0) : std::nullopt;
    }
  }
  if (from.magnitude > static_cast<uint64_t>(std::numeric_limits<T>::max()))
    return std::nullopt;
  return static_cast<T>(from.magnitude);
}

template <class T> std::string rangeText() {
  return absl::StrCat("an integer from ", std::numeric_limits<T>::min(), " to ",
                      std::numeric_limits<T>::max());
}

} // namespace

absl::Status Converter::scalar(const Node& from, Message& to, const Field& field, bool add,
                               const Step& step) {
  if (auto status = enter(from, step); !status.ok())
    return status;
  const auto& reflection = *to.GetReflection();
  switch (field.cpp_type()) {
  case Field::CPPTYPE_BOOL: {
    if (from.kind != Node::Kind::kScalar || from.plain() != Node::Plain::kBool) {
      return wrong(from, step, "true or false");
    }
    bool value = from.text[0] == 't' || from.text[0] == 'T';
    add ? reflection.AddBool(&to, &field, value) : reflection.SetBool(&to, &field, value);
    return absl::OkStatus();
  }
  case Field::CPPTYPE_STRING: {
    std::string value;
    if (field.type() == Field::TYPE_BYTES) {
      if (from.kind != Node::Kind::kScalar || !decodeBase64(from.text, value)) {
        return wrong(from, step, "bytes in base64");
      }
    } else if (from.kind == Node::Kind::kScalar && !from.isString()) {
      return wrong(from, step, absl::StrCat("a string: write \"", from.text, "\""));
    } else if (!from.isString()) {
      return wrong(from, step, "a string");
    } else if (!isUtf8(from.text)) {
      return wrong(from, step, "text in UTF-8");
    } else {
      value = from.text;
    }
    add ? reflection.AddString(&to, &field, std::move(value))
        : reflection.SetString(&to, &field, std::move(value));
    return absl::OkStatus();
  }
  case Field::CPPTYPE_ENUM:
    return enumValue(from, to, field, add, step);
  default:
    return number(from, to, field, add, step);
  }
}

absl::Status Converter::number(const Node& from, Message& to, const Field& field, bool add,
                               const Step& step) {
  const auto& reflection = *to.GetReflection();
  const bool isScalar = from.kind == Node::Kind::kScalar;
  auto floating = [&](double limit) -> std::optional<double> {
    if (!isScalar)
      return std::nullopt;
    auto value = parseFloat(from.text, !from.isQuoted);
    if (value && std::isfinite(*value) && std::fabs(*value) > limit)
      return std::nullopt;
    return value;
  };
  auto whole = isScalar ? parseInteger(from.text, !from.isQuoted) : std::nullopt;
  auto set = [&]<class T>(auto setter, auto adder) -> absl::Status {
    auto value = whole ? narrowed<T>(*whole) : std::nullopt;
    if (!value)
      return wrong(from, step, rangeText<T>());
    add ? (reflection.*adder)(&to, &field, *value) : (reflection.*setter)(&to, &field, *value);
    return absl::OkStatus();
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
  case Field::CPPTYPE_INT32:
    return set.operator()<int32_t>(&R::SetInt32, &R::AddInt32);
  case Field::CPPTYPE_INT64:
    return set.operator()<int64_t>(&R::SetInt64, &R::AddInt64);
  case Field::CPPTYPE_UINT32:
    return set.operator()<uint32_t>(&R::SetUInt32, &R::AddUInt32);
  case Field::CPPTYPE_UINT64:
    return set.operator()<uint64_t>(&R::SetUInt64, &R::AddUInt64);
  case Field::CPPTYPE_FLOAT: {
    auto value = floating(std::numeric_limits<float>::max());
    if (!value)
      return wrong(from, step, "a number");
    float narrow = static_cast<float>(*value);
    add ? reflection.AddFloat(&to, &field, narrow) : reflection.SetFloat(&to, &field, narrow);
    return absl::OkStatus();
  }
  case Field::CPPTYPE_DOUBLE: {
    auto value = floating(std::numeric_limits<double>::max());
    if (!value)
      return wrong(from, step, "a number");
    add ? reflection.AddDouble(&to, &field, *value) : reflection.SetDouble(&to, &field, *value);
    return absl::OkStatus();
  }
  default:
    return error(from.mark, step, "the type of this field is not supported");
  }
}

absl::Status Converter::enumValue(const Node& from, Message& to, const Field& field, bool add,
                                  const Step& step) {
  const auto& type = *field.enum_type();
  const google::protobuf::EnumValueDescriptor* value = nullptr;
  std::optional<int32_t> number;
  if (from.kind == Node::Kind::kNull) {
    number = 0; // NullValue: nothing else gets here.
  } else if (from.isString()) {
    value = type.FindValueByName(from.text);
    if (value != nullptr)
      number = value->number();
  } else if (from.kind == Node::Kind::kScalar) {
    if (auto whole = parseInteger(from.text, true))
      number = narrowed<int32_t>(*whole);
  }
  if (!number) {
    std::vector<std::string> names;
    names.reserve(static_cast<size_t>(type.value_count()));
    for (int i = 0; i < type.value_count(); ++i)
      names.push_back(type.value(i)->name());
    std::string expected = absl::StrCat("a value of ", type.full_name());
    std::string near = suggestion(from.text, names);
    if (near.empty()) {
      constexpr size_t kShown = 8;
      for (size_t i = 0; i < names.size() && i < kShown; ++i) {
        absl::StrAppend(&expected, i == 0 ? ": " : ", ", names[i]);
      }
      if (names.size() > kShown)
        absl::StrAppend(&expected, ", ...");
    } else {
      absl::StrAppend(&expected, ", ", near);
    }
    return wrong(from, step, expected);
  }
  const auto& reflection = *to.GetReflection();
  add ? reflection.AddEnumValue(&to, &field, *number)
      : reflection.SetEnumValue(&to, &field, *number);
  return absl::OkStatus();
}

} // namespace moe::config
