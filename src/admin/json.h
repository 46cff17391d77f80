#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "admin/message.h"

namespace google::protobuf {
class Message;
}

namespace moe::admin {

// proto3's JSON of a message, indented, with the .proto names of fields. `defaults`: shows fields
// of numbers, texts and bools that are not set, too.
absl::StatusOr<std::string> toJson(const google::protobuf::Message& message, bool defaults);
// The same as an answer; 500 with the reason where it cannot be said in JSON.
Response jsonOf(const google::protobuf::Message& message, bool defaults = false);

} // namespace moe::admin
