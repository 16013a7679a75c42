// Convolutions where products of bytes are added two and two in 16 bits: those of two quads are added before they are widened.
//
// Weights are cut so that no such sum leaves 16 bits, whatever the levels are (engine/stream/pairs.py). What was cut off, the
// rests, is added afterwards, quad by quad.
#pragma once
#include "pieces.h"

#ifdef VISTREAM_PAIRS

namespace VARIANT {

using vistream::Pairs;

// Adds `quads` quads of each row, once `shift` has made its levels unsigned.
template <class V, int ROWS> struct AddPairs {
    static constexpr int LANES = V::WIDTH / V::VECTORS;
    const int64_t unit;  // bytes of 16 channels' weights
    const typename V::Quads shift;
    typename V::Ints (*sums)[V::VECTORS];

    VISTREAM_INLINE typename V::Quads taken(const int8_t* from) const {
        return V::plus_bytes(V::broadcast_quad(from), shift);
    }

    VISTREAM_INLINE void operator()(const int8_t* const rows[ROWS], int64_t quads, const int8_t* weight) const {
        int64_t quad = 0;
        for (; quad + 2 <= quads; quad += 2, weight += 128) two(rows, 4 * quad, weight);
        if (quad < quads) one(rows, 4 * quad, weight, unit);
    }

    VISTREAM_INLINE void two(const int8_t* const rows[ROWS], int64_t byte, const int8_t* weight) const {
        typename V::Quads left[ROWS], right[ROWS];
        VISTREAM_UNROLL
        for (int r = 0; r < ROWS; ++r) left[r] = taken(rows[r] + byte), right[r] = taken(rows[r] + byte + 4);
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) {
            const int8_t* at = weight + LANES * j / 16 * unit + LANES * j % 16 * 4;
            typename V::Halves halves[ROWS];
            const auto first = V::load_quads(at);
            VISTREAM_UNROLL
            for (int r = 0; r < ROWS; ++r) halves[r] = V::template products<false>(left[r], first);
            const auto second = V::load_quads(at + 64);
            VISTREAM_UNROLL
            for (int r = 0; r < ROWS; ++r)
                halves[r] = V::plus_halves(halves[r], V::template products<false>(right[r], second));
            VISTREAM_UNROLL
            for (int r = 0; r < ROWS; ++r) sums[r][j] = V::plus_widened(sums[r][j], halves[r]);
            __asm__ volatile("" ::: "memory");  // weights are loaded when they are needed: there are no registers for more
        }
    }

    // One quad by weights whose units lie `apart` bytes from each other.
    VISTREAM_INLINE void one(const int8_t* const rows[ROWS], int64_t byte, const int8_t* weight, int64_t apart) const {
        VISTREAM_UNROLL
        for (int r = 0; r < ROWS; ++r) {
            const auto inputs = taken(rows[r] + byte);
            VISTREAM_UNROLL
            for (int j = 0; j < V::VECTORS; ++j) {
                const auto weights = V::load_quads(weight + LANES * j / 16 * apart + LANES * j % 16 * 4);
                sums[r][j] = V::plus_widened(sums[r][j], V::template products<false>(inputs, weights));
            }
        }
    }
};

// What was cut off, for the tile whose positions begin at `first`.
template <class V, int ROWS>
VISTREAM_INLINE void add_rests(const Term& term, const Corners<CONVOLVE_GROUP>& corners, int first, int64_t channel,
                               const AddPairs<V, ROWS>& add) {
    const Pairs& pairs = *term.pairs;
    const Window& window = term.window;
    for (int32_t n = pairs.first[channel / 16]; n < pairs.first[(channel + V::WIDTH) / 16]; ++n) {
        const int32_t dy = pairs.place[3 * n] * window.dilation_h, dx = pairs.place[3 * n + 1] * window.dilation_w;
        const int8_t* rows[ROWS];
        rows_at<ROWS>(term, corners, first, dy, dx, rows);
        add.one(rows, pairs.place[3 * n + 2], pairs.rest + n * int64_t(4 * Widest::WIDTH), 64);
    }
}

struct PairedSums {
    const Term& term;
    const Corners<CONVOLVE_GROUP>& corners;

    template <class V, int ROWS>
    VISTREAM_INLINE void tile(int first, int64_t channel, typename V::Ints sums[ROWS][V::VECTORS]) const {
        begin_sums<V, ROWS>(term, channel, sums);
        const AddPairs<V, ROWS> add{unit_bytes(term), V::fill_quads(int8_t(term.pairs->shift)), sums};
        each_piece<ROWS>(term, corners, first, channel, add);
        add_rests(term, corners, first, channel, add);
    }
};

}  // namespace VARIANT
#endif
