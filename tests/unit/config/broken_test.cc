// The broken bootstraps of tests/data/broken that this library itself must refuse. Others load here
// and break in the library that compiles them: `moe --mode validate` is tested with all of them.
// Runs in the source folder.
#include <filesystem>
#include <fstream>

#include <envoy/config/bootstrap/v3/bootstrap.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/validate.h"

namespace moe::config {
namespace {

std::string firstLine(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string expectation(std::filesystem::path path) {
  std::string line = firstLine(path);
  if (path.extension() == ".json")
    return firstLine(path.replace_extension(".expect"));
  return line.starts_with("# expect: ") ? line.substr(10) : "";
}

TEST(Broken, ErrorsAreAsTheFilesExpect) {
  size_t files = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/data/broken")) {
    if (entry.path().extension() == ".expect")
      continue;
    ++files;
    std::string expected = expectation(entry.path());
    EXPECT_FALSE(expected.empty()) << entry.path();
    envoy::config::bootstrap::v3::Bootstrap bootstrap;
    LocationMap places;
    auto status = loadFile(entry.path().string(), bootstrap, &places);
    if (status.ok())
      status = places.annotate(validate(bootstrap));
    if (status.ok())
      continue;
    ++refused;
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(expected));
    EXPECT_THAT(std::string(status.message()),
                ::testing::MatchesRegex(".*/broken/[a-z_0-9]+\\.(yaml|json):[0-9]+:[0-9]+: .+"))
        << "no place";
  }
  EXPECT_GE(files, 40u);
  EXPECT_GE(refused, 28u) << "errors that were found here are found no longer";
}

} // namespace
} // namespace moe::config
