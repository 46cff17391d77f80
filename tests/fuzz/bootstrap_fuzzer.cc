// Any bytes as a bootstrap, by both readers; whatever loads is validated, too.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <envoy/config/bootstrap/v3/bootstrap.pb.h>

#include "config/coverage.h"
#include "config/load.h"
#include "config/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"fuzz.yaml", "fuzz.json"}) {
    envoy::config::bootstrap::v3::Bootstrap bootstrap;
    moe::config::LocationMap places;
    auto status = moe::config::loadText(name, text, bootstrap, &places);
    if (status.ok())
      status = places.annotate(moe::config::validate(bootstrap));
    if (!status.ok() && status.message().empty())
      __builtin_trap();
    (void)moe::config::Coverage().walk(bootstrap, moe::config::FieldPath(), &places);
  }
  return 0;
}
