#include "xds/folder_watch.h"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "base/strings.h"
#include "config/field_path.h"

namespace moe::xds {

absl::StatusOr<std::unique_ptr<FolderWatch>> FolderWatch::create(event::Loop& loop,
                                                                 const std::string& folder,
                                                                 bool alsoWrites,
                                                                 Callback callback) {
  net::Fd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  uint32_t mask = IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  if (alsoWrites) {
    mask |= IN_CLOSE_WRITE;
  }
  if (!fd.valid() || inotify_add_watch(fd.get(), folder.c_str(), mask) < 0) {
    const int error = errno;
    return absl::NotFoundError(base::cat(
        config::inQuotes(folder), ": cannot be watched: ", std::string_view(std::strerror(error))));
  }
  return std::make_unique<FolderWatch>(loop, std::move(fd), std::move(callback));
}

FolderWatch::FolderWatch(event::Loop& loop, net::Fd fd, Callback callback)
    : fd_(std::move(fd)), callback_(std::make_shared<Callback>(std::move(callback))),
      watcher_(std::make_unique<net::FdWatcher>(loop, fd_.get(), [this](int) { onReadable(); })) {
  watcher_->watch(net::FdWatcher::kRead);
}

void FolderWatch::onReadable() {
  std::set<std::string> names;
  alignas(inotify_event) char buffer[16384];
  for (;;) {
    const ssize_t size = ::read(fd_.get(), buffer, sizeof(buffer));
    if (size <= 0) {
      break;
    }
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_IGNORED) != 0) {
        continue;
      }
      names.insert(event->len > 0 ? std::string(event->name) : std::string());
    }
  }
  const std::shared_ptr<Callback> callback = callback_;
  const std::weak_ptr<Callback> alive = callback_;
  for (const std::string& name : names) {
    (*callback)(name);
    if (alive.use_count() < 2) {
      return; // destroyed by its callback
    }
  }
}

} // namespace moe::xds
