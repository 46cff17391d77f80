#pragma once

#include <string_view>
#include <utility>

#include "xds/config_source.h"

namespace moe::discovery {

// The sources of all kinds of resources. Knows which stream a configuration that is compiled at the
// moment came by, which is what `self` in it means. Main thread.
class Sources {
public:
  using Opened = xds::ConfigSources::Opened;

  explicit Sources(xds::ConfigSources& sources) : sources_(sources) {}

  absl::StatusOr<Opened> open(const envoy::config::core::v3::ConfigSource& source,
                              std::string_view typeUrl, const config::FieldPath& path,
                              const stats::Scope& scope) {
    return sources_.open(source, typeUrl, path, scope, self_);
  }
  xds::ConfigSources& all() { return sources_; }

  // While it lives, `self` is this stream; null: a file.
  class By {
  public:
    By(Sources& sources, xds::Mux* stream)
        : sources_(sources), before_(std::exchange(sources.self_, stream)) {}
    ~By() { sources_.self_ = before_; }
    By(const By&) = delete;
    By& operator=(const By&) = delete;

  private:
    Sources& sources_;
    xds::Mux* before_;
  };

private:
  xds::ConfigSources& sources_;
  xds::Mux* self_ = nullptr;
};

} // namespace moe::discovery
