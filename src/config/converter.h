#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "config/field_path.h"
#include "config/load.h"
#include "config/location_map.h"
#include "config/node.h"
#include "config/path_step.h"

namespace moe::config {

/// Fills a message from a Document by the proto3 JSON mapping. Internal to load.h.
class Converter {
public:
  /// `file` may be null (no text); all arguments must outlive the converter.
  Converter(std::shared_ptr<const std::string> file, const FieldPath& root,
            const LoadOptions& options, LocationMap* locations, size_t textSize);

  absl::Status convert(const Node& from, google::protobuf::Message& to);

private:
  using Field = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  using Step = PathStep;

  absl::Status error(Mark mark, const Step& step, std::string_view found,
                     std::string_view expected) const;
  absl::Status error(Mark mark, const Step& step, std::string_view text) const;
  absl::Status wrong(const Node& from, const Step& step, std::string_view expected) const {
    return error(from.mark, step, from.describe(), expected);
  }
  absl::Status located(Mark mark, absl::Status status) const;
  /// Notes the place of a value; fails where depth or size is beyond the limits.
  absl::Status enter(const Node& from, const Step& step);

  // converter.cc: messages and their fields.
  absl::Status message(const Node& from, Message& to, const Step& step);
  absl::Status fields(const Node& from, Message& to, const Step& step, bool skipType);
  absl::Status unknownField(const Node::Entry& entry, const Message& to, const Step& step);
  absl::Status field(const Node& from, Message& to, const Field& field, const Step& step);
  absl::Status list(const Node& from, Message& to, const Field& field, const Step& step);
  absl::Status map(const Node& from, Message& to, const Field& field, const Step& step);

  // scalars.cc. `add` appends to a repeated field.
  absl::Status scalar(const Node& from, Message& to, const Field& field, bool add,
                      const Step& step);
  absl::Status number(const Node& from, Message& to, const Field& field, bool add,
                      const Step& step);
  absl::Status enumValue(const Node& from, Message& to, const Field& field, bool add,
                         const Step& step);

  // well_known.cc.
  absl::Status wellKnown(const Node& from, Message& to, const Step& step);
  absl::Status any(const Node& from, Message& to, const Step& step);
  absl::Status duration(const Node& from, Message& to, const Step& step);
  absl::Status timestamp(const Node& from, Message& to, const Step& step);
  absl::Status fieldMask(const Node& from, Message& to, const Step& step);
  absl::Status structure(const Node& from, Message& to, const Step& step);
  absl::Status value(const Node& from, Message& to, const Step& step);
  absl::Status listValue(const Node& from, Message& to, const Step& step);

  std::shared_ptr<const std::string> file_;
  const FieldPath& root_;
  const LoadOptions& options_;
  LocationMap* locations_;
  size_t budget_; ///< Values that may still be visited: what aliases expand to counts each time.
};

/// True where null is a value of the field (Value, NullValue) and not "unset".
bool takesNull(const google::protobuf::FieldDescriptor& field);

} // namespace moe::config
