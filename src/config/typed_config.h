#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/field_path.h"

namespace moe::config {

/// The message inside an Any.
struct Unpacked {
  /// The message. Where a TypedStruct names a type that is not compiled in, the TypedStruct itself.
  std::unique_ptr<google::protobuf::Message> message;
  /// Full name of the type meant: for a TypedStruct, that of its inner type.
  std::string typeName;
  /// Path of the message's fields (below `value` for a TypedStruct).
  FieldPath path;
};

/// `a.b.C` of `type.googleapis.com/a.b.C`.
std::string_view typeNameOf(std::string_view typeUrl);

/// Unpacks `any`, and a udpa or xds TypedStruct in it, to the message of the compiled type.
/// Errors (empty type URL, unknown type, bytes or values that do not fit) name the type URL.
absl::StatusOr<Unpacked> unpack(const google::protobuf::Any& any, const FieldPath& path);

/// Error for a message of another type than expected.
absl::Status wrongType(const FieldPath& path, std::string_view found, std::string_view expected);

/// Unpacks an Any (or TypedStruct) that must hold an `M`.
template <class M>
absl::StatusOr<M> unpackTo(const google::protobuf::Any& any, const FieldPath& path = FieldPath()) {
  if (typeNameOf(any.type_url()) == M::descriptor()->full_name()) { // The usual case: one parse.
    M message;
    if (!message.ParseFromString(any.value())) {
      return fieldError(path, "bytes that do not parse", M::descriptor()->full_name());
    }
    return message;
  }
  auto unpacked = unpack(any, path);
  if (!unpacked.ok())
    return unpacked.status();
  if (unpacked->message->GetDescriptor() != M::descriptor()) {
    return wrongType(path, unpacked->typeName, M::descriptor()->full_name());
  }
  return std::move(static_cast<M&>(*unpacked->message));
}

/// Error for an extension nobody offers: names the extension, its type URL and the supported types.
/// NotFound, so that an optional extension can be left out for this reason only.
absl::Status unsupportedExtension(const FieldPath& path, std::string_view extensionName,
                                  std::string_view typeUrl,
                                  const std::vector<std::string>& supported);

/// Extension factories keyed by the full name of the configuration message they take, e.g.
/// "envoy.extensions.filters.http.router.v3.Router". The server fills one per kind of extension and
/// passes it down by const reference. Owns its factories. Read-only use is safe from any thread.
template <class Factory> class FactoryMap {
public:
  /// AlreadyExists where the type has a factory.
  absl::Status add(std::string messageName, std::unique_ptr<Factory> factory) {
    auto [it, fresh] = factories_.try_emplace(std::move(messageName), nullptr);
    if (!fresh)
      return absl::AlreadyExistsError("two factories for " + it->first);
    it->second = std::move(factory);
    return absl::OkStatus();
  }

  /// The factory for a message type, or null. Borrowed from the map.
  Factory* find(std::string_view messageName) const {
    auto it = factories_.find(messageName);
    return it == factories_.end() ? nullptr : it->second.get();
  }

  struct Resolved {
    Factory* factory = nullptr; ///< Borrowed from the map.
    Unpacked config;
  };

  /// The factory for the message in `any` and that message, unpacked. `path` is that of the Any,
  /// `extensionName` the `name` beside it (for errors only, as in Envoy since 1.22).
  absl::StatusOr<Resolved> resolve(const google::protobuf::Any& any, std::string_view extensionName,
                                   const FieldPath& path) const {
    auto config = unpack(any, path);
    if (!config.ok()) {
      if (config.status().code() != absl::StatusCode::kNotFound)
        return config.status();
      return unsupportedExtension(path, extensionName, any.type_url(), supported());
    }
    Factory* factory = find(config->typeName);
    if (factory == nullptr)
      factory = find(config->message->GetDescriptor()->full_name());
    if (factory == nullptr) {
      return unsupportedExtension(path, extensionName, config->typeName, supported());
    }
    return Resolved{factory, std::move(*config)};
  }

  /// Sorted names of the message types that have a factory.
  std::vector<std::string> supported() const;
  size_t size() const { return factories_.size(); }

private:
  absl::flat_hash_map<std::string, std::unique_ptr<Factory>> factories_;
};

template <class Factory> std::vector<std::string> FactoryMap<Factory>::supported() const {
  std::vector<std::string> names;
  for (const auto& [name, factory] : factories_)
    names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace moe::config
