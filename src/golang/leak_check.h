#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define MOE_HELD_BY_GO(object) __lsan_ignore_object(object)
#endif
#endif

// Says that only Go's memory, where the leak checker does not look, holds the object from now on.
#ifndef MOE_HELD_BY_GO
#define MOE_HELD_BY_GO(object) static_cast<void>(object)
#endif
