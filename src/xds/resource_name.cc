#include "xds/resource_name.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "base/strings.h"
#include "config/typed_config.h"
#include "config/utf8.h"

namespace moe::xds {
namespace {

using google::protobuf::internal::WireFormatLite;

constexpr uint32_t kNameTag = (1 << 3) | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;

absl::Status noMessage(const google::protobuf::Any& body) {
  return absl::InvalidArgumentError(
      base::cat("found bytes that do not parse, expected ", config::typeNameOf(body.type_url())));
}

} // namespace

absl::StatusOr<std::string> resourceName(const google::protobuf::Any& body) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(body.value().data()),
                                            static_cast<int>(body.value().size()));
  std::string name;
  while (const uint32_t tag = in.ReadTag()) {
    // The last one counts, as for every singular field.
    const bool read = tag == kNameTag ? WireFormatLite::ReadString(&in, &name)
                                      : WireFormatLite::SkipField(&in, tag);
    if (!read) {
      return noMessage(body);
    }
  }
  if (!in.ConsumedEntireMessage()) {
    return noMessage(body);
  }
  if (name.empty()) {
    return absl::InvalidArgumentError("found a resource without a name, expected one with a name");
  }
  if (!config::isUtf8(name)) {
    return absl::InvalidArgumentError("found a name that is not UTF-8, expected a name in UTF-8");
  }
  return name;
}

} // namespace moe::xds
