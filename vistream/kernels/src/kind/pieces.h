// How the tiles of a convolution go over the inputs of their windows.
#pragma once
#include "windows.h"

namespace VARIANT {

constexpr int CONVOLVE_GROUP = 48;  // positions that share a block of weights while it is near

inline int64_t unit_bytes(const Term& term) {  // of 16 channels' weights
    return int64_t(term.window.kernel_h) * term.window.kernel_w * term.quads * 64;
}

// What the sums of `ROWS` positions by `V::WIDTH` channels start from.
template <class V, int ROWS>
VISTREAM_INLINE void begin_sums(const Term& term, int64_t channel, typename V::Ints sums[ROWS][V::VECTORS]) {
    constexpr int LANES = V::WIDTH / V::VECTORS;
    VISTREAM_UNROLL
    for (int j = 0; j < V::VECTORS; ++j) {
        const auto begin = term.begin ? V::load_ints(term.begin + channel + LANES * j) : V::zero();
        VISTREAM_UNROLL
        for (int r = 0; r < ROWS; ++r) sums[r][j] = begin;
    }
}

// What `ROWS` positions, from the `first` of a group on, see `dy` rows and `dx` columns behind where their windows begin.
template <int ROWS>
VISTREAM_INLINE void rows_at(const Term& term, const Corners<CONVOLVE_GROUP>& corners, int first, int32_t dy, int32_t dx,
                             const int8_t* rows[ROWS]) {
    if (corners.inside) {
        const int64_t offset = (int64_t(dy) * term.window.width + dx) * term.row_bytes;
        for (int r = 0; r < ROWS; ++r) rows[r] = corners.at[first + r] + offset;
    } else {
        for (int r = 0; r < ROWS; ++r) rows[r] = input_at(term, corners.y[first + r] + dy, corners.x[first + r] + dx);
    }
}

// Calls `add(rows, quads, weight)` for each piece of the windows whose inputs lie side by side, and its weights.
template <int ROWS, class Add>
VISTREAM_INLINE void each_piece(const Term& term, const Corners<CONVOLVE_GROUP>& corners, int first, int64_t channel,
                                const Add& add) {
    const Window& window = term.window;
    const int8_t* weight = term.weight + channel / 16 * unit_bytes(term);
    // Where a row of a window lies in one piece, its taps are as one with more inputs. Which quads are pairs does not hang on it.
    const bool whole = term.row_bytes == 4 * term.quads && (term.quads == 1 || term.quads % 2 == 0);
    const bool joined = corners.inside && window.dilation_w == 1 && whole;
    const int64_t quads = joined ? window.kernel_w * term.quads : term.quads;
    const int32_t pieces = joined ? 1 : window.kernel_w;
    for (int ky = 0; ky < window.kernel_h; ++ky) {
        for (int kx = 0; kx < pieces; ++kx, weight += 64 * quads) {
            const int8_t* rows[ROWS];
            rows_at<ROWS>(term, corners, first, ky * window.dilation_h, kx * window.dilation_w, rows);
            add(rows, quads, weight);
        }
    }
}

}  // namespace VARIANT
