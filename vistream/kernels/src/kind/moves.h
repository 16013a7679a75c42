// Layers that move levels about without sums: the largest of a window, copies of rows, identities.
#pragma once
#include "requantise.h"
#include "windows.h"

namespace VARIANT {

struct PoolPosition {
    const Layer* layer;
    int64_t position;

    template <class V> int64_t block(int64_t channel) const {
        const Term& term = layer->terms[0];
        const Window& window = term.window;
        const int32_t row = int32_t(position / window.columns);
        const int32_t top = row * window.stride_h - window.top;
        const int32_t left = int32_t(position - int64_t(row) * window.columns) * window.stride_w - window.left;
        auto largest = V::fill(-128);
        for (int32_t ky = 0; ky < window.kernel_h; ++ky) {
            const int32_t y = top + ky * window.dilation_h;
            if (uint32_t(y) >= uint32_t(window.height)) continue;  // what lies outside never wins
            for (int32_t kx = 0; kx < window.kernel_w; ++kx) {
                const int32_t x = left + kx * window.dilation_w;
                if (uint32_t(x) >= uint32_t(window.width)) continue;
                const int8_t* at = term.source + (int64_t(y) * window.width + x) * term.row_bytes + channel;
                largest = V::largest(largest, V::load(at));
            }
        }
        int8_t* levels = layer->levels + position * layer->stride + channel;
        const uint64_t mask = V::differ(largest, V::load(levels));
        V::store(levels, largest);
        layer->changed[position] |= mask != 0;
        return ones(mask);
    }
};

inline int64_t max_pool(const Layer* layer, const int32_t* index, int64_t count) {
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i) changes += each_block(layer->stride, PoolPosition{layer, index[i]});
    return changes;
}

// Copies levels in whole registers, as many as there are from `*done` on; returns how many changed.
template <class V> inline int64_t copy_registers(const int8_t* from, int8_t* to, int64_t count, int64_t* done) {
    int64_t changes = 0;
    for (; *done + V::WIDTH <= count; *done += V::WIDTH) {
        const typename V::Bytes fresh = V::load(from + *done);
        changes += ones(V::differ(fresh, V::load(to + *done)));
        V::store(to + *done, fresh);
    }
    return changes;
}

inline int64_t copy_levels(const int8_t* from, int8_t* to, int64_t count) {
    int64_t done = 0;
    int64_t changes = copy_registers<Widest>(from, to, count, &done);
    changes += copy_registers<Quarter>(from, to, count, &done);
    for (; done < count; ++done) {
        changes += to[done] != from[done];
        to[done] = from[done];
    }
    return changes;
}

// The channels of every term's rows, side by side, or those that a term names.
inline int64_t copy(const Layer* layer, const int32_t* index, int64_t count) {
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i) {
        int8_t* row = layer->levels + index[i] * layer->stride;
        int64_t here = 0;
        for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term) {
            const int64_t position = term->map ? term->map[index[i]] : index[i];
            const int8_t* source = term->source + position * term->row_bytes;
            int8_t* to = row + term->first_channel;
            if (const int32_t* from = term->begin) {
                for (int64_t c = 0; c < term->channels; ++c) {
                    here += to[c] != source[from[c]];
                    to[c] = source[from[c]];
                }
                continue;
            }
            here += copy_levels(source, to, term->channels);
        }
        layer->changed[index[i]] |= here != 0;
        changes += here;
    }
    return changes;
}

// A term that gives its source as it is: levels, sums or real numbers (one row for all positions where `row_bytes` is 0).
struct IdentityPosition {
    const Step& step;
    int64_t position, slot;
    const Workspace* workspace;

    template <class V> int64_t block(int64_t channel) const {
        const Term& term = *step.term;
        const int8_t* source = term.source + position * term.row_bytes;
        typename V::Reals brought[V::VECTORS];
        for (int j = 0; j < V::VECTORS; ++j) {
            const int64_t lane = channel + j * V::WIDTH / V::VECTORS;
            if (term.kind == vistream::REALS) {
                brought[j] = V::load_reals(source + 4 * lane);
                continue;
            }
            auto sum = term.kind == vistream::SUMS ? V::load_ints(source + 4 * lane) : V::widen(source + lane);
            if (term.begin) sum = V::plus(sum, V::load_ints(term.begin + lane));
            brought[j] = V::to_reals(sum);
        }
        return finish<V>(brought, step, position, channel, slot, workspace);
    }
};

inline int64_t identity(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i)
        changes += each_block(step.layer->stride, IdentityPosition{step, index[i], slot + i, workspace});
    return changes;
}

}  // namespace VARIANT
