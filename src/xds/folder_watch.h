#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "event/loop.h"
#include "net/fd.h"
#include "net/fd_watcher.h"

namespace moe::xds {

// Tells of files that arrive in a folder by rename, as Kubernetes and careful writers put them
// there. One thread, the loop's.
class FolderWatch {
public:
  // `name`: what has arrived; "": something has, or the folder itself is gone. May destroy the
  // watch.
  using Callback = std::function<void(std::string_view name)>;

  // `alsoWrites`: tells of files that were written in place, too, when they are closed.
  static absl::StatusOr<std::unique_ptr<FolderWatch>>
  create(event::Loop& loop, const std::string& folder, bool alsoWrites, Callback callback);
  FolderWatch(event::Loop& loop, net::Fd fd, Callback callback);
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

private:
  void onReadable();

  net::Fd fd_;
  std::shared_ptr<Callback> callback_; // shared with a call under way
  std::unique_ptr<net::FdWatcher> watcher_;
};

} // namespace moe::xds
