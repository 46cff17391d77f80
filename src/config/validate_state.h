#pragma once

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <validate/validate.pb.h>

#include "absl/status/status.h"
#include "config/path_step.h"
#include "config/string_rules.h"
#include "config/validate.h"

namespace moe::config {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using ::validate::FieldRules;

/// The walk behind Validator. Internal to validate*.cc.
struct Validator::State {
  PatternCache patterns;

  absl::Status message(const Message& message, const PathStep& step);
  absl::Status field(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                     const PathStep& step);
  absl::Status repeated(const Message& message, const FieldDescriptor& field,
                        const FieldRules& rules, const PathStep& step);
  absl::Status map(const Message& message, const FieldDescriptor& field, const FieldRules& rules,
                   const PathStep& step);
  /// One value: a singular field (index -1) or an element.
  absl::Status value(const Message& message, const FieldDescriptor& field, int index,
                     const FieldRules& rules, const PathStep& step);
  absl::Status nested(const Message& value, const FieldRules& rules, const PathStep& step);
  absl::Status any(const google::protobuf::Any& value, const PathStep& step);
};

} // namespace moe::config
