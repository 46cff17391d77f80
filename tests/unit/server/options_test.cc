#include "server/options.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace moe::server {
namespace {

TEST(Options, TakesWhatIstiosAgentPasses) {
  const auto options = parseOptions({"-c",
                                     "f.json",
                                     "--drain-time-s",
                                     "45",
                                     "--drain-strategy",
                                     "immediate",
                                     "--local-address-ip-version",
                                     "v4",
                                     "--file-flush-interval-msec",
                                     "500",
                                     "--file-flush-min-size-kb",
                                     "8",
                                     "--disable-hot-restart",
                                     "--allow-unknown-static-fields",
                                     "-l",
                                     "warning",
                                     "--component-log-level",
                                     "misc:error",
                                     "--concurrency",
                                     "2",
                                     "--config-yaml",
                                     "{}"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->configPath, "f.json");
  EXPECT_EQ(options->drainTime.count(), 45'000);
  EXPECT_EQ(options->fileFlushInterval.count(), 500);
  EXPECT_EQ(options->fileFlushBytes, 8u * 1024);
  EXPECT_EQ(options->concurrency, 2u);
  EXPECT_TRUE(options->allowUnknownStaticFields);
}

TEST(Options, EqualsSignWorksToo) {
  const auto options = parseOptions({"--config-yaml={a: b=c}", "--mode=validate"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->configYaml, "{a: b=c}");
  EXPECT_EQ(options->mode, Mode::Validate);
}

TEST(Options, ErrorsSayWhatIsWrong) {
  const auto error = [](const std::vector<std::string>& arguments) {
    return std::string(base::message(parseOptions(arguments).status()));
  };
  EXPECT_EQ(error({"--nope", "x"}), "unknown option --nope (--help lists them)");
  EXPECT_EQ(error({"-c"}), "-c: expected a value behind it");
  EXPECT_EQ(error({"--concurrency", "two"}), "--concurrency: found \"two\", expected a number");
  EXPECT_EQ(error({"--mode", "x"}), "--mode: found \"x\", expected serve or validate");
  EXPECT_EQ(error({"file"}), "found \"file\", expected an option (--help lists them)");
  EXPECT_EQ(error({}), "no configuration: give -c FILE or --config-yaml TEXT");
}

} // namespace
} // namespace moe::server
