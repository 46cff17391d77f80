#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace moe::config {

// The same bytes for equal messages, whatever the order of their maps. (Of what is inside an Any
// the bytes count.)
std::string deterministic(const google::protobuf::Message& message);

} // namespace moe::config
