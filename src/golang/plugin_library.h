#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/strings.h"
#include "moe/go_abi.h"

namespace moe::golang {

// The functions that a library of Go HTTP filters exports.
struct HttpFunctions {
  abi::NewHttpPluginConfig* newConfig = nullptr;
  abi::DestroyHttpPluginConfig* destroyConfig = nullptr;
  abi::MergeHttpPluginConfig* mergeConfig = nullptr;
  abi::OnHttpHeader* onHeader = nullptr;
  abi::OnHttpData* onData = nullptr;
  abi::OnHttpLog* onLog = nullptr;
  abi::OnHttpStreamComplete* onStreamComplete = nullptr;
  abi::OnHttpDestroy* onDestroy = nullptr;
  abi::RequestSemaDec* semaDec = nullptr;
};

// A loaded shared library with its own Go runtime. It is never unloaded: Go's threads run on until
// the process ends. Immutable after load; any thread.
class PluginLibrary {
public:
  // For load() and for tests, where the functions need not come from a library.
  PluginLibrary(std::string path, const HttpFunctions& http)
      : path_(std::move(path)), http_(http) {}
  // Loads `path` (about 10 ms). Errors say what was found and expected, without a field path.
  static absl::StatusOr<std::shared_ptr<const PluginLibrary>> load(const std::string& path);

  const std::string& path() const { return path_; }
  const HttpFunctions& http() const { return http_; }

private:
  std::string path_;
  HttpFunctions http_;
};
using PluginLibraryPtr = std::shared_ptr<const PluginLibrary>;

struct PluginIdentity;

// A plugin name that a filter was configured with.
struct Plugin {
  PluginLibraryPtr library;
  std::shared_ptr<PluginIdentity> identity;
};

// The libraries of the process by library_id, and which plugin name is in which. Main thread.
class Plugins {
public:
  // Loads the library, once for an id. The same id with another path is an error.
  absl::StatusOr<PluginLibraryPtr> library(const std::string& id, const std::string& path);
  // The plugin of this name, which is in `library`. In another one too is an error: routes give
  // their configuration by the name alone, and each library parses its own.
  absl::StatusOr<Plugin> plugin(const std::string& name, const PluginLibraryPtr& library);
  // Null if no filter was configured with this name.
  PluginLibraryPtr find(const std::string& pluginName) const;

private:
  base::StringMap<PluginLibraryPtr> byId_;
  base::StringMap<Plugin> byPlugin_;
};

} // namespace moe::golang
