// Any bytes as HTTP/1 responses: the outcome does not depend on how they are cut into reads.
#include "http1_trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  moe::fuzz::fuzzHttp1(moe::http::Http1Parser::Role::Response, data, size);
  return 0;
}
