// Deformable sampling: where a window looks, and how much each look counts, are themselves computed.
#pragma once
#include <math.h>
#include <string.h>

#include "../job.h"

namespace VARIANT {

using vistream::Deformable;

// The four corners around a point, a run of channels each; zeros where one lies outside.
template <int RUN> struct Around {
    const float* at[4];

    VISTREAM_INLINE Around(const float* values, const Deformable& shape, float top, float left) {
        static const float NOTHING[RUN] = {};
        const float height = float(shape.height), width = float(shape.width);
        // `&`: which corners lie inside is not to be guessed. Where none does, the place may be no integer.
        const bool rows[2] = {bool((top >= 0) & (top < height)), bool((top >= -1) & (top < height - 1))};
        const bool columns[2] = {bool((left >= 0) & (left < width)), bool((left >= -1) & (left < width - 1))};
        const bool any = (rows[0] | rows[1]) & (columns[0] | columns[1]);
        const int64_t first = (int64_t(any ? top : 0) * shape.width + int64_t(any ? left : 0)) * shape.channels;
        VISTREAM_UNROLL
        for (int i = 0; i < 4; ++i) {
            const int64_t corner = first + (i / 2 * shape.width + i % 2) * shape.channels;
            at[i] = rows[i / 2] & columns[i % 2] ? values + corner : NOTHING;
        }
    }
};

// `RUN` channels of one group, from `values` on, around the window whose first tap without an offset is `row`, `column`.
template <int RUN>
VISTREAM_INLINE void sampled(const float* values, const Deformable& shape, int64_t row, int64_t column, const float* offsets,
                             const float* weights, float* out) {
    float total[RUN];
    bool first = true;
    for (int64_t ky = 0; ky < shape.kernel_h; ++ky) {
        const float window_y = float(row + ky * shape.dilation_h);
        for (int64_t kx = 0; kx < shape.kernel_w; ++kx, offsets += 2, ++weights, first = false) {
            const float y = window_y + offsets[0], x = float(column + kx * shape.dilation_w) + offsets[1];
            const float top = floorf(y), left = floorf(x), weight = *weights;
            const Around<RUN> around(values, shape, top, left);
            const float *a = around.at[0], *b = around.at[1], *c = around.at[2], *d = around.at[3];
            const float down = y - top, up = 1.0f - down, right = x - left, before = 1.0f - right;
            for (int i = 0; i < RUN; ++i) {  // sampling.py: one rounding an operation, in its order
                const float upper = a[i] * before + b[i] * right, lower = c[i] * before + d[i] * right;
                const float brought = (upper * up + lower * down) * weight;
                total[i] = first ? brought : total[i] + brought;
            }
        }
    }
    memcpy(out, total, sizeof total);
}

// Groups in runs of channels as long as registers like them; what is left of a group, one by one.
inline void deformable(const float* values, const Deformable* shape, const int64_t* index, int64_t count,
                       const float* offsets, const float* weights, float* out) {
    const Deformable& s = *shape;
    const int64_t depth = s.channels / s.groups, taps = s.kernel_h * s.kernel_w;
    for (int64_t n = 0; n < count; ++n, out += s.channels) {
        const int64_t row = index[n] / s.columns * s.stride_h - s.top, column = index[n] % s.columns * s.stride_w - s.left;
        for (int64_t group = 0; group < s.groups; ++group, offsets += 2 * taps, weights += taps) {
            const float* from = values + group * depth;
            float* to = out + group * depth;
            int64_t c = 0;
            for (; c + 32 <= depth; c += 32) sampled<32>(from + c, s, row, column, offsets, weights, to + c);
            for (; c + 8 <= depth; c += 8) sampled<8>(from + c, s, row, column, offsets, weights, to + c);
            for (; c < depth; ++c) sampled<1>(from + c, s, row, column, offsets, weights, to + c);
        }
    }
}

}  // namespace VARIANT
