#include "admin/redact.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <vector>

#include "base/strings.h"
#include "udpa/annotations/sensitive.pb.h"

namespace moe::admin {
namespace {

using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kSensitiveFields[] = {"private_key", "password", "access_token",
                                                 "google_refresh_token", "json_key"};
// Of keys in lower case without '_' and '-'.
constexpr std::string_view kSensitiveEnds[] = {"password", "passwd", "privatekey",
                                               "secret",   "token",  "apikey"};
constexpr std::string_view kWhereabouts[] = {"filename", "environment_variable"};

template <size_t N> bool contains(const std::string_view (&list)[N], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool sensitive(const FieldDescriptor& field) {
  return field.options().GetExtension(udpa::annotations::sensitive) ||
         contains(kSensitiveFields, field.name());
}

bool sensitiveKey(std::string_view key) {
  std::string plain;
  for (const char c : key) {
    if (c != '_' && c != '-') {
      plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    }
  }
  return std::any_of(std::begin(kSensitiveEnds), std::end(kSensitiveEnds),
                     [&](std::string_view end) { return plain.ends_with(end); });
}

// `hide`: the message is inside a secret.
void walk(Message& message, bool hide);

void walkStruct(Struct& fields, bool hide);

void walkValue(Value& value, bool hide) {
  switch (value.kind_case()) {
  case Value::kStructValue:
    walkStruct(*value.mutable_struct_value(), hide);
    break;
  case Value::kListValue:
    for (Value& item : *value.mutable_list_value()->mutable_values()) {
      walkValue(item, hide);
    }
    break;
  case Value::kStringValue:
  case Value::kNumberValue:
    if (hide) {
      value.set_string_value(std::string(kRedacted));
    }
    break;
  default:
    break;
  }
}

void walkStruct(Struct& fields, bool hide) {
  for (auto& [key, value] : *fields.mutable_fields()) {
    walkValue(value, (hide || sensitiveKey(key)) && !contains(kWhereabouts, key));
  }
}

void walkAny(Any& any, bool hide) {
  const std::string_view url = any.type_url();
  const std::string name(url.substr(url.rfind('/') + 1));
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  const Message* prototype =
      descriptor == nullptr
          ? nullptr
          : google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
  std::unique_ptr<Message> inside(prototype == nullptr ? nullptr : prototype->New());
  if (inside == nullptr || !inside->ParseFromString(any.value())) {
    google::protobuf::StringValue text;
    text.set_value(base::cat(any.value().size(), " bytes of ",
                             inside == nullptr ? "the unknown type " : "broken ", name));
    any.PackFrom(text);
    return;
  }
  walk(*inside, hide);
  any.set_value(inside->SerializeAsString());
}

void walkText(Message& message, const Reflection& reflection, const FieldDescriptor& field) {
  if (!field.is_repeated()) {
    reflection.SetString(&message, &field, std::string(kRedacted));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    reflection.SetRepeatedString(&message, &field, i, std::string(kRedacted));
  }
}

void walk(Message& message, bool hide) {
  if (auto* any = google::protobuf::DynamicCastToGenerated<Any>(&message)) {
    walkAny(*any, hide);
    return;
  }
  if (auto* fields = google::protobuf::DynamicCastToGenerated<Struct>(&message)) {
    walkStruct(*fields, hide);
    return;
  }
  const Reflection& reflection = *message.GetReflection();
  const bool mapEntry = message.GetDescriptor()->options().map_entry();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool inside = (hide || sensitive(*field)) && !contains(kWhereabouts, field->name()) &&
                        !(mapEntry && field->number() == 1);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (inside) {
        walkText(message, reflection, *field);
      }
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (!field->is_repeated()) {
      walk(*reflection.MutableMessage(&message, field), inside);
    } else {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        walk(*reflection.MutableRepeatedMessage(&message, field, i), inside);
      }
    }
  }
}

} // namespace

void redact(Message& message) { walk(message, false); }

} // namespace moe::admin
