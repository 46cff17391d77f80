#include "xds/envelope.h"

#include "absl/container/flat_hash_set.h"
#include "base/strings.h"
#include "config/duration.h"
#include "config/typed_config.h"

namespace moe::xds {

namespace discovery = envoy::service::discovery::v3;
using config::fieldError;
using config::FieldPath;

std::string wrongBodyType(const google::protobuf::Any& body, std::string_view typeUrl,
                          const std::string& path) {
  if (config::typeNameOf(body.type_url()) == config::typeNameOf(typeUrl)) {
    return "";
  }
  return std::string(base::message(config::wrongType(
      FieldPath(path), config::inQuotes(body.type_url()), config::typeNameOf(typeUrl))));
}

void readEnvelope(discovery::Resource& from, std::string_view typeUrl, const std::string& path,
                  Incoming& to) {
  const FieldPath at(path);
  to.name = from.name().empty() ? from.resource_name().name() : from.name();
  to.version = from.version();
  to.aliases.assign(from.aliases().begin(), from.aliases().end());
  if (from.resource_name().has_dynamic_parameter_constraints()) {
    to.error =
        base::message(fieldError(at.field("resource_name").field("dynamic_parameter_constraints"),
                                 "dynamic parameters", "none, since moe does not act on them"));
    return;
  }
  if (from.has_ttl()) {
    auto ttl = config::toPositiveMillis(from.ttl(), at.field("ttl"));
    if (!ttl.ok()) {
      to.error = base::message(ttl.status());
      return;
    }
    to.ttl = *ttl;
  }
  if (from.has_resource()) {
    to.body = from.mutable_resource();
    to.error = wrongBodyType(*to.body, typeUrl, at.field("resource").str());
  }
}

absl::Status checkType(std::string_view found, std::string_view expected) {
  // A service of one type alone may leave it out.
  if (found.empty() || config::typeNameOf(found) == config::typeNameOf(expected)) {
    return absl::OkStatus();
  }
  return config::wrongType(FieldPath("type_url"), config::inQuotes(found),
                           config::typeNameOf(expected));
}

absl::Status checkNames(const Batch& batch) {
  absl::flat_hash_set<std::string_view, base::StringHash, base::StringEqual> seen;
  seen.reserve(batch.resources.size() + batch.removed.size());
  for (size_t i = 0; i < batch.resources.size(); ++i) {
    if (!seen.insert(batch.resources[i].name).second) {
      return fieldError(FieldPath("resources").index(i).field("name"),
                        base::cat(config::inQuotes(batch.resources[i].name), " again"),
                        "a name that no other resource of the response has");
    }
  }
  for (size_t i = 0; i < batch.removed.size(); ++i) {
    if (!seen.insert(batch.removed[i]).second) {
      return fieldError(FieldPath("removed_resources").index(i),
                        base::cat(config::inQuotes(batch.removed[i]), " again"),
                        "a name that is not in the response already");
    }
  }
  return absl::OkStatus();
}

void readErrors(const google::protobuf::RepeatedPtrField<discovery::ResourceError>& errors,
                Batch& batch) {
  for (const discovery::ResourceError& error : errors) {
    batch.unavailable.emplace_back(error.resource_name().name(), error.error_detail().message());
  }
}

} // namespace moe::xds
