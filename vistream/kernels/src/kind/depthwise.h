// Depthwise convolutions: every channel has a window of its own.
//
// Of each column of a window, four rows at a time are dealt out so that the four inputs of a channel are neighbours; one
// dot product then takes them all. Positions that follow upon each other share columns: each is dealt out once and added
// to every output that sees it. Weights, first sums, bias and multiplier lie in the order that this leaves the channels in.
#pragma once
#include "requantise.h"
#include "windows.h"

namespace VARIANT {

constexpr int RUN = 64;   // positions that are worked on together, so that their inputs stay near
constexpr int AHEAD = 8;  // positions before which what a position holds is asked for

// The constants of one block of `V::WIDTH` channels, as `packing._depthwise` lays them out.
template <class V> struct DepthwiseBlock {
    static constexpr int LANES = V::WIDTH / V::VECTORS;
    const int8_t* weight;  // [fours][kernel_w][V::WIDTH][4] bytes
    const int32_t* first;  // [V::WIDTH], or null
    Epilogue<V> epilogue;

    // Behind the multipliers in order come those as dealt out, and the biases.
    VISTREAM_INLINE DepthwiseBlock(const Step& step, int64_t channel, const Workspace* workspace)
        : weight(step.term->weight + channel * step.term->window.kernel_w * ((step.term->window.kernel_h + 3) / 4) * 4),
          first(step.term->begin ? step.term->begin + channel : nullptr),
          epilogue(step, channel, step.term->multiplier + 2 * step.layer->stride + channel,
                   step.term->multiplier + step.layer->stride + channel, workspace) {}

    VISTREAM_INLINE void begin(typename V::Ints sums[V::VECTORS]) const {
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) sums[j] = first ? V::load_ints(first + j * LANES) : V::zero();
    }

    VISTREAM_INLINE int64_t finish(const typename V::Ints sums[V::VECTORS], int64_t position) const {
        return epilogue.write(epilogue.template round<PLAIN, false>(sums, position, 0), position);
    }

    VISTREAM_INLINE void ask_for(int64_t position) const { epilogue.ask_for(position); }

    // Adds the four inputs of each channel, times the weights of column `column` of a window.
    template <bool SIGNED, bool SWAPS>
    VISTREAM_INLINE void add(typename V::Ints sums[V::VECTORS], const typename V::Quads quads[V::VECTORS],
                             int64_t column) const {
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) {
            const auto weights = V::load_quads(weight + 4 * (column * V::WIDTH + j * LANES));
            sums[j] = SWAPS ? V::template dot<SIGNED>(sums[j], weights, quads[j])
                            : V::template dot<SIGNED>(sums[j], quads[j], weights);
        }
    }
};

// `COUNT` rows of a source that the windows of one output row see, one column after the other, at one block of channels.
template <class V, int COUNT> struct Rows {
    const int8_t *at[COUNT], *beyond;  // the next column; what windows see outside
    int64_t step[COUNT];               // to the one after it: 0 where the row lies outside
    int32_t x, width;

    // From row `tap` of the windows of output row `y` on, and from column `x` on. Rows beyond the kernel meet weights of 0.
    VISTREAM_INLINE Rows(const Term& term, int32_t y, int32_t tap, int32_t x, int64_t channel)
        : beyond(outside(term) + channel), x(x), width(term.window.width) {
        const Window& window = term.window;
        for (int k = 0; k < COUNT; ++k) {
            const int32_t row = y * window.stride_h - window.top + (tap + k) * window.dilation_h;
            const bool inside = tap + k < window.kernel_h && row >= 0 && row < window.height;
            step[k] = inside ? term.row_bytes : 0;
            at[k] = inside ? term.source + (int64_t(row) * width + x) * term.row_bytes + channel : beyond;
        }
    }

    VISTREAM_INLINE void move(int32_t columns) {
        x += columns;
        VISTREAM_UNROLL
        for (int k = 0; k < COUNT; ++k) at[k] += columns * step[k];
    }

    // Deals out rows `first ..` of the next column.
    VISTREAM_INLINE void deal(int first, typename V::Quads quads[V::VECTORS]) const {
        typename V::Bytes rows[4];
        if (uint32_t(x) < uint32_t(width)) {
            VISTREAM_UNROLL
            for (int k = 0; k < 4; ++k) rows[k] = first + k < COUNT ? V::load(at[first + k]) : rows[0];
        } else {
            VISTREAM_UNROLL
            for (int k = 0; k < 4; ++k) rows[k] = V::load(beyond);
        }
        V::interleave(rows, quads);
    }
};

