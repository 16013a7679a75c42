// Random frames of label propagation, and every cell of them compared by plain loops: the same lists?
#pragma once
#include <string.h>

#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

struct SimilarCase {
    Random random;
    Arena arena;
    Past past;
    int64_t top, count;
    int8_t *vectors, *queries;
    int32_t* asked;

    void build(uint64_t seed) {
        random.begin(seed);
        past.rows = random.between(1, 6), past.columns = random.between(1, 70), past.quads = random.between(1, 4);
        past.stride = past.columns + BEYOND, past.base = random.between(0, 1000), past.radius = random.between(-1, 5);
        top = random.between(1, 9), count = 0;
        const int64_t area = past.rows * past.columns, bytes = past.quads * 4;
        vectors = arena.zeros<int8_t>(past.rows * past.stride * bytes), queries = arena.zeros<int8_t>(area * bytes);
        asked = arena.zeros<int32_t>(area);
        for (int64_t i = 0; i < past.rows * past.stride * bytes; ++i) vectors[i] = int8_t(random.between(-127, 127));
        for (int64_t i = 0; i < area * bytes; ++i) queries[i] = int8_t(random.between(-127, 127));
        for (int64_t i = 0; i < area; ++i)
            if (random.between(0, 3)) asked[count++] = int32_t(i);
        past.vectors = vectors;
    }

    int32_t product(int64_t query, int64_t row, int64_t column) const {
        int32_t sum = 0;
        for (int64_t c = 0; c < past.quads * 4; ++c)
            sum += queries[query * past.quads * 4 + c] *
                   vectors[((row * past.quads + c / 4) * past.stride + column) * 4 + c % 4];
        return sum;
    }

    void compare(int64_t query, int32_t* similarity, int32_t* cell) const {
        for (int64_t i = 0; i < past.rows * past.columns; ++i) {
            const int64_t row = i / past.columns, column = i % past.columns;
            const int64_t down = row - query / past.columns, across = column - query % past.columns;
            if (past.radius >= 0 && down * down + across * across > past.radius * past.radius) continue;
            const int32_t value = product(query, row, column);
            int64_t place = top;
            while (place > 0 && similarity[place - 1] < value) --place;
            if (place == top) continue;
            memmove(similarity + place + 1, similarity + place, size_t(top - 1 - place) * sizeof(int32_t));
            memmove(cell + place + 1, cell + place, size_t(top - 1 - place) * sizeof(int32_t));
            similarity[place] = value, cell[place] = int32_t(past.base + i);
        }
    }

    bool agrees(const Kernels* kernels, int threads) {
        int32_t *similarity[2], *cell[2];
        for (int k = 0; k < 2; ++k) {
            similarity[k] = arena.zeros<int32_t>(count * top), cell[k] = arena.zeros<int32_t>(count * top);
            for (int64_t i = 0; i < count * top; ++i) similarity[k][i] = INT32_MIN;
        }
        vistream_similar(kernels, &past, queries, asked, count, top, similarity[0], cell[0], threads);
        for (int64_t i = 0; i < count; ++i) compare(asked[i], similarity[1] + i * top, cell[1] + i * top);
        const size_t bytes = size_t(count * top) * sizeof(int32_t);
        return !memcmp(similarity[0], similarity[1], bytes) && !memcmp(cell[0], cell[1], bytes);
    }
};

}  // namespace
}  // namespace vistream
