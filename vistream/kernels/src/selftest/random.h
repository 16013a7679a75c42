// Random numbers and memory for the self-test.
#pragma once
#include <stdint.h>
#include <stdlib.h>

namespace vistream {
namespace {

// A small generator (xorshift), so that a seed gives the same layer everywhere.
struct Random {
    uint64_t state;
    void begin(uint64_t seed) {
        state = seed * 0x9E3779B97F4A7C15u + 1;
        for (int i = 0; i < 8; ++i) next();
    }
    uint32_t next() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return uint32_t(state >> 24);
    }
    int between(int low, int high) { return low + int(next() % uint32_t(high - low + 1)); }
};

// Memory that is given back at once, zeroed, with room behind for whole registers.
struct Arena {
    static constexpr int MOST = 128;
    void* blocks[MOST];
    int count = 0;

    template <class T> T* zeros(int64_t size) {
        blocks[count] = calloc(size_t(size) * sizeof(T) + 4096, 1);
        return static_cast<T*>(blocks[count++]);
    }
    ~Arena() {
        for (int i = 0; i < count; ++i) free(blocks[i]);
    }
};

}  // namespace
}  // namespace vistream