template <bool SIGNED, bool SWAPS> struct DepthwiseRun {
    const Step& step;
    int32_t position, y, x;  // of the first output
    int count;
    int64_t slot;
    const Workspace* workspace;

    template <class V> int64_t block(int64_t channel) const {
        const Window& window = step.term->window;
        const bool plain = step.ending() == PLAIN;
        if (plain && window.dilation_w == 1 && window.kernel_h == window.kernel_w && count > 1) {
            if (window.kernel_w == 3 && window.stride_w == 1) return slide<V, 3, 1>(channel);
            if (window.kernel_w == 3 && window.stride_w == 2) return slide<V, 3, 2>(channel);
            if (window.kernel_w == 5 && window.stride_w == 1) return slide<V, 5, 1>(channel);
            if (window.kernel_w == 5 && window.stride_w == 2) return slide<V, 5, 2>(channel);
        }
        return plain ? each<V, true>(channel) : each<V, false>(channel);
    }

    // Every column is dealt out once, and added to the outputs whose windows hold it: column `i` is tap `i - STRIDE * o`
    // of output `o`. Output `o` is done with column `STRIDE * o + KERNEL - 1`. Sums stay where they are; which output they
    // belong to goes round, so that everything is known where the loop is unrolled.
    template <class V, int KERNEL, int STRIDE> int64_t slide(int64_t channel) const {
        constexpr int LIVE = (KERNEL + STRIDE - 1) / STRIDE;  // outputs that a column may belong to
        const DepthwiseBlock<V> constants(step, channel, workspace);
        Rows<V, KERNEL> rows(*step.term, y, 0, x * STRIDE - step.term->window.left, channel);
        const int32_t outputs = count;
        typename V::Ints sums[LIVE][V::VECTORS];
        VISTREAM_UNROLL
        for (int j = 0; j < LIVE; ++j) constants.begin(sums[j]);
        VISTREAM_UNROLL
        for (int tap = 0; tap < KERNEL - STRIDE; ++tap) add_to_live<V, KERNEL, STRIDE>(sums, 0, rows, tap, constants);
        int64_t changes = 0;
        for (int32_t o = 0; o < outputs; o += LIVE)
            changes += round<0, V, KERNEL, STRIDE>(sums, rows, constants, o, outputs);
        return changes;
    }

    // Outputs `o ..`, the first of which has `sums[NEXT]`, until they have gone round.
    template <int NEXT, class V, int KERNEL, int STRIDE, int LIVE>
    VISTREAM_INLINE int64_t round(typename V::Ints (&sums)[LIVE][V::VECTORS], Rows<V, KERNEL>& rows,
                                  const DepthwiseBlock<V>& constants, int32_t o, int32_t outputs) const {
        VISTREAM_UNROLL
        for (int tap = KERNEL - STRIDE; tap < KERNEL; ++tap)
            add_to_live<V, KERNEL, STRIDE>(sums, NEXT, rows, tap, constants);
        if (STRIDE == 1) constants.ask_for(position + o + AHEAD);  // with fewer outputs a column it does not pay
        int64_t changes = constants.finish(sums[NEXT], position + o);
        constants.begin(sums[NEXT]);
        if constexpr (NEXT + 1 < LIVE) {
            if (o + 1 < outputs)
                changes += round<NEXT + 1, V, KERNEL, STRIDE>(sums, rows, constants, o + 1, outputs);
        }
        return changes;
    }

    // The next column: tap `tap` of the output whose sums are `sums[next]`, tap `tap - STRIDE` of the one after it, ...
    template <class V, int KERNEL, int STRIDE, int LIVE>
    VISTREAM_INLINE void add_to_live(typename V::Ints (&sums)[LIVE][V::VECTORS], int next, Rows<V, KERNEL>& rows, int tap,
                                     const DepthwiseBlock<V>& constants) const {
        VISTREAM_UNROLL
        for (int four = 0; four < (KERNEL + 3) / 4; ++four) {
            typename V::Quads quads[V::VECTORS];
            rows.deal(4 * four, quads);
            VISTREAM_UNROLL
            for (int j = 0; j < LIVE; ++j)
                if (tap >= STRIDE * j)
                    constants.template add<SIGNED, SWAPS>(sums[(next + j) % LIVE], quads, four * KERNEL + tap - STRIDE * j);
        }
        rows.move(1);
    }

    template <class V, bool PLAIN_ENDING> int64_t each(int64_t channel) const {
        const DepthwiseBlock<V> constants(step, channel, workspace);
        const Term& term = *step.term;
        const Window window = term.window;
        int64_t changes = 0;
        for (int32_t i = 0; i < count; ++i) {
            typename V::Ints sums[V::VECTORS];
            constants.begin(sums);
            for (int32_t tap = 0; tap < window.kernel_h; tap += 4) {
                Rows<V, 4> rows(term, y, tap, (x + i) * window.stride_w - window.left, channel);
                for (int32_t column = 0; column < window.kernel_w; ++column, rows.move(window.dilation_w)) {
                    typename V::Quads quads[V::VECTORS];
                    rows.deal(0, quads);
                    constants.template add<SIGNED, SWAPS>(sums, quads, tap / 4 * window.kernel_w + column);
                }
            }
            changes += PLAIN_ENDING ? constants.finish(sums, position + i)
                               : finish_dealt<V>(sums, position + i, channel, slot + i);
        }
        return changes;
    }

    // Sums of one position to what the layer gives, where the formula asks for channels in order.
    template <class V>
    int64_t finish_dealt(const typename V::Ints sums[V::VECTORS], int64_t at, int64_t channel, int64_t its_slot) const {
        constexpr int QUARTER = V::WIDTH / 4, LANES = V::WIDTH / V::VECTORS;
        int32_t dealt[V::WIDTH], ordered[V::WIDTH];
        for (int j = 0; j < V::VECTORS; ++j) V::store_ints(dealt + j * LANES, sums[j]);
        for (int j = 0; j < 4; ++j)
            for (int lane = 0; lane < QUARTER / 4; ++lane)
                memcpy(ordered + 16 * lane + 4 * j, dealt + j * QUARTER + 4 * lane, 16);
        typename V::Ints in_order[V::VECTORS];
        for (int j = 0; j < V::VECTORS; ++j) in_order[j] = V::load_ints(ordered + j * LANES);
        return finish_sums<V>(in_order, step, at, channel, its_slot, workspace);
    }
};

template <bool SIGNED, bool SWAPS = false>
inline int64_t depthwise(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    const int32_t columns = step.term->window.columns;
    int64_t changes = 0;
    for (int64_t i = 0; i < count;) {
        const int32_t position = index[i], y = position / columns, x = position - y * columns;
        int64_t most = count - i < RUN ? count - i : RUN;
        if (most > columns - x) most = columns - x;
        const int run = side_by_side(index + i, int(most));
        for (int64_t next = i + run; next < count && next < i + run + AHEAD; ++next) ask_for_levels(*step.layer, index[next]);
        changes += each_block(step.layer->stride, DepthwiseRun<SIGNED, SWAPS>{step, position, y, x, run, slot + i, workspace});
        i += run;
    }
    return changes;
}

}  // namespace VARIANT
