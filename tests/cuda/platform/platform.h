// What the parts of the platform share: results of calls, work on streams, launches and checks.

#pragma once
#include <stddef.h>
#include <stdint.h>
#include <functional>
#include <mutex>
#include "entry.h"

#define CALL extern "C" __attribute__((visibility("default")))

// Of the driver, by NVIDIA's numbers.
enum CUresult {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    MISALIGNED_ADDRESS = 716,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
};

namespace platform {

typedef std::function<CUresult()> Work;
struct Stream;

// Held by every call: one at a time.
__attribute__((visibility("default"))) std::recursive_mutex& lock();

// Puts work at the end of a stream; it is done when somebody waits for it, no earlier.
__attribute__((visibility("default"))) CUresult submit(Stream* stream, Work work);

// Whether a piece of the device's memory holds all of these bytes.
__attribute__((visibility("default"))) bool holds(uint64_t at, size_t bytes);

// Whether this thread has a context.
__attribute__((visibility("default"))) bool current();

// The variables in shared memory of a library of kernels.
struct Shared {
    char *begin, *end;
};

// Runs a kernel over a grid.
CUresult run(const Entry& entry, Shared shared, const unsigned grid[2], unsigned block, void** arguments);

// What the checks of a launch found; nothing is looked at outside of launches.
void begin_checks(const Entry& entry, Shared shared);
CUresult end_checks();

// The pieces of the device's memory as the checks know them.
void track(uint64_t at, size_t bytes);
void forget(uint64_t at);

}  // namespace platform
