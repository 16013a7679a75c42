// Convolutions by the CPU's tile registers (AMX): 16 positions by 16 channels by 64 inputs in one instruction, exact.
//
// Inputs of 32 positions are gathered into rows of whole steps of 64 bytes. A chunk of steps at a time, so that gathered
// inputs stay in the first-level cache, every pair of columns of a panel of channels adds to its sums.
#pragma once
#ifdef __AMX_INT8__
#include "convolve.h"

namespace VARIANT {

constexpr int STEP = 64, ROWS_OF_TILE = 16, CHUNK = 12;
using vistream::PANEL;

// Shapes of the eight registers: all of 16 rows of 64 bytes. Must run on each thread before its first tile instruction.
inline void begin_tiles() {
    struct alignas(64) { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } shapes = {};
    shapes.palette = 1;
    for (int i = 0; i < 8; ++i) shapes.bytes[i] = STEP, shapes.rows[i] = ROWS_OF_TILE;
    _tile_loadconfig(&shapes);
}

// sums [32][PANEL] [+]= inputs [32][steps * 64] @ weights of two columns of 16 channels.
inline void tiles_2x2(const int8_t* inputs, int64_t input_stride, int64_t steps, const int8_t* left, const int8_t* right,
                      int32_t* sums, bool more) {
    constexpr int64_t SUMS = 4 * PANEL;
    int32_t *upper = sums, *lower = sums + ROWS_OF_TILE * PANEL;
    if (more) {
        _tile_loadd(0, upper, SUMS);
        _tile_loadd(1, upper + 16, SUMS);
        _tile_loadd(2, lower, SUMS);
        _tile_loadd(3, lower + 16, SUMS);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t step = 0; step < steps; ++step) {
        _tile_loadd(4, inputs + STEP * step, input_stride);
        _tile_loadd(5, inputs + STEP * step + ROWS_OF_TILE * input_stride, input_stride);
        _tile_loadd(6, left + 1024 * step, 64);
        _tile_loadd(7, right + 1024 * step, 64);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_stored(0, upper, SUMS);
    _tile_stored(1, upper + 16, SUMS);
    _tile_stored(2, lower, SUMS);
    _tile_stored(3, lower + 16, SUMS);
}

inline void tiles_2x1(const int8_t* inputs, int64_t input_stride, int64_t steps, const int8_t* column, int32_t* sums,
                      bool more) {
    constexpr int64_t SUMS = 4 * PANEL;
    int32_t* lower = sums + ROWS_OF_TILE * PANEL;
    if (more) {
        _tile_loadd(0, sums, SUMS);
        _tile_loadd(2, lower, SUMS);
    } else {
        _tile_zero(0);
        _tile_zero(2);
    }
    for (int64_t step = 0; step < steps; ++step) {
        _tile_loadd(4, inputs + STEP * step, input_stride);
        _tile_loadd(5, inputs + STEP * step + ROWS_OF_TILE * input_stride, input_stride);
        _tile_loadd(6, column + 1024 * step, 64);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(2, 5, 6);
    }
    _tile_stored(0, sums, SUMS);
    _tile_stored(2, lower, SUMS);
}

// Short copies, and no call for each; nothing is read or written behind them. The shortest have registers that seldom reach
// into the next line of the cache.
inline void copy(int8_t* to, const int8_t* from, int64_t bytes) {
    if (bytes <= 16) {
        const __mmask16 mask = __mmask16((uint32_t(1) << bytes) - 1);
        _mm_mask_storeu_epi8(to, mask, _mm_maskz_loadu_epi8(mask, from));
        return;
    }
    for (; bytes > 0; to += STEP, from += STEP, bytes -= STEP) {
        const __mmask64 mask = bytes < STEP ? (uint64_t(1) << bytes) - 1 : ~uint64_t(0);
        _mm512_mask_storeu_epi8(to, mask, _mm512_maskz_loadu_epi8(mask, from));
    }
}

// The inputs of a group, row by row; what lies behind a row's last tap meets weights of 0.
inline void gather(const Term& term, const Corners<vistream::GROUP>& corners, int8_t* to, int64_t stride) {
    const Window& window = term.window;
    const int64_t piece = window.kernel_w * term.row_bytes;
    for (int i = 0; i < vistream::GROUP; ++i) {
        int8_t* row = to + i * stride;
        const int32_t x = corners.x[i];
        const bool joined = window.dilation_w == 1 && x >= 0 && x + window.kernel_w <= window.width;
        for (int ky = 0; ky < window.kernel_h; ++ky) {
            const int32_t y = corners.y[i] + ky * window.dilation_h;
            if (joined && uint32_t(y) < uint32_t(window.height)) {
                copy(row, input_at(term, y, x), piece);
                row += piece;
                continue;
            }
            for (int kx = 0; kx < window.kernel_w; ++kx, row += term.row_bytes)
                copy(row, input_at(term, y, x + kx * window.dilation_w), term.row_bytes);
        }
    }
}

// Sums of a group that tile registers left in memory, for each position those of channels from `panel` on.
struct TileSums {
    const Term& term;
    const int32_t* made;
    int64_t panel;

    template <class V, int ROWS>
    VISTREAM_INLINE void tile(int first, int64_t channel, typename V::Ints sums[ROWS][V::VECTORS]) const {
        static_assert(vistream::GROUP % ROWS == 0, "the last rows would lie behind the group");
        constexpr int LANES = V::WIDTH / V::VECTORS;
        begin_sums<V, ROWS>(term, channel, sums);
        VISTREAM_UNROLL
        for (int r = 0; r < ROWS; ++r)
            for (int j = 0; j < V::VECTORS; ++j)
                sums[r][j] = V::plus(sums[r][j], V::load_ints(made + (first + r) * PANEL + channel - panel + LANES * j));
    }
};

inline int64_t convolve_tiles(const Step& step, const int32_t* index, int64_t count, int64_t slot,
                              const Workspace* workspace) {
    const Term& term = *step.term;
    const int64_t stride = step.layer->stride, steps = term.quads / 16;
    const int64_t unit = steps * 1024;  // bytes of 16 channels' weights
    const bool direct = pointwise(term.window);
    Corners<vistream::GROUP> corners;
    int64_t changes = 0;
    begin_tiles();
    for (int64_t first = 0; first < count; first += vistream::GROUP) {
        const int here = int(count - first < vistream::GROUP ? count - first : vistream::GROUP);
        ask_for(step, index + first, here, direct);
        const int8_t* inputs = workspace->gathered;
        int64_t input_stride = STEP * steps;
        if (direct && side_by_side(index + first, here) == here) {
            inputs = term.source + index[first] * term.row_bytes, input_stride = term.row_bytes;
        } else {
            corners.find(term, index + first, here);
            gather(term, corners, workspace->gathered, input_stride);
        }
        for (int64_t panel = 0; panel < stride; panel += PANEL) {
            const int64_t width = stride - panel < PANEL ? stride - panel : PANEL;
            for (int64_t chunk = 0; chunk < steps; chunk += CHUNK) {
                const int64_t now = steps - chunk < CHUNK ? steps - chunk : CHUNK;
                for (int64_t column = 0; column < width; column += 32) {
                    const int8_t* weight = term.weight + (panel + column) / 16 * unit + 1024 * chunk;
                    int32_t* sums = workspace->sums + column;
                    if (column + 16 < width)
                        tiles_2x2(inputs + STEP * chunk, input_stride, now, weight, weight + unit, sums, chunk > 0);
                    else
                        tiles_2x1(inputs + STEP * chunk, input_stride, now, weight, sums, chunk > 0);
                }
            }
            const TileSums made{term, workspace->sums, panel};
            const TileGroup<TileSums> group{step, made, index + first, here, slot + first, workspace};
            changes += each_block(panel + width, group, panel);
        }
    }
    _tile_release();
    return changes;
}

}  // namespace VARIANT
#endif
