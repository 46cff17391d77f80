#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/time.h"
#include "net/fd.h"
#include "stats/stats.h"

namespace moe::proxy {

struct LogWriterOptions {
  base::Milliseconds flushInterval{1000};
  size_t flushBytes = 64 * 1024; // a buffer with so much in it is written at once
  size_t maxBytes = 1024 * 1024; // what a buffer holds; lines above it are dropped
  uint32_t workers = 1;          // a buffer each: they do not wait for each other
};

// filesystem.: with Envoy's names, but for write_dropped.
struct LogWriterStats {
  explicit LogWriterStats(const stats::Scope& scope)
      : completed(scope.counter("write_completed")), failed(scope.counter("write_failed")),
        dropped(scope.counter("write_dropped")), byTimer(scope.counter("flushed_by_timer")),
        reopenFailed(scope.counter("reopen_failed")) {}
  stats::Counter& completed;
  stats::Counter& failed;
  stats::Counter& dropped; // lines
  stats::Counter& byTimer;
  stats::Counter& reopenFailed;
};

// What files and their writer share.
struct LogWriterState {
  LogWriterState(const LogWriterOptions& o, const stats::Scope& scope) : options(o), stats(scope) {}
  void wake();

  const LogWriterOptions options;
  LogWriterStats stats;
  std::mutex mutex; // of what follows
  std::condition_variable changed;
  bool full = false;
  bool reopen = false;
  bool stopping = false;
};

// Lines on their way to one file, pipe or terminal. May outlive its writer; then nothing is
// written.
class LogFile {
public:
  // Made by a LogWriter. `path` is "" and `owned` empty for a descriptor that others own.
  LogFile(std::shared_ptr<LogWriterState> shared, std::string path, net::Fd owned, int fd);

  // Any thread, a worker with its own index: f(text) appends one line to `text`. Waits for nothing
  // but, rarely, for the writer to take the buffer away (no system call).
  template <class F> void append(uint32_t worker, F&& f) {
    Buffer& buffer = buffers_[worker % buffers_.size()];
    bool full = false;
    {
      const std::lock_guard<std::mutex> lock(buffer.mutex);
      const size_t before = buffer.lines.size();
      f(buffer.lines);
      if (buffer.lines.size() > shared_->options.maxBytes) {
        buffer.lines.resize(before);
        shared_->stats.dropped.inc();
        return;
      }
      full = before < shared_->options.flushBytes &&
             buffer.lines.size() >= shared_->options.flushBytes;
    }
    if (full) {
      shared_->wake();
    }
  }

private:
  friend class LogWriter;

  struct alignas(64) Buffer {
    std::mutex mutex;
    std::string lines;
    std::string writing; // the writer's own; swapped with `lines`, so that both keep their capacity
    size_t written = 0;  // of `writing`
  };

  bool flush(bool byTimer);
  void openAgain();
  enum class Result { Done, Later, Failed };
  Result write(Buffer& buffer);
  void abandon();

  const std::shared_ptr<LogWriterState> shared_;
  const std::string path_;
  net::Fd owned_; // the writer's, like all below but buffers_
  int fd_;
  bool regular_ = false; // never makes the writer wait for a reader
  bool torn_ = false;    // the last line written is not whole
  size_t next_ = 0;      // the buffer to write first
  std::vector<Buffer> buffers_;
};
using LogFilePtr = std::shared_ptr<LogFile>;

// Writes log lines from a thread of its own, so that no worker waits for a disk or for the reader
// of a pipe: when a buffer is full, after the interval, and at its end. Thread-safe.
class LogWriter {
public:
  LogWriter(const LogWriterOptions& options, const stats::Scope& scope);
  // Writes what there is; a reader that takes nothing holds it up for a second at most.
  ~LogWriter();

  // The same path gives the same file.
  absl::StatusOr<LogFilePtr> open(const std::string& path);
  // The writer writes what it has, and goes on in a new file where somebody has moved the old one
  // away. If that cannot be opened, it stays with the old.
  void reopen();
  // Standard output or error; not closed.
  LogFilePtr descriptor(int fd);

private:
  LogFilePtr add(std::string path, net::Fd owned, int fd);
  void run();
  // False: some of it must wait for a reader.
  bool flushAll(bool byTimer);

  const std::shared_ptr<LogWriterState> shared_;
  std::vector<LogFilePtr> files_; // under shared_->mutex
  std::thread thread_;            // runs from the first file on
};

} // namespace moe::proxy
