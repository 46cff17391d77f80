#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/any.pb.h"

namespace moe::xds {

// One resource of a response, before anybody has looked at its meaning. Its texts and its body
// belong to the response.
struct Incoming {
  std::string name;
  std::string version; // of the resource (delta) or of the response
  google::protobuf::Any* body =
      nullptr; // null: a heartbeat, or word that there is no such resource
  std::vector<std::string> aliases;
  std::optional<std::chrono::milliseconds> ttl; // without one it stays until it is removed
  std::string error; // not "": what is wrong with its envelope; its body is not looked at
};

// What a response, or a file, says about the resources of one type.
struct Batch {
  std::string version; // version_info or system_version_info
  std::vector<Incoming> resources;
  std::vector<std::string> removed;
  // What is not among `resources` does not exist (state of the world, listeners and clusters).
  bool complete = false;
  // A resource that is there is confirmed by its name alone; else (delta) by its version, too.
  bool heartbeatsByName = false;
  // Resources the control plane says it cannot give: name and why (resource_errors).
  std::vector<std::pair<std::string, std::string>> unavailable;
};

// What is kept of a resource.
struct KeptResource {
  // The bytes that were refused last, known by hash and size, since they are not used again.
  struct Refusal {
    size_t hash = 0;
    size_t size = 0;
    std::string version;
    std::string error;
    int64_t wallNanos = 0;
    bool mayPass = false; // the same bytes are worth another attempt
  };

  std::string name;
  std::vector<std::string> aliases;
  bool accepted = false;
  std::string version;        // that came with these bytes last; "" is a version, too
  std::string firstVersion;   // that came with them first
  google::protobuf::Any body; // as it was accepted; empty if nothing was
  int64_t acceptedWallNanos = 0;
  std::optional<Refusal> refusal; // of what came last, if that was refused
};

} // namespace moe::xds
