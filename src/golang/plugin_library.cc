#include "golang/plugin_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>

#include "config/field_path.h"
#include "golang/exports.h"
#include "golang/request.h"

namespace moe::golang {
namespace {

constexpr const char* kExpected = "a Go plugin (go build -buildmode=c-shared) with the HTTP filter "
                                  "package of the Envoy Go SDK";

absl::Status problem(const std::string& found) {
  return absl::InvalidArgumentError(base::cat("found ", found, ", expected ", kExpected));
}

std::string lastError() {
  const char* text = dlerror();
  return text == nullptr ? "an unknown error" : text;
}

} // namespace

absl::StatusOr<PluginLibraryPtr> PluginLibrary::load(const std::string& path) {
  linkExports();
  if (access(path.c_str(), R_OK) != 0) {
    return problem(base::cat(config::inQuotes(path), ", which cannot be read"));
  }
  // Local: each library's runtime keeps its symbols to itself.
  // A name without a slash would be looked for elsewhere.
  const std::string whole = std::filesystem::absolute(path).string();
  void* handle = dlopen(whole.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return problem(lastError());
  }
  HttpFunctions http;
  std::string missing;
  auto resolve = [&](auto*& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    if (function == nullptr && missing.empty()) {
      missing = name;
    }
  };
  resolve(http.newConfig, "envoyGoFilterNewHttpPluginConfig");
  resolve(http.destroyConfig, "envoyGoFilterDestroyHttpPluginConfig");
  resolve(http.mergeConfig, "envoyGoFilterMergeHttpPluginConfig");
  resolve(http.onHeader, "envoyGoFilterOnHttpHeader");
  resolve(http.onData, "envoyGoFilterOnHttpData");
  resolve(http.onLog, "envoyGoFilterOnHttpLog");
  resolve(http.onStreamComplete, "envoyGoFilterOnHttpStreamComplete");
  resolve(http.onDestroy, "envoyGoFilterOnHttpDestroy");
  resolve(http.semaDec, "envoyGoRequestSemaDec");
  if (!missing.empty()) {
    return problem(base::cat(config::inQuotes(path), " without the function ", missing));
  }
  return std::make_shared<const PluginLibrary>(path, http);
}

absl::StatusOr<PluginLibraryPtr> Plugins::library(const std::string& id, const std::string& path) {
  if (const auto known = byId_.find(id); known != byId_.end()) {
    if (known->second->path() != path) {
      return absl::InvalidArgumentError(base::cat(
          "found ", config::inQuotes(path), ", expected ", config::inQuotes(known->second->path()),
          ", which library_id ", config::inQuotes(id), " already stands for"));
    }
    return known->second;
  }
  auto loaded = PluginLibrary::load(path);
  if (loaded.ok()) {
    byId_.emplace(id, *loaded);
  }
  return loaded;
}

absl::StatusOr<Plugin> Plugins::plugin(const std::string& name, const PluginLibraryPtr& library) {
  if (const auto known = byPlugin_.find(name); known != byPlugin_.end()) {
    if (known->second.library->http().newConfig != library->http().newConfig) {
      return absl::InvalidArgumentError(
          base::cat("found ", config::inQuotes(name), " in the library ",
                    config::inQuotes(library->path()), ", expected it in ",
                    config::inQuotes(known->second.library->path()), " as in another filter"));
    }
    return known->second;
  }
  Plugin made{library, std::make_shared<PluginIdentity>(name)};
  byPlugin_.emplace(name, made);
  return made;
}

PluginLibraryPtr Plugins::find(const std::string& pluginName) const {
  const auto found = byPlugin_.find(pluginName);
  return found == byPlugin_.end() ? nullptr : found->second.library;
}

} // namespace moe::golang
