#pragma once

#include <memory>

#include "absl/status/status.h"
#include "config/field_path.h"

namespace google::protobuf {
class Message;
}

namespace moe::config {

/// Checks messages against the protoc-gen-validate rules in their .proto files (`validate.rules`,
/// required oneofs), through nested messages and through each Any whose type is known.
/// Keeps compiled patterns between calls. One thread at a time.
class Validator {
public:
  Validator();
  ~Validator();
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;

  /// The first rule broken, as a fieldError below `root`, or OK.
  absl::Status check(const google::protobuf::Message& message, const FieldPath& root = FieldPath());

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One check with a Validator of its own.
absl::Status validate(const google::protobuf::Message& message,
                      const FieldPath& root = FieldPath());

} // namespace moe::config
