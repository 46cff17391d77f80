#pragma once

#include "stats/stats.h"

namespace moe::golang {

// The ABI functions are called by nobody in this program. Calling this makes the linker keep the
// files that define them.
void linkExports();

// Counts the calls of functions that moe does not offer, as golang.calls_not_offered.
void showCallsNotOffered(const stats::Scope& scope);

// One for each of those files.
void linkDirectionExports();
void linkRequestExports();
void linkMissingExports();

} // namespace moe::golang
