#pragma once

namespace moe::golang {

// The ABI functions are called by nobody in this program. Calling this makes the linker keep the
// files that define them.
void linkExports();

// One for each of those files.
void linkDirectionExports();
void linkRequestExports();
void linkMissingExports();

} // namespace moe::golang
