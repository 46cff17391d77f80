#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace moe::config {

/// The key of a map's entry message (as reflection shows the entries of a map) as text.
std::string mapKey(const google::protobuf::Message& entry);

} // namespace moe::config
