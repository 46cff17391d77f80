#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/log.h"
#include "config/field_path.h"
#include "config/location_map.h"
#include "envoy/config/core/v3/config_source.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "event/loop.h"
#include "xds/folder_watch.h"
#include "xds/subscription.h"

namespace moe::xds {

// Resources of one type from a file that holds a DiscoveryResponse (PathConfigSource): `.pb` is
// binary, `.pb_text` is protobuf text, all else YAML or JSON. Read whenever a file of its name is
// moved into its folder, or anything into `watched_directory`. A bad file changes nothing and
// counts as rejected. Main thread; reading blocks.
class FileSource final : private Consumer, private event::Flushable {
public:
  struct Options {
    event::Loop& loop;
    std::string typeUrl;
    Consumer& consumer;                 // outlives the source
    SubscriptionStats* stats = nullptr; // outlives the source; may be null
    base::LoggerPtr logger;
  };
  // Error: the file or the folder is not there (path below `path`). The file is read once somebody
  // watches.
  static absl::StatusOr<std::unique_ptr<FileSource>>
  create(Options options, const envoy::config::core::v3::PathConfigSource& source,
         const config::FieldPath& path);

  FileSource(Options options, std::string file);
  ~FileSource() override;

  Subscription& subscription() { return *subscription_; }

private:
  absl::Status watchFolder(const envoy::config::core::v3::PathConfigSource& source,
                           const config::FieldPath& path);
  void onUpdate(const Update& update, Refusals& refusals) override; // adds file and line
  void flush() override;
  void load();
  absl::Status parse(envoy::service::discovery::v3::DiscoveryResponse& response);
  std::string located(std::string_view name, std::string_view text) const;

  Options options_;
  const std::string file_;
  std::unique_ptr<FolderWatch> watch_;
  // Of the file that is being read.
  config::LocationMap places_;
  base::StringMap<int> indexes_; // of resources, by name
  std::unique_ptr<Subscription> subscription_;
};

} // namespace moe::xds
