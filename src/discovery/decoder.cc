#include "discovery/decoder.h"

#include "base/strings.h"

namespace moe::discovery {

absl::Status Decoder::check(std::string_view name, const google::protobuf::Message& message) {
  if (absl::Status status = validator_.check(message); !status.ok()) {
    return status;
  }
  const config::CoverageReport report = options_.coverage.walk(message);
  for (const config::UncoveredField& field : report.refused) {
    return absl::InvalidArgumentError(base::cat(
        field.str(), ": found a security setting that moe does not act on, expected none"));
  }
  for (const config::UncoveredField& field : report.ignored) {
    if (options_.strict) {
      return absl::InvalidArgumentError(base::cat(
          field.str(), ": found a field that moe does not act on, expected none (--strict)"));
    }
    if (told_.insert(field.fullName).second && options_.ignored) {
      options_.ignored(
          base::cat(message.GetDescriptor()->name(), " \"", name, "\": ", field.str()));
    }
  }
  return absl::OkStatus();
}

} // namespace moe::discovery
