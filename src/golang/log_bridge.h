#pragma once

#include "base/log.h"

namespace moe::golang {

// Where envoyGoFilterLog writes to. The ABI's log functions carry no handle, and plugins call them
// from init(), so this is the one thing of the process that cannot be passed along.
//
// Set before the first plugin is loaded; the logger stays until the process ends, because
// goroutines may log at any time. Any thread.
void bindGoLog(base::LoggerPtr logger);

// Has the SDK logged on this thread, since the last time this was asked, that it has recovered from
// a call that was refused with kNotInGo? It tells nobody else.
bool takeNotInGoPanic();

// For the ABI functions that log on their own; null before bindGoLog.
base::Logger* goLog();

} // namespace moe::golang
