#pragma once

#include <string_view>

namespace google::protobuf {
class Message;
}

namespace moe::admin {

inline constexpr std::string_view kRedacted = "[redacted]";

// Replaces secrets in a message by "[redacted]", through every Any: texts and bytes below fields
// that Envoy's API marks sensitive (udpa.annotations.sensitive), below private_key, password and
// the call credentials of google_grpc, and in a Struct below keys that end in password, passwd,
// private_key, secret, token or api_key, however they are written. Names of files and of
// environment variables stay. An Any of a type that is not compiled in becomes a text that says so.
void redact(google::protobuf::Message& message);

} // namespace moe::admin
