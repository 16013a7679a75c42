// Sums of a few rows of levels, each times a whole number: bilinear resizing and average pools.
#pragma once
#include <string.h>

#include "../job.h"

namespace VARIANT {

using vistream::Layer;
using vistream::Term;

constexpr int64_t BLENDED = 64;  // channels that are summed together: they stay in registers or near them

inline int64_t blend(const Layer* layer, const int32_t* index, int64_t count) {
    const Term& term = layer->terms[0];
    const int64_t taps = term.quads;
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i) {
        const int32_t* rows = term.map + index[i] * taps;
        const int32_t* weights = term.begin + index[i] * taps;
        int32_t* held = layer->sums + index[i] * layer->stride;
        int64_t here = 0;
        for (int64_t first = 0; first < term.channels; first += BLENDED) {
            const int64_t channels = term.channels - first < BLENDED ? term.channels - first : BLENDED;
            int32_t sums[BLENDED] = {};
            for (int64_t tap = 0; tap < taps; ++tap) {
                const int8_t* source = term.source + rows[tap] * term.row_bytes + first;
                const int32_t weight = weights[tap];
                for (int64_t c = 0; c < channels; ++c) sums[c] += weight * source[c];
            }
            for (int64_t c = 0; c < channels; ++c) here += held[first + c] != sums[c];
            memcpy(held + first, sums, size_t(channels) * sizeof *sums);
        }
        layer->changed[index[i]] |= here != 0;
        changes += here;
    }
    return changes;
}

}  // namespace VARIANT
