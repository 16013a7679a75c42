// Convolutions by events: a level that changed adds what it changed by, times its row of weights, to sums that are kept.
//
// The rows of four changes are interleaved, so that one dot product adds four changes to a channel's sum: about twice what an
// input costs that is computed anew, for the changed ones only. A segment of inputs, a tap of it and a block of channels at a
// time, so that the rows of weights stay in the first-level cache for all positions of a group.
#pragma once
#include "convolve.h"

namespace VARIANT {

using vistream::Events;
using vistream::GROUP;
using vistream::SEGMENT;

// Lists those of a register of levels that differ from what was seen; returns how many.
template <class V> inline int64_t list_register(const int8_t* levels, const int8_t* seen, int64_t first, uint8_t* channels, int8_t* deltas) {
    int64_t count = 0;
    for (uint64_t mask = V::differ(V::load(levels + first), V::load(seen + first)); mask; mask &= mask - 1, ++count) {
        const int64_t c = first + __builtin_ctzll(mask);
        channels[count] = uint8_t(c);
        deltas[count] = int8_t(levels[c] - seen[c]);
    }
    return count;
}

// Lists what changed in `size` levels since they were seen, filled up to whole fours by changes of 0.
inline void list_segment(const int8_t* levels, int8_t* seen, int64_t size, uint8_t* channels, int8_t* deltas, int16_t* counts) {
    int64_t count = 0, c = 0;
    for (; c + Widest::WIDTH <= size; c += Widest::WIDTH)
        count += list_register<Widest>(levels, seen, c, channels + count, deltas + count);
    for (; c < size; c += Quarter::WIDTH)
        count += list_register<Quarter>(levels, seen, c, channels + count, deltas + count);
    int32_t total = 0;
    for (int64_t n = 0; n < count; ++n) total += deltas[n];
    if (count) memcpy(seen, levels, size_t(size));
    for (; count % 4; ++count) channels[count] = 0, deltas[count] = 0;
    counts[0] = int16_t(count), counts[1] = int16_t(total);
}

// The same of positions `begin .. end` of a term's source, segment by segment.
inline void list_changes(const Term* term, int64_t begin, int64_t end) {
    const Events& events = *term->events;
    const int64_t bytes = term->row_bytes;
    int16_t* counts = events.counts + begin * 2 * events.segments;
    for (int64_t position = begin; position < end; ++position)
        for (int64_t first = 0; first < bytes; first += SEGMENT, counts += 2) {
            const int64_t at = position * bytes + first, size = bytes - first < SEGMENT ? bytes - first : SEGMENT;
            counts[0] = counts[1] = 0;
            if (term->changed[position])
                list_segment(term->source + at, events.seen + at, size, events.channels + at, events.deltas + at, counts);
        }
}

// A group of positions, whose sums of a block of channels are brought up to date in the workspace and then taken from there.
struct EventGroup {
    const Step& step;
    const Corners<GROUP>& corners;
    const int32_t* index;
    int count;
    int64_t slot;
    const Workspace* workspace;

    template <class V> int64_t block(int64_t channel) const {
        const Window& window = step.term->window;
        const int32_t* kept = kept_sums<V>(step, channel);
        for (int i = 0; i < count; ++i)
            memcpy(workspace->sums + i * V::WIDTH, kept + int64_t(index[i]) * V::WIDTH, V::WIDTH * sizeof *kept);
        for (int32_t ky = 0; ky < window.kernel_h; ++ky)
            for (int32_t kx = 0; kx < window.kernel_w; ++kx) add_tap<V>(channel, ky, kx);
        return TileGroup<EventGroup>{step, *this, index, count, slot, workspace}.template block<V>(channel);
    }

    template <class V> void add_tap(int64_t channel, int32_t ky, int32_t kx) const {
        const Term& term = *step.term;
        const Window& window = term.window;
        const Events& events = *term.events;
        const int8_t* weight = events.weight + channel * events.inner + (ky * window.kernel_w + kx) * events.inputs * V::WIDTH;
        for (int64_t segment = 0; segment < events.segments; ++segment, weight += SEGMENT * V::WIDTH)
            for (int i = 0; i < count; ++i) {
                const int32_t y = corners.y[i] + ky * window.dilation_h, x = corners.x[i] + kx * window.dilation_w;
                if (uint32_t(y) >= uint32_t(window.height) || uint32_t(x) >= uint32_t(window.width)) continue;
                const int64_t source = int64_t(y) * window.width + x, at = source * term.row_bytes + segment * SEGMENT;
                const int16_t* counts = events.counts + (source * events.segments + segment) * 2;
                if (counts[0])
                    add_changes<V>(weight, events.channels + at, events.deltas + at, counts, workspace->sums + i * V::WIDTH);
            }
    }

    template <class V>
    VISTREAM_INLINE void add_changes(const int8_t* weight, const uint8_t* channels, const int8_t* deltas, const int16_t* counts, int32_t* sums) const {
        constexpr int LANES = V::WIDTH / V::VECTORS;
        const auto flipped = V::fill_ints(FLIPS ? -128 * counts[1] : 0);
        typename V::Ints total[V::VECTORS];
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) total[j] = V::plus(V::load_ints(sums + LANES * j), flipped);
        for (int64_t n = 0; n < counts[0]; n += 4) {
            typename V::Bytes rows[4];
            typename V::Quads quads[V::VECTORS];
            VISTREAM_UNROLL
            for (int k = 0; k < 4; ++k) rows[k] = V::load(weight + int64_t(channels[n + k]) * V::WIDTH);
            V::interleave(rows, quads);
            const auto factors = V::broadcast_quad(deltas + n);
            VISTREAM_UNROLL
            for (int j = 0; j < V::VECTORS; ++j) total[j] = V::template dot<!FLIPS>(total[j], quads[j], factors);
        }
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) V::store_ints(sums + LANES * j, total[j]);
    }

    template <class V, int ROWS>
    VISTREAM_INLINE void tile(int first, int64_t, typename V::Ints sums[ROWS][V::VECTORS]) const {
        constexpr int LANES = V::WIDTH / V::VECTORS;
        VISTREAM_UNROLL
        for (int r = 0; r < ROWS; ++r)
            VISTREAM_UNROLL
            for (int j = 0; j < V::VECTORS; ++j)
                sums[r][j] = V::load_ints(workspace->sums + (first + r < count ? first + r : first) * V::WIDTH + LANES * j);
    }
};

// Positions whose sums are kept, from these and the changes.
inline int64_t add_events(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    int64_t changes = 0;
    Corners<GROUP> corners;
    for (int64_t first = 0; first < count; first += GROUP) {
        const int here = int(count - first < GROUP ? count - first : GROUP);
        corners.find(*step.term, index + first, here);
        changes += each_block(step.layer->stride, EventGroup{step, corners, index + first, here, slot + first, workspace});
    }
    return changes;
}

// Positions run by run: where sums are kept by events, else anew, and kept from now on. Levels are not negative.
inline int64_t convolve_by_events(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    uint8_t* valid = step.term->events->valid;
    int64_t changes = 0;
    for (int64_t first = 0, last = 0; first < count; first = last) {
        const uint8_t kept = valid[index[first]];
        while (last < count && valid[index[last]] == kept) ++last;
        const auto run = kept ? add_events : convolve_anew;
        changes += run(step, index + first, last - first, slot + first, workspace);
        for (int64_t i = first; i < last; ++i) valid[index[i]] = 1;
    }
    return changes;
}

}  // namespace VARIANT
