// Convolutions as matrix products: a tile of positions by channels whose sums stay in registers until they are levels.
#pragma once
#include "pairs.h"
#include "pieces.h"
#include "requantise.h"

namespace VARIANT {

// Adds `quads` quads of each row to the sums of a tile. `SWAPS`: the factors change places.
template <class V, int ROWS, bool SIGNED, bool SWAPS> struct AddQuads {
    static constexpr int LANES = V::WIDTH / V::VECTORS;
    const int64_t unit;  // bytes of 16 channels' weights
    typename V::Ints (*sums)[V::VECTORS];

    VISTREAM_INLINE void operator()(const int8_t* const rows[ROWS], int64_t quads, const int8_t* weight) const {
        for (int64_t quad = 0; quad < quads; ++quad, weight += 64) {
            typename V::Quads weights[V::VECTORS];
            VISTREAM_UNROLL
            for (int j = 0; j < V::VECTORS; ++j)  // 16 channels' quads are 64 bytes; the next lie a unit further
                weights[j] = V::load_quads(weight + LANES * j / 16 * unit + LANES * j % 16 * 4);
            VISTREAM_UNROLL
            for (int r = 0; r < ROWS; ++r) {
                const auto inputs = V::broadcast_quad(rows[r] + 4 * quad);
                VISTREAM_UNROLL
                for (int j = 0; j < V::VECTORS; ++j)
                    sums[r][j] = SWAPS ? V::template dot<SIGNED>(sums[r][j], weights[j], inputs)
                                       : V::template dot<SIGNED>(sums[r][j], inputs, weights[j]);
            }
        }
    }
};

// Where sums of a block of channels are kept for later changes, position by position; null: nowhere.
template <class V> inline int32_t* kept_sums(const Step& step, int64_t channel) {
    const vistream::Events* events = step.term->events;
    return events && events->adds ? events->sums + channel * step.layer->area : nullptr;
}

// The sums of tiles of a group, computed from all inputs.
template <bool SIGNED, bool SWAPS = false> struct DenseSums {
    const Term& term;
    const Corners<CONVOLVE_GROUP>& corners;

    template <class V, int ROWS>
    VISTREAM_INLINE void tile(int first, int64_t channel, typename V::Ints sums[ROWS][V::VECTORS]) const {
        begin_sums<V, ROWS>(term, channel, sums);
        each_piece<ROWS>(term, corners, first, channel, AddQuads<V, ROWS, SIGNED, SWAPS>{unit_bytes(term), sums});
    }
};

// A group of positions whose sums become levels; `made.tile(...)` says what they are.
template <class Sums> struct TileGroup {
    const Step& step;
    const Sums& made;
    const int32_t* index;
    int count;
    int64_t slot;
    const Workspace* workspace;

    template <class V> int64_t block(int64_t channel) const {
        constexpr int ROWS = V::TILE_ROWS;
        const Epilogue<V> epilogue(step, channel, step.layer->bias + channel, step.term->multiplier + channel, workspace);
        const Ending ending = step.ending();
        int32_t* const kept = kept_sums<V>(step, channel);
        int64_t changes = 0;
        for (int first = 0; first < count; first += ROWS) {
            typename V::Ints sums[ROWS][V::VECTORS];
            made.template tile<V, ROWS>(first, channel, sums);
            const int here = count - first < ROWS ? count - first : ROWS;
            const int32_t* positions = index + first;
            if (kept) keep<V>(sums, kept, positions, here);
            switch (ending) {
                case PLAIN: changes += finish_tile<PLAIN, V>(epilogue, sums, positions, here, slot + first); break;
                case RIDE: changes += finish_tile<RIDE, V>(epilogue, sums, positions, here, slot + first); break;
                case HOLD: changes += finish_tile<HOLD, V>(epilogue, sums, positions, here, slot + first); break;
                case RESUME: changes += finish_tile<RESUME, V>(epilogue, sums, positions, here, slot + first); break;
                case ANY:
                    VISTREAM_UNROLL
                    for (int r = 0; r < ROWS; ++r)
                        if (r < here)
                            changes += finish_sums<V>(sums[r], step, positions[r], channel, slot + first + r, workspace);
            }
        }
        return changes;
    }

    template <class V>
    VISTREAM_INLINE void keep(const typename V::Ints sums[V::TILE_ROWS][V::VECTORS], int32_t* to, const int32_t* positions,
                              int here) const {
        VISTREAM_UNROLL
        for (int r = 0; r < V::TILE_ROWS; ++r)
            for (int j = 0; r < here && j < V::VECTORS; ++j)
                V::store_ints(to + int64_t(positions[r]) * V::WIDTH + V::WIDTH / V::VECTORS * j, sums[r][j]);
    }

    // First all sums to levels, then all levels to memory: steps that depend on each other are apart, and the CPU does not
    // wait for one position after the other.
    template <Ending ENDING, class V>
    VISTREAM_INLINE int64_t finish_tile(const Epilogue<V>& epilogue, const typename V::Ints sums[V::TILE_ROWS][V::VECTORS],
                                        const int32_t* positions, int here, int64_t first_slot) const {
        typename V::Bytes fresh[V::TILE_ROWS];
        VISTREAM_UNROLL
        for (int r = 0; r < V::TILE_ROWS; ++r)
            fresh[r] = epilogue.template round<ENDING, true>(sums[r], positions[r < here ? r : 0], first_slot + r);
        if (ENDING == HOLD) return 0;
        int64_t changes = 0;
        VISTREAM_UNROLL
        for (int r = 0; r < V::TILE_ROWS; ++r)
            if (r < here) changes += epilogue.write(fresh[r], positions[r]);
        return changes;
    }
};

// Asks for the memory of positions that do not follow upon each other, which the CPU does not foresee.
inline void ask_for(const Step& step, const int32_t* index, int count, bool direct) {
    const Layer* layer = step.layer;
    if (!layer->levels || index[count - 1] - index[0] < count + count / 4) return;
    for (int i = 0; i < count; ++i) {
        ask_for_levels(*layer, index[i]);
        if (!direct) continue;
        const int8_t* from = step.term->source + index[i] * step.term->row_bytes;
        for (int64_t line = 0; line < step.term->row_bytes; line += 64) __builtin_prefetch(from + line);
    }
}

// Positions `index[0 .. count)`, the first of which is in place `slot` of what is pending.
template <class Sums>
inline int64_t convolve(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    const bool direct = pointwise(step.term->window);
    int64_t changes = 0;
    Corners<CONVOLVE_GROUP> corners;
    for (int64_t first = 0; first < count; first += CONVOLVE_GROUP) {
        const int here = int(count - first < CONVOLVE_GROUP ? count - first : CONVOLVE_GROUP);
        ask_for(step, index + first, here, direct);
        if (direct) corners.find_pointwise(*step.term, index + first, here);
        else corners.find(*step.term, index + first, here);
        const Sums sums{*step.term, corners};
        const TileGroup<Sums> group{step, sums, index + first, here, slot + first, workspace};
        changes += each_block(step.layer->stride, group);
    }
    return changes;
}

// The same by the sums that suit the term: all of its inputs are multiplied.
inline int64_t convolve_anew(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
#ifdef VISTREAM_PAIRS
    if (step.term->pairs) return convolve<PairedSums>(step, index, count, slot, workspace);
    if (step.term->is_signed == vistream::SIGNS_OF_WEIGHTS)
        return convolve<DenseSums<true, true>>(step, index, count, slot, workspace);
#endif
    const auto by_quads = step.term->is_signed ? convolve<DenseSums<true>> : convolve<DenseSums<false>>;
    return by_quads(step, index, count, slot, workspace);
}

}  // namespace VARIANT
