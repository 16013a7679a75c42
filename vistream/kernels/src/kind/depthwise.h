// Depthwise convolutions: every channel has a window of its own.
//
// Of each column of a window, four rows at a time are dealt out so that the four inputs of a channel are neighbours; one
// dot product then takes them all. Positions that follow upon each other share columns: each is dealt out once and added
// to every output that sees it. Weights, first sums, bias and multiplier lie in the order that this leaves the channels in.
#pragma once
#include "requantise.h"
#include "windows.h"

namespace VARIANT {

constexpr int MOST_FOURS = 2;  // groups of four rows of a window whose columns are shared
constexpr int RUN = 64;  // positions that are worked on together, so that their inputs stay near

// The constants of one block of `V::WIDTH` channels, as `packing.pack_depthwise` lays them out.
template <class V> struct DepthwiseBlock {
    const int8_t* weight;  // [fours][kernel_w][4][V::WIDTH] bytes
    const int32_t* first;  // [4][V::WIDTH / 4], or null
    Epilogue<V> epilogue;

    // Behind the multipliers in order come those as dealt out, and the biases.
    DepthwiseBlock(const Term& term, const Layer& layer, int64_t channel, int64_t fours)
        : weight(term.weight + channel * term.window.kernel_w * fours * 4),
          first(term.begin ? term.begin + channel : nullptr),
          epilogue(&layer, term.multiplier + 2 * layer.stride + channel, term.multiplier + layer.stride + channel) {}

    VISTREAM_INLINE void begin(typename V::Ints sums[4]) const {
        for (int j = 0; j < 4; ++j)
            sums[j] = first ? V::load_ints(first + j * V::WIDTH / 4) : V::zero();
    }
};

// The rows of a source that the windows of one output row see; `step` is 0 where the row lies outside.
struct Rows {
    const int8_t* at[4];
    int64_t step[4];

    // Rows `four * 4 ..` of the windows of output row `y`; beyond the kernel the weights are 0, and anything will do.
    Rows(const Term& term, int32_t y, int64_t four) {
        const Window& window = term.window;
        for (int k = 0; k < 4; ++k) {
            const int32_t tap = int32_t(4 * four + k);
            const int32_t row = y * window.stride_h - window.top + tap * window.dilation_h;
            const bool inside = tap < window.kernel_h && row >= 0 && row < window.height;
            at[k] = inside ? term.source + int64_t(row) * window.width * term.row_bytes : outside(term);
            step[k] = inside ? term.row_bytes : 0;
        }
    }

