#include "proxy/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace moe::proxy {
namespace {

class LogWriterTest : public testing::Test {
protected:
  ~LogWriterTest() override { ::unlink(path_.c_str()); }
  LogWriter& writer(const LogWriterOptions& options) {
    writer_ = std::make_unique<LogWriter>(options, store_.root().child("filesystem"));
    return *writer_;
  }
  static void line(const LogFilePtr& file, uint32_t worker, const std::string& text) {
    file->append(worker, [&](std::string& out) { out.append(text).push_back('\n'); });
  }
  std::string content() const {
    std::ifstream in(path_);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
  uint64_t counter(std::string_view name) {
    return store_.root().child("filesystem").counter(name).value();
  }
  // Waits, for a limited time, until the file is as expected.
  bool becomes(const std::string& expected) const {
    for (int i = 0; i < 2000 && content() != expected; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return content() == expected;
  }

  std::string path_ = base::cat(testing::TempDir(), "log_writer_test.", ::getpid());
  stats::Store store_;
  std::unique_ptr<LogWriter> writer_;
};

constexpr base::Milliseconds kNever{3'600'000};

TEST_F(LogWriterTest, WritesAtItsEnd) {
  auto file = *writer({.flushInterval = kNever}).open(path_);
  line(file, 0, "one");
  line(file, 0, "two");
  EXPECT_EQ(content(), "");
  writer_ = nullptr;
  EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(LogWriterTest, GoesOnInANewFileWhenTheOldIsMovedAway) {
  auto file = *writer({.flushInterval = kNever}).open(path_);
  line(file, 0, "one");
  const std::string moved = path_ + ".1";
  ASSERT_EQ(::rename(path_.c_str(), moved.c_str()), 0);
  writer_->reopen();
  for (int i = 0; i < 2000 && ::access(path_.c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  line(file, 0, "two");
  EXPECT_EQ(*writer_->open(path_), file);
  writer_ = nullptr;
  EXPECT_EQ(content(), "two\n");
  path_ = moved;
  EXPECT_EQ(content(), "one\n");
  ::unlink((moved.substr(0, moved.size() - 2)).c_str());
}

TEST_F(LogWriterTest, StaysWithAFileThatCannotBeOpenedAgain) {
  const std::string directory = path_ + ".d";
  ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
  const std::string before = directory + "/log";
  auto file = *writer({.flushInterval = kNever}).open(before);
  ASSERT_EQ(::rename(before.c_str(), path_.c_str()), 0);
  ASSERT_EQ(::rmdir(directory.c_str()), 0);
  writer_->reopen();
  for (int i = 0; i < 2000 && counter("reopen_failed") == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(counter("reopen_failed"), 1u);
  line(file, 0, "one");
  writer_ = nullptr;
  EXPECT_EQ(content(), "one\n");
}

TEST_F(LogWriterTest, WritesAfterTheInterval) {
  auto file = *writer({.flushInterval = base::Milliseconds(10)}).open(path_);
  line(file, 0, "one");
  EXPECT_TRUE(becomes("one\n")) << content();
}

TEST_F(LogWriterTest, WritesWhatIsMuch) {
  auto file = *writer({.flushInterval = kNever, .flushBytes = 8}).open(path_);
  line(file, 0, "one");
  line(file, 0, "two");
  EXPECT_TRUE(becomes("one\ntwo\n")) << content();
}

TEST_F(LogWriterTest, OnePathIsOneFile) {
  auto& logs = writer({});
  EXPECT_EQ(*logs.open(path_), *logs.open(path_));
  EXPECT_EQ(logs.open("/no/such/folder/x").status().message(), "No such file or directory");
}

TEST_F(LogWriterTest, WorkersDoNotTearEachOthersLines) {
  auto file = *writer({.flushInterval = base::Milliseconds(1), .flushBytes = 1000, .workers = 4})
                   .open(path_);
  std::vector<std::thread> threads;
  for (uint32_t worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&file, worker] {
      for (int i = 0; i < 2000; ++i) {
        line(file, worker, base::cat(worker, " ", i, " ", std::string(50, 'x')));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  writer_ = nullptr;
  std::array<int, 4> next{};
  std::istringstream in(content());
  for (std::string text; std::getline(in, text);) {
    const auto worker = static_cast<size_t>(text[0] - '0');
    ASSERT_EQ(text, base::cat(worker, " ", next[worker], " ", std::string(50, 'x')));
    ++next[worker];
  }
  EXPECT_EQ(next, (std::array<int, 4>{2000, 2000, 2000, 2000}));
  EXPECT_EQ(counter("write_dropped"), 0u);
}

TEST_F(LogWriterTest, AReaderThatTakesNothingHoldsUpNobody) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const net::Fd reader(ends[0]);
  const net::Fd sink(ends[1]); // blocking, as standard output is
  auto& logs = writer({.flushInterval = base::Milliseconds(1), .maxBytes = 100'000});
  auto pipe = logs.descriptor(sink.get());
  auto file = *logs.open(path_);
  for (int i = 0; i < 5000; ++i) {
    line(pipe, 0, std::string(99, 'x'));
    if (i % 100 == 0) { // lets the writer fill the pipe
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  EXPECT_GT(counter("write_dropped"), 0u);
  line(file, 0, "others go on");
  EXPECT_TRUE(becomes("others go on\n")) << content();
  // What was kept comes, whole, when the reader goes on.
  std::string got;
  std::array<char, 65536> bytes{};
  const uint64_t dropped = counter("write_dropped");
  while (got.size() < (5000 - dropped) * 100) {
    const ssize_t n = ::read(reader.get(), bytes.data(), bytes.size());
    ASSERT_GT(n, 0);
    got.append(bytes.data(), static_cast<size_t>(n));
  }
  std::istringstream in(got);
  for (std::string text; std::getline(in, text);) {
    ASSERT_EQ(text, std::string(99, 'x'));
  }
}

TEST_F(LogWriterTest, EndsThoughNobodyReads) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const net::Fd reader(ends[0]);
  const net::Fd sink(ends[1]);
  auto pipe = writer({.flushInterval = kNever}).descriptor(sink.get());
  for (int i = 0; i < 2000; ++i) {
    line(pipe, 0, std::string(99, 'x'));
  }
  writer_ = nullptr;
  EXPECT_GT(counter("write_dropped"), 0u);
  EXPECT_LT(counter("write_dropped"), 2000u);
}

} // namespace
} // namespace moe::proxy
