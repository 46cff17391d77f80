#pragma once

#include <memory>

#include "net/fd.h"
#include "net/listener.h"

namespace moe::server {

// A socket that all workers share: one without enable_reuse_port, or of a pipe. It is open as long
// as one of them has it, and until then nobody else can have its address. Any thread.
struct ExclusiveSocket {
  net::Fd fd;
  net::ListenOptions options;
};
using ExclusiveSocketPtr = std::shared_ptr<const ExclusiveSocket>;

} // namespace moe::server
