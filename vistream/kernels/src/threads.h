// Threads that share a layer: a job is cut into chunks, and whoever is free takes the next one.
#pragma once
#include <stdint.h>

namespace vistream {

// Works on items `begin .. end`; `thread` is 0 for the caller and 1, 2, ... for helpers. Returns a count.
using Work = int64_t (*)(void* context, int64_t begin, int64_t end, int thread);

constexpr int MOST_THREADS = 64;
constexpr int64_t CHUNKS = 4;  // of `shares_of`, for each thread: so that none waits long for the last

// `count` items in chunks of `size`, by the caller and up to `threads - 1` helpers.
struct Shares {
    int64_t count, size;
    int threads;
};

// How `count` items that cost `cost` each (in multiply-accumulates, about) are best shared: fewer, larger chunks where
// there is little to do. Chunks are made of whole groups of `unit` items.
Shares shares_of(int64_t count, int64_t cost, int64_t unit, int threads);

// The sum of what `work` returns over all items.
int64_t share(Work work, void* context, Shares shares);

// Threads of the program that wait for what another one computes can compute with it. While there are borrowers (`more` is
// 1, and -1 at the end), jobs have no other helpers than such.
void borrow(int64_t more);

// Helps with whatever jobs there are until there is none for a while, or `until` is not 0; then it comes back after a nap.
void lend(const int64_t* until);

// Sets `until`, and wakes who lends.
void recall(int64_t* until);

}  // namespace vistream
