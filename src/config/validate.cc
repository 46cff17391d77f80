#include "config/validate.h"

#include <vector>

#include <google/protobuf/text_format.h>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "config/map_key.h"
#include "config/typed_config.h"
#include "config/validate_state.h"

namespace moe::config {

namespace {

constexpr int kMaxDepth = 400; // Steps, not levels; parsing stops at 100 levels already.

} // namespace

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
