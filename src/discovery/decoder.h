#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "config/coverage.h"
#include "config/typed_config.h"
#include "config/validate.h"

namespace moe::discovery {

// From the bytes of a resource to a message that has been looked through: its type, the API's rules
// (protoc-gen-validate), and the fields that nothing acts on. Main thread.
class Decoder {
public:
  struct Options {
    const config::Coverage& coverage; // outlives the decoder
    bool strict = false;              // any field without effect is an error
    // Told once of each field without effect: a line that names it and the first resource with it.
    std::function<void(std::string line)> ignored = {};
  };
  explicit Decoder(Options options) : options_(std::move(options)) {}

  // Errors name the field below the resource; fields whose neglect would open a door are errors.
  template <class Message>
  absl::StatusOr<Message> decode(std::string_view name, const google::protobuf::Any& any) {
    absl::StatusOr<Message> message = config::unpackTo<Message>(any);
    if (message.ok()) {
      if (absl::Status status = check(name, *message); !status.ok()) {
        return status;
      }
    }
    return message;
  }

private:
  absl::Status check(std::string_view name, const google::protobuf::Message& message);

  Options options_;
  config::Validator validator_;
  absl::flat_hash_set<std::string> told_; // full names of fields
};

} // namespace moe::discovery
