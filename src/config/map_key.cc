#include "config/map_key.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/str_cat.h"

namespace moe::config {

std::string mapKey(const google::protobuf::Message& entry) {
  using google::protobuf::FieldDescriptor;
  const FieldDescriptor* key = entry.GetDescriptor()->map_key();
  const auto& reflection = *entry.GetReflection();
  switch (key->cpp_type()) {
  case FieldDescriptor::CPPTYPE_STRING:
    return reflection.GetString(entry, key);
  case FieldDescriptor::CPPTYPE_BOOL:
    return reflection.GetBool(entry, key) ? "true" : "false";
  case FieldDescriptor::CPPTYPE_INT32:
    return absl::StrCat(reflection.GetInt32(entry, key));
  case FieldDescriptor::CPPTYPE_INT64:
    return absl::StrCat(reflection.GetInt64(entry, key));
  case FieldDescriptor::CPPTYPE_UINT32:
    return absl::StrCat(reflection.GetUInt32(entry, key));
  case FieldDescriptor::CPPTYPE_UINT64:
    return absl::StrCat(reflection.GetUInt64(entry, key));
  default:
    return "?";
  }
}

} // namespace moe::config
