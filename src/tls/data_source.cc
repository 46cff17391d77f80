#include "tls/data_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace moe::tls {
namespace {

using config::fieldError;
using config::FieldPath;
using config::inQuotes;
using DataSource = envoy::config::core::v3::DataSource;

absl::Status tooLarge(const FieldPath& path, size_t bytes) {
  return fieldError(path, base::cat(bytes, " bytes"), base::cat("at most ", kMaxSourceBytes));
}

std::string systemError(int error) {
  char text[128];
  return strerror_r(error, text, sizeof(text)); // GNU's, which returns the text
}

// Closes a descriptor that only this file sees.
struct File {
  int fd;
  ~File() {
    if (fd >= 0) {
      ::close(fd);
    }
  }
};

absl::StatusOr<std::string> readFile(const std::string& name, const FieldPath& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  const File file{::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    return fieldError(path, base::cat("file ", inQuotes(name), ": ", systemError(errno)));
  }
  struct stat facts = {};
  if (::fstat(file.fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return fieldError(path, inQuotes(name), "a regular file");
  }
  if (static_cast<uint64_t>(facts.st_size) > kMaxSourceBytes) {
    return tooLarge(path, static_cast<size_t>(facts.st_size));
  }
  std::string bytes;
  char block[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(file.fd, block, sizeof(block));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return fieldError(path, base::cat("file ", inQuotes(name), ": ", systemError(errno)));
    }
    if (n == 0) {
      break;
    }
    bytes.append(block, static_cast<size_t>(n));
    if (bytes.size() > kMaxSourceBytes) { // It grew while it was read.
      return tooLarge(path, bytes.size());
    }
  }
  if (bytes.empty()) {
    return fieldError(path, base::cat("file ", inQuotes(name), ", which is empty"),
                      "a file with contents");
  }
  return bytes;
}

absl::StatusOr<std::string> readVariable(const std::string& name, const FieldPath& path) {
  const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): nobody sets any
  if (value == nullptr || *value == '\0') {
    return fieldError(path,
                      base::cat("environment variable ", inQuotes(name),
                                value == nullptr ? ", which is not set" : ", which is empty"),
                      "a variable with a value");
  }
  return std::string(value);
}

} // namespace

absl::StatusOr<std::string> readSource(const DataSource& source, const FieldPath& path) {
  switch (source.specifier_case()) {
  case DataSource::kFilename:
    return readFile(source.filename(), path.field("filename"));
  case DataSource::kEnvironmentVariable:
    return readVariable(source.environment_variable(), path.field("environment_variable"));
  case DataSource::kInlineString:
  case DataSource::kInlineBytes: {
    const bool text = source.specifier_case() == DataSource::kInlineString;
    const std::string& bytes = text ? source.inline_string() : source.inline_bytes();
    const FieldPath at = path.field(text ? "inline_string" : "inline_bytes");
    if (bytes.empty()) {
      return fieldError(at, "nothing", "the data");
    }
    if (bytes.size() > kMaxSourceBytes) {
      return tooLarge(at, bytes.size());
    }
    return bytes;
  }
  default:
    return fieldError(path, "none of them",
                      "filename, inline_string, inline_bytes or environment_variable");
  }
}

std::string sourceName(const DataSource& source) {
  switch (source.specifier_case()) {
  case DataSource::kFilename:
    return source.filename();
  case DataSource::kEnvironmentVariable:
    return base::cat("<environment ", source.environment_variable(), ">");
  default:
    return "<inline>";
  }
}

} // namespace moe::tls
