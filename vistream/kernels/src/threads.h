// Threads that share a layer: a job is cut into chunks, and whoever is free takes the next one.
#pragma once
#include <stdint.h>

namespace vistream {

// Works on items `begin .. end`; `thread` is 0 for the caller and 1, 2, ... for helpers. Returns a count.
using Work = int64_t (*)(void* context, int64_t begin, int64_t end, int thread);

constexpr int MOST_THREADS = 64;

// The sum of what `work` returns over `count` items in chunks of `size`, by the caller and up to `threads - 1` helpers.
int64_t share(Work work, void* context, int64_t count, int64_t size, int threads);

}  // namespace vistream
