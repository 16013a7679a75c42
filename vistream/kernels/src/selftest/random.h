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

// Memory that is given back at once, zeroed, with room behind for whole registers. Each block leads to the one before.
struct Arena {
    struct alignas(16) Block {
        Block* before;
    };
    Block* last = nullptr;

    template <class T> T* zeros(int64_t size) {
        Block* const block = static_cast<Block*>(calloc(sizeof(Block) + size_t(size) * sizeof(T) + 4096, 1));
        block->before = last;
        last = block;
        return reinterpret_cast<T*>(block + 1);
    }
    ~Arena() {
        while (last) {
            Block* const before = last->before;
            free(last);
            last = before;
        }
    }
};

}  // namespace
}  // namespace vistream
