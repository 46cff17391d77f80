#pragma once

#include <string>

namespace moe::tls {

// The first error in this thread's BoringSSL queue ("NO_START_LINE"), and what it says beside that,
// or "unknown error"; the queue is empty afterwards. Never has secrets: BoringSSL puts none there.
std::string takeReason();

} // namespace moe::tls
