// Label propagation: each cell keeps a short descending list of the cells of past frames that are most like it.
#pragma once
#include <math.h>

#include "../job.h"

namespace VARIANT {

using vistream::Past;

// `top` similarities, descending, and the numbers of the cells.
struct Best {
    int32_t *similarity, *cell;
    int64_t top;

    void offer(int32_t value, int32_t number) const {
        if (value <= similarity[top - 1]) return;  // ties go to whoever was first
        int64_t place = top - 1;
        for (; place > 0 && similarity[place - 1] < value; --place) {
            similarity[place] = similarity[place - 1];
            cell[place] = cell[place - 1];
        }
        similarity[place] = value;
        cell[place] = number;
    }
};

// A few cells of a row that look for their like together, along a few columns at a time.
struct Cells {
    static constexpr int VECTORS = 2, LANES = Widest::WIDTH / 4, STEP = VECTORS * LANES, MOST = 2 * Widest::TILE_ROWS;
    static_assert(STEP <= vistream::BEYOND, "a step from the last column of a row ends in what may be read");
    using Ints = Widest::Ints;
    using Quads = Widest::Quads;

    const Past& past;
    const int8_t* vectors[MOST];
    int64_t column[MOST];
    int count;
    int32_t sums[MOST][STEP];

    VISTREAM_INLINE void multiply(int64_t row, int64_t from) {
        Ints total[MOST][VECTORS], shift[VECTORS];
        VISTREAM_UNROLL
        for (int v = 0; v < VECTORS; ++v) {
            shift[v] = Widest::zero();
            VISTREAM_UNROLL
            for (int i = 0; i < MOST; ++i) total[i][v] = Widest::zero();
        }
        static const int8_t NOTHING[4] = {};
        const Quads nothing = Widest::broadcast_quad(NOTHING);
        const int8_t* weights = past.vectors + (row * past.quads * past.stride + from) * 4;
        for (int64_t quad = 0; quad < past.quads; ++quad, weights += past.stride * 4) {
            Quads these[VECTORS];
            VISTREAM_UNROLL
            for (int v = 0; v < VECTORS; ++v) {
                these[v] = Widest::load_quads(weights + v * LANES * 4);
                // what a flipped sign adds, whatever the other factor
                if (FLIPS) shift[v] = Widest::dot<true>(shift[v], nothing, these[v]);
            }
            VISTREAM_UNROLL
            for (int i = 0; i < MOST; ++i) {
                const Quads mine = Widest::broadcast_quad(vectors[i] + 4 * quad);
                VISTREAM_UNROLL
                for (int v = 0; v < VECTORS; ++v) total[i][v] = Widest::dot<true>(total[i][v], mine, these[v]);
            }
        }
        int32_t added[STEP];
        VISTREAM_UNROLL
        for (int v = 0; v < VECTORS; ++v) Widest::store_ints(added + v * LANES, shift[v]);
        VISTREAM_UNROLL
        for (int i = 0; i < MOST; ++i) {
            VISTREAM_UNROLL
            for (int v = 0; v < VECTORS; ++v) Widest::store_ints(sums[i] + v * LANES, total[i][v]);
            for (int k = 0; k < STEP; ++k) sums[i][k] -= added[k];
        }
    }

    // Of the sums from column `from` on, those of a row's columns `begin .. end` go to the list of a cell.
    VISTREAM_INLINE void offer(int i, const Best& best, int64_t row, int64_t from, int64_t begin, int64_t end) const {
        int32_t most = sums[i][0];
        for (int k = 1; k < STEP; ++k) most = sums[i][k] > most ? sums[i][k] : most;
        if (most <= best.similarity[best.top - 1]) return;
        begin = begin > from ? begin : from;
        end = end < from + STEP ? end : from + STEP;
        for (int64_t c = begin; c < end; ++c)
            best.offer(sums[i][c - from], int32_t(past.base + row * past.columns + c));
    }
};

// Merges the cells of a past frame into the lists of the cells `asked[begin .. end)`, which are in ascending order.
inline void similar(const Past* frame, const int8_t* queries, const int32_t* asked, int64_t begin, int64_t end, int64_t top,
                    int32_t* similarity, int32_t* cell) {
    const Past& past = *frame;
    const bool anywhere = past.radius < 0;
    const int64_t radius = anywhere ? past.rows : past.radius;
    Cells cells = {past, {}, {}, 0, {}};
    for (int64_t first = begin; first < end; first += cells.count) {
        const int64_t row = asked[first] / past.columns, last = (row + 1) * past.columns;
        for (cells.count = 0; cells.count < Cells::MOST; ++cells.count) {
            const int64_t next = first + cells.count;
            if (next >= end || asked[next] >= last || asked[next] - asked[first] >= Cells::MOST) break;
            cells.column[cells.count] = asked[next] % past.columns;
            cells.vectors[cells.count] = queries + asked[next] * past.quads * 4;
        }
        for (int i = cells.count; i < Cells::MOST; ++i) cells.vectors[i] = cells.vectors[0];
        const int64_t bottom = row + radius + 1 < past.rows ? row + radius + 1 : past.rows;
        for (int64_t r = row > radius ? row - radius : 0; r < bottom; ++r) {
            const int64_t down = r - row;
            const int64_t reach = anywhere ? past.columns : int64_t(sqrt(double(radius * radius - down * down)));
            const int64_t left = cells.column[0] - reach, right = cells.column[cells.count - 1] + reach + 1;
            const int64_t stop = right < past.columns ? right : past.columns;
            for (int64_t from = left > 0 ? left : 0; from < stop; from += Cells::STEP) {
                cells.multiply(r, from);
                for (int i = 0; i < cells.count; ++i) {
                    const Best best = {similarity + (first + i) * top, cell + (first + i) * top, top};
                    const int64_t until = cells.column[i] + reach + 1;
                    cells.offer(i, best, r, from, cells.column[i] - reach, until < stop ? until : stop);
                }
            }
        }
    }
}

}  // namespace VARIANT
