#include "config/typed_config.h"

#include <google/protobuf/struct.pb.h>
#include <udpa/type/v1/typed_struct.pb.h>
#include <xds/type/v3/typed_struct.pb.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/load.h"

namespace moe::config {
namespace {

const google::protobuf::Message* prototypeOf(std::string_view typeName) {
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      std::string(typeName));
  return type == nullptr
             ? nullptr
             : google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
}

/// The message that a TypedStruct of either package stands for.
template <class TypedStruct>
absl::StatusOr<Unpacked> unwrap(std::unique_ptr<google::protobuf::Message> wrapped,
                                const FieldPath& path) {
  const auto& outer = static_cast<const TypedStruct&>(*wrapped);
  Unpacked result;
  result.typeName = std::string(typeNameOf(outer.type_url()));
  result.path = path.field("value");
  if (result.typeName.empty()) { // a plain structure, as Go plugins are configured with
    result.typeName = std::string(TypedStruct::descriptor()->full_name());
    result.message = std::move(wrapped);
    result.path = path;
    return result;
  }
  const auto* prototype = prototypeOf(result.typeName);
  if (prototype == nullptr) {
    result.message = std::move(wrapped);
    return result;
  }
  result.message.reset(prototype->New());
  auto status = loadStruct(outer.value(), *result.message, result.path);
  if (!status.ok())
    return status;
  return result;
}

} // namespace

std::string_view typeNameOf(std::string_view typeUrl) {
  size_t slash = typeUrl.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : typeUrl.substr(slash + 1);
}

absl::StatusOr<Unpacked> unpack(const google::protobuf::Any& any, const FieldPath& path) {
  std::string_view name = typeNameOf(any.type_url());
  if (name.empty()) {
    return fieldError(path, any.type_url().empty() ? "no \"@type\"" : inQuotes(any.type_url()),
                      "a type URL such as \"type.googleapis.com/package.Message\"");
  }
  const auto* prototype = prototypeOf(name);
  if (prototype == nullptr) {
    return fieldError(path, absl::StrCat("unknown type ", inQuotes(any.type_url())),
                      absl::StatusCode::kNotFound);
  }
  Unpacked result{std::unique_ptr<google::protobuf::Message>(prototype->New()), std::string(name),
                  path};
  if (!result.message->ParseFromString(any.value())) {
    return fieldError(path, absl::StrCat(any.value().size(), " bytes that do not parse"),
                      absl::StrCat("a ", name));
  }
  if (name == udpa::type::v1::TypedStruct::descriptor()->full_name()) {
    return unwrap<udpa::type::v1::TypedStruct>(std::move(result.message), path);
  }
  if (name == xds::type::v3::TypedStruct::descriptor()->full_name()) {
    return unwrap<xds::type::v3::TypedStruct>(std::move(result.message), path);
  }
  return result;
}

absl::Status wrongType(const FieldPath& path, std::string_view found, std::string_view expected) {
  return fieldError(path, inQuotes(found), inQuotes(expected));
}

absl::Status unsupportedExtension(const FieldPath& path, std::string_view extensionName,
                                  std::string_view typeUrl,
                                  const std::vector<std::string>& supported) {
  return fieldError(path,
                    absl::StrCat("found extension ", inQuotes(extensionName), " of type ",
                                 inQuotes(typeUrl), ", expected ",
                                 supported.empty()
                                     ? "no extension here"
                                     : absl::StrCat("one of ", absl::StrJoin(supported, ", "))),
                    absl::StatusCode::kNotFound);
}

} // namespace moe::config
