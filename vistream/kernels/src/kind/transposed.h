// Transposed convolution: each output position fetches what reaches it, tap by tap, and skips what is zero.
#pragma once
#include <string.h>

#include "../job.h"

namespace VARIANT {

// Adds what one source position brings through one tap. `weight`: int8 [inputs][outputs of the group].
inline void bring(const Term& term, const int8_t* source, const int8_t* weight, int64_t groups, int64_t outputs, int32_t* sums) {
    const int64_t inputs = term.channels / groups, each = outputs / groups;
    if (inputs == 1 && each == 1) {
        for (int64_t c = 0; c < term.channels; ++c) sums[c] += (source[c] - term.begin[c]) * weight[c];
        return;
    }
    for (int64_t c = 0; c < term.channels; ++c, weight += each) {
        const int32_t value = source[c] - term.begin[c];
        if (value == 0) continue;
        int32_t* to = sums + c / inputs * each;
        for (int64_t o = 0; o < each; ++o) to[o] += value * weight[o];
    }
}

// `window`: of a source of `height` x `width`, with `top`, `left` lines cut off the full result.
inline int64_t transposed(const Layer* layer, const int32_t* index, int64_t count, const Workspace* workspace) {
    const Term& term = layer->terms[0];
    const Window& window = term.window;
    const int64_t groups = term.quads, outputs = groups * term.first_channel;
    const int64_t tap_bytes = term.channels * (outputs / groups);
    int32_t* sums = workspace->sums;
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i) {
        const int32_t y = index[i] / window.columns + window.top, x = index[i] % window.columns + window.left;
        memset(sums, 0, size_t(outputs) * sizeof *sums);
        for (int32_t ky = 0; ky < window.kernel_h; ++ky) {
            const int32_t down = y - ky * window.dilation_h;
            if (down < 0 || down % window.stride_h || down / window.stride_h >= window.height) continue;
            const int64_t row = int64_t(down / window.stride_h) * window.width;
            for (int32_t kx = 0; kx < window.kernel_w; ++kx) {
                const int32_t across = x - kx * window.dilation_w;
                if (across < 0 || across % window.stride_w || across / window.stride_w >= window.width) continue;
                const int8_t* source = term.source + (row + across / window.stride_w) * term.row_bytes;
                bring(term, source, term.weight + (ky * window.kernel_w + kx) * tap_bytes, groups, outputs, sums);
            }
        }
        int32_t* held = layer->sums + index[i] * layer->stride;
        int64_t here = 0;
        for (int64_t o = 0; o < outputs; ++o) here += held[o] != sums[o];
        memcpy(held, sums, size_t(outputs) * sizeof *sums);
        layer->changed[index[i]] |= here != 0;
        changes += here;
    }
    return changes;
}

}  // namespace VARIANT