    template <class V>
    VISTREAM_INLINE void column(const Term& term, int32_t x, int64_t channel, typename V::Bytes quads[4]) const {
        typename V::Bytes rows[4];
        if (uint32_t(x) < uint32_t(term.window.width)) {
            for (int k = 0; k < 4; ++k) rows[k] = V::load(at[k] + x * step[k] + channel);
        } else {
            for (int k = 0; k < 4; ++k) rows[k] = V::load(outside(term) + channel);
        }
        V::interleave(rows, quads);
    }
};

template <class V, bool SIGNED>
VISTREAM_INLINE void add_column(typename V::Ints sums[4], const typename V::Bytes quads[4], const int8_t* weight) {
    for (int j = 0; j < 4; ++j) sums[j] = V::template dot<SIGNED>(sums[j], quads[j], V::load(weight + j * V::WIDTH));
}

// Sums of one position to levels.
template <class V>
VISTREAM_INLINE int64_t finish_depthwise(const typename V::Ints sums[4], const DepthwiseBlock<V>& block, const Step& step,
                                int64_t position, int64_t channel, int64_t slot, const Workspace* workspace) {
    if (step.plain) return block.epilogue.template finish<false>(sums, position, channel);
    constexpr int LANES = V::WIDTH / 4;
    int32_t dealt[V::WIDTH], ordered[V::WIDTH];
    for (int j = 0; j < 4; ++j) V::store_ints(dealt + j * LANES, sums[j]);
    for (int j = 0; j < 4; ++j)
        for (int quarter = 0; quarter < LANES / 4; ++quarter)
            memcpy(ordered + 16 * quarter + 4 * j, dealt + j * LANES + 4 * quarter, 16);
    return finish_from<V>(ordered, step, position, channel, slot, workspace);
}

template <bool SIGNED> struct DepthwiseRun {
    const Step& step;
    int32_t position, y, x;  // of the first output
    int count;
    int64_t slot;
    const Workspace* workspace;

    template <class V> int64_t block(int64_t channel) const {
        const Window& window = step.term->window;
        const int64_t fours = (window.kernel_h + 3) / 4;
        const DepthwiseBlock<V> constants(*step.term, *step.layer, channel, fours);
        if (window.dilation_w == 1 && fours <= MOST_FOURS && count > 1) {
            if (window.kernel_w == 3 && window.stride_w == 1) return slide<V, 3, 1>(constants, channel, fours);
            if (window.kernel_w == 3 && window.stride_w == 2) return slide<V, 3, 2>(constants, channel, fours);
            if (window.kernel_w == 5 && window.stride_w == 1) return slide<V, 5, 1>(constants, channel, fours);
            if (window.kernel_w == 5 && window.stride_w == 2) return slide<V, 5, 2>(constants, channel, fours);
        }
        return each<V>(constants, channel, fours);
    }

    // Every column is dealt out once, and added to the outputs whose windows hold it: column `i` is tap `i - STRIDE * o`
    // of output `o`. Output `o` is done with column `STRIDE * o + KERNEL - 1`.
    template <class V, int KERNEL, int STRIDE>
    int64_t slide(const DepthwiseBlock<V>& constants, int64_t channel, int64_t fours) const {
        constexpr int LIVE = (KERNEL + STRIDE - 1) / STRIDE;  // outputs that a column may belong to
        const Term& term = *step.term;
        const Rows rows[MOST_FOURS] = {Rows(term, y, 0), Rows(term, y, 1)};
        const int32_t first = x * STRIDE - term.window.left;
        typename V::Ints sums[LIVE][4];  // the next output to be done first
        VISTREAM_UNROLL
        for (int j = 0; j < LIVE; ++j) constants.begin(sums[j]);
        VISTREAM_UNROLL
        for (int i = 0; i < KERNEL - STRIDE; ++i)
            add_to_live<V, KERNEL, STRIDE>(sums, rows, first + i, i, constants, channel, fours);
        int64_t changes = 0;
        for (int32_t o = 0; o < count; ++o) {
            VISTREAM_UNROLL
            for (int t = 0; t < STRIDE; ++t) {
                const int tap = KERNEL - STRIDE + t;
                add_to_live<V, KERNEL, STRIDE>(sums, rows, first + STRIDE * o + tap, tap, constants, channel, fours);
            }
            changes += finish_depthwise<V>(sums[0], constants, step, position + o, channel, slot + o, workspace);
            VISTREAM_UNROLL
            for (int j = 0; j + 1 < LIVE; ++j)
                for (int k = 0; k < 4; ++k) sums[j][k] = sums[j + 1][k];
            constants.begin(sums[LIVE - 1]);
        }
        return changes;
    }

    // Column `x`, which is tap `tap` of the first live output, tap `tap - STRIDE` of the second, ...
    template <class V, int KERNEL, int STRIDE, int LIVE>
    VISTREAM_INLINE void add_to_live(typename V::Ints (&sums)[LIVE][4], const Rows* rows, int32_t column, int tap,
                                     const DepthwiseBlock<V>& constants, int64_t channel, int64_t fours) const {
        for (int64_t four = 0; four < fours; ++four) {
            typename V::Bytes quads[4];
            rows[four].template column<V>(*step.term, column, channel, quads);
            const int8_t* weight = constants.weight + four * KERNEL * 4 * V::WIDTH;
            VISTREAM_UNROLL
            for (int j = 0; j < LIVE; ++j)
                if (tap >= STRIDE * j) add_column<V, SIGNED>(sums[j], quads, weight + (tap - STRIDE * j) * 4 * V::WIDTH);
        }
    }

    template <class V> int64_t each(const DepthwiseBlock<V>& constants, int64_t channel, int64_t fours) const {
        const Term& term = *step.term;
        const Window& window = term.window;
        int64_t changes = 0;
        for (int32_t i = 0; i < count; ++i) {
            typename V::Ints sums[4];
            constants.begin(sums);
            const int8_t* weight = constants.weight;
            const int32_t left = (x + i) * window.stride_w - window.left;
            for (int64_t four = 0; four < fours; ++four) {
                const Rows rows(term, y, four);
                for (int k = 0; k < window.kernel_w; ++k, weight += 4 * V::WIDTH) {
                    typename V::Bytes quads[4];
                    rows.column<V>(term, left + k * window.dilation_w, channel, quads);
                    add_column<V, SIGNED>(sums, quads, weight);
                }
            }
            changes += finish_depthwise<V>(sums, constants, step, position + i, channel, slot + i, workspace);
        }
        return changes;
    }
};

template <bool SIGNED>
inline int64_t depthwise(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    const int32_t columns = step.term->window.columns;
    int64_t changes = 0;
    for (int64_t i = 0; i < count;) {
        const int32_t position = index[i], y = position / columns, x = position - y * columns;
        int64_t most = count - i < RUN ? count - i : RUN;
        if (most > columns - x) most = columns - x;
        const int run = side_by_side(index + i, int(most));
        changes += each_block(step.layer->stride, DepthwiseRun<SIGNED>{step, position, y, x, run, slot + i, workspace});
        i += run;
    }
    return changes;
}

}  // namespace VARIANT
