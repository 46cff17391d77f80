#include "admin/json.h"

#include <google/protobuf/util/json_util.h>

#include "base/strings.h"

namespace moe::admin {

absl::StatusOr<std::string> toJson(const google::protobuf::Message& message, bool defaults) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = defaults;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  if (!status.ok()) {
    return absl::InternalError(status.ToString());
  }
  return out;
}

Response jsonOf(const google::protobuf::Message& message, bool defaults) {
  auto text = toJson(message, defaults);
  if (!text.ok()) {
    return {.status = 500, .body = base::cat(base::message(text.status()), "\n")};
  }
  return jsonResponse(std::move(*text));
}

} // namespace moe::admin
