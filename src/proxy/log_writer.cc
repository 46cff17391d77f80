#include "proxy/log_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/strings.h"

namespace moe::proxy {
namespace {

using Clock = std::chrono::steady_clock;

// How long the end of the process waits for readers, and how often a slow one is looked at.
constexpr std::chrono::milliseconds kLastWait{1000};
constexpr std::chrono::milliseconds kLook{5};

// What may be written to a pipe without waiting and without being torn by another writer (POSIX,
// write): up to PIPE_BUF bytes, whole lines if there are any.
size_t pieceOf(std::string_view text) {
  if (text.size() <= PIPE_BUF) {
    return text.size();
  }
  const size_t end = text.substr(0, PIPE_BUF).rfind('\n');
  return end == std::string_view::npos ? PIPE_BUF : end + 1;
}

net::Fd openFile(const std::string& path) {
  return net::Fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
}

bool isRegular(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

} // namespace

void LogWriterState::wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    full = true;
  }
  changed.notify_one();
}

LogFile::LogFile(std::shared_ptr<LogWriterState> shared, std::string path, net::Fd owned, int fd)
    : shared_(std::move(shared)), path_(std::move(path)), owned_(std::move(owned)), fd_(fd),
      regular_(isRegular(fd_)), buffers_(std::max(1u, shared_->options.workers)) {}

void LogFile::openAgain() {
  if (path_.empty() || !regular_) {
    return; // others own it, or it is a pipe: nobody moves those away
  }
  net::Fd opened = openFile(path_);
  if (!opened.valid()) {
    shared_->stats.reopenFailed.inc();
    return;
  }
  owned_ = std::move(opened);
  fd_ = owned_.get();
  regular_ = isRegular(fd_);
}

LogFile::Result LogFile::write(Buffer& buffer) {
  while (buffer.written < buffer.writing.size()) {
    const std::string_view left = std::string_view(buffer.writing).substr(buffer.written);
    if (!regular_) {
      pollfd ready{fd_, POLLOUT, 0};
      if (::poll(&ready, 1, 0) == 0) {
        return Result::Later;
      }
    }
    const ssize_t n = ::write(fd_, left.data(), regular_ ? left.size() : pieceOf(left));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0 && errno == EAGAIN) {
      return Result::Later;
    }
    if (n <= 0) {
      // A full disk must not stop traffic: what cannot be written is lost.
      torn_ = torn_ || (buffer.written > 0 && buffer.writing[buffer.written - 1] != '\n');
      return Result::Failed;
    }
    buffer.written += static_cast<size_t>(n);
    torn_ = false;
  }
  return Result::Done;
}

bool LogFile::flush(bool byTimer) {
  bool all = true;
  for (size_t i = 0; i < buffers_.size(); ++i) {
    const size_t at = (next_ + i) % buffers_.size();
    Buffer& buffer = buffers_[at];
    if (buffer.writing.empty()) {
      const std::lock_guard<std::mutex> lock(buffer.mutex);
      std::swap(buffer.lines, buffer.writing);
    }
    if (buffer.writing.empty()) {
      continue;
    }
    if (torn_ && buffer.written == 0 && buffer.writing.front() != '\n') {
      buffer.writing.insert(0, 1, '\n');
    }
    const Result result = write(buffer);
    if (result == Result::Later) {
      all = false;
      next_ = at; // another's lines must not come between the pieces of a line of this one
      break;
    }
    (result == Result::Done ? shared_->stats.completed : shared_->stats.failed).inc();
    if (byTimer) {
      shared_->stats.byTimer.inc();
    }
    buffer.writing.clear();
    buffer.written = 0;
  }
  return all;
}

// Counts the lines that nobody will write.
void LogFile::abandon() {
  for (Buffer& buffer : buffers_) {
    const std::lock_guard<std::mutex> lock(buffer.mutex);
    for (const std::string_view text : {std::string_view(buffer.writing).substr(buffer.written),
                                        std::string_view(buffer.lines)}) {
      shared_->stats.dropped.add(static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')));
    }
  }
}

LogWriter::LogWriter(const LogWriterOptions& options, const stats::Scope& scope)
    : shared_(std::make_shared<LogWriterState>(options, scope)) {}

LogWriter::~LogWriter() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->changed.notify_one();
  thread_.join();
}

absl::StatusOr<LogFilePtr> LogWriter::open(const std::string& path) {
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    for (const LogFilePtr& file : files_) {
      if (file->path_ == path) {
        return file;
      }
    }
  }
  net::Fd owned = openFile(path);
  if (!owned.valid()) {
    return absl::UnavailableError(std::strerror(errno));
  }
  const int fd = owned.get();
  return add(path, std::move(owned), fd);
}

void LogWriter::reopen() {
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->reopen = true;
  }
  shared_->wake();
}

LogFilePtr LogWriter::descriptor(int fd) {
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    for (const LogFilePtr& file : files_) {
      if (file->path_.empty() && file->fd_ == fd) {
        return file;
      }
    }
  }
  return add("", net::Fd(), fd);
}

LogFilePtr LogWriter::add(std::string path, net::Fd owned, int fd) {
  auto file = std::make_shared<LogFile>(shared_, std::move(path), std::move(owned), fd);
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  files_.push_back(file);
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  }
  return file;
}

bool LogWriter::flushAll(bool byTimer) {
  std::vector<LogFilePtr> files;
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    files = files_;
  }
  bool all = true;
  for (LogFilePtr& file : files) {
    const bool done = file->flush(byTimer);
    all = all && done;
    // Only the list and this copy know it: no configuration writes to it any more.
    if (done && file.use_count() == 2) {
      const std::lock_guard<std::mutex> lock(shared_->mutex);
      if (file.use_count() == 2 && file->flush(byTimer)) {
        std::erase(files_, file);
      }
    }
  }
  return all;
}

void LogWriter::run() {
  bool all = true;
  std::unique_lock<std::mutex> lock(shared_->mutex);
  while (!shared_->stopping) {
    const auto wait = all ? shared_->options.flushInterval : kLook;
    const bool woken = shared_->changed.wait_for(
        lock, wait, [this] { return shared_->full || shared_->stopping; });
    shared_->full = false;
    const std::vector<LogFilePtr> moved =
        std::exchange(shared_->reopen, false) ? files_ : std::vector<LogFilePtr>();
    lock.unlock();
    all = flushAll(!woken && all); // what was logged so far belongs to the old file
    for (const LogFilePtr& file : moved) {
      file->openAgain();
    }
    lock.lock();
  }
  lock.unlock();
  const auto deadline = Clock::now() + kLastWait;
  while (!flushAll(false)) {
    if (Clock::now() > deadline) {
      const std::lock_guard<std::mutex> last(shared_->mutex);
      for (const LogFilePtr& file : files_) {
        file->abandon();
      }
      return;
    }
    std::this_thread::sleep_for(kLook);
  }
}

} // namespace moe::proxy
