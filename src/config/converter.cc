#include "config/converter.h"

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "config/suggest.h"

namespace moe::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

/// More than any honest use of aliases adds to a text.
constexpr size_t kSpareValues = 1'000'000;

const FieldDescriptor* findField(const Descriptor& type, const std::string& name) {
  if (const auto* field = type.FindFieldByName(name))
    return field;
  if (const auto* field = type.FindFieldByCamelcaseName(name))
    return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->has_json_name() && type.field(i)->json_name() == name)
      return type.field(i);
  }
  return nullptr;
}

} // namespace

Converter::Converter(std::shared_ptr<const std::string> file, const FieldPath& root,
                     const LoadOptions& options, LocationMap* locations, size_t textSize)
    : file_(std::move(file)), root_(root), options_(options), locations_(locations),
      budget_(textSize + kSpareValues) {}

absl::Status Converter::convert(const Node& from, Message& to) {
  return message(from, to, Step::root(root_));
}

absl::Status Converter::located(Mark mark, absl::Status status) const {
  if (file_ == nullptr || mark.line == 0)
    return status;
  return config::located(status, Location{file_, mark.line, mark.column});
}

absl::Status Converter::error(Mark mark, const Step& step, std::string_view found,
                              std::string_view expected) const {
  return located(mark, fieldError(step.path(), found, expected));
}

absl::Status Converter::error(Mark mark, const Step& step, std::string_view text) const {
  return located(mark, fieldError(step.path(), text));
}

absl::Status Converter::enter(const Node& from, const Step& step) {
  if (step.depth > 2 * options_.maxDepth) { // A list in a field makes two steps of one level.
    return located(from.mark,
                   absl::InvalidArgumentError(absl::StrCat("nested deeper than ", options_.maxDepth,
                                                           " levels (an alias inside itself?)")));
  }
  if (budget_ == 0) {
    return located(from.mark, absl::ResourceExhaustedError("aliases expand to too many values"));
  }
  --budget_;
  if (locations_ != nullptr && file_ != nullptr && from.mark.line != 0) {
    locations_->add(step.text(), Location{file_, from.mark.line, from.mark.column});
  }
  return absl::OkStatus();
}

absl::Status Converter::message(const Node& from, Message& to, const Step& step) {
  if (auto status = enter(from, step); !status.ok())
    return status;
  if (to.GetDescriptor()->well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
    return wellKnown(from, to, step);
  }
  if (from.kind != Node::Kind::kObject) {
    return wrong(from, step,
                 absl::StrCat("an object with the fields of ", to.GetDescriptor()->full_name()));
  }
  return fields(from, to, step, /*skipType=*/false);
}

absl::Status Converter::fields(const Node& from, Message& to, const Step& step, bool skipType) {
  const auto& reflection = *to.GetReflection();
  absl::flat_hash_set<const Field*> seen;
  for (const Node::Entry& entry : from.entries) {
    if (skipType && entry.key == "@type")
      continue;
    const Field* field = findField(*to.GetDescriptor(), entry.key);
    if (field == nullptr) {
      if (auto status = unknownField(entry, to, step); !status.ok())
        return status;
      continue;
    }
    Step inside = step.field(field->name());
    if (!seen.insert(field).second) {
      return error(entry.mark, inside, "found a second time in the same object, expected once");
    }
    if (entry.value->kind == Node::Kind::kNull && (field->is_repeated() || !takesNull(*field))) {
      continue; // Null is unset.
    }
    if (const auto* oneof = field->real_containing_oneof()) {
      if (const auto* other = reflection.GetOneofFieldDescriptor(to, oneof)) {
        return error(entry.mark, inside,
                     absl::StrCat("found beside \"", other->name(), "\", expected only one of \"",
                                  other->name(), "\" and \"", field->name(), "\" (oneof ",
                                  oneof->name(), ")"));
      }
    }
    if (auto status = this->field(*entry.value, to, *field, inside); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status Converter::unknownField(const Node::Entry& entry, const Message& to,
                                     const Step& step) {
  const Descriptor& type = *to.GetDescriptor();
  Step inside = step.field(entry.key);
  if (options_.allowUnknownFields) {
    if (options_.skipped != nullptr) {
      options_.skipped->emplace_back(
          error(entry.mark, inside, absl::StrCat("unknown field of ", type.full_name())).message());
    }
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i)
    names.push_back(type.field(i)->name());
  std::string near = suggestion(entry.key, names);
  return error(entry.mark, inside,
               absl::StrCat("unknown field ", inQuotes(entry.key), " in ", type.full_name(),
                            near.empty() ? "" : ", ", near));
}

absl::Status Converter::field(const Node& from, Message& to, const Field& field, const Step& step) {
  if (field.is_map())
    return map(from, to, field, step);
  if (field.is_repeated())
    return list(from, to, field, step);
  if (field.cpp_type() != Field::CPPTYPE_MESSAGE)
    return scalar(from, to, field, false, step);
  return message(from, *to.GetReflection()->MutableMessage(&to, &field), step);
}

absl::Status Converter::list(const Node& from, Message& to, const Field& field, const Step& step) {
  if (auto status = enter(from, step); !status.ok())
    return status;
  if (from.kind != Node::Kind::kList)
    return wrong(from, step, "a list");
  size_t i = 0;
  for (const Node* item : from.items) {
    Step inside = step.at(i++);
    if (item->kind == Node::Kind::kNull && !takesNull(field)) {
      return wrong(*item, inside, "a value");
    }
    absl::Status status = field.cpp_type() == Field::CPPTYPE_MESSAGE
                              ? message(*item, *to.GetReflection()->AddMessage(&to, &field), inside)
                              : scalar(*item, to, field, true, inside);
    if (!status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status Converter::map(const Node& from, Message& to, const Field& field, const Step& step) {
  if (auto status = enter(from, step); !status.ok())
    return status;
  if (from.kind != Node::Kind::kObject)
    return wrong(from, step, "an object");
  const Field& key = *field.message_type()->map_key();
  const Field& value = *field.message_type()->map_value();
  absl::flat_hash_set<std::string_view> seen;
  for (const Node::Entry& entry : from.entries) {
    Step inside = step.key(entry.key);
    if (!seen.insert(entry.key).second) {
      return error(entry.mark, inside, "found a second time in the same object, expected once");
    }
    if (entry.value->kind == Node::Kind::kNull && !takesNull(value)) {
      return wrong(*entry.value, inside, "a value");
    }
    Node name; // Keys are strings in JSON, whatever the key's type.
    name.kind = Node::Kind::kScalar;
    name.text = entry.key;
    name.isQuoted = key.cpp_type() == Field::CPPTYPE_STRING;
    name.mark = entry.mark;
    Message& pair = *to.GetReflection()->AddMessage(&to, &field);
    if (auto status = scalar(name, pair, key, false, inside); !status.ok())
      return status;
    if (auto status = this->field(*entry.value, pair, value, inside); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

bool takesNull(const google::protobuf::FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return field.enum_type()->full_name() == "google.protobuf.NullValue";
  }
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->well_known_type() == Descriptor::WELLKNOWNTYPE_VALUE;
}

} // namespace moe::config
