// Deformable sampling: where a window looks, and how much each look counts, are themselves computed.
#include <math.h>
#include <stdint.h>

#include "interface.h"

namespace {

// The four corners around a point, a run of `depth` channels each; null where one lies outside.
struct Corners {
    const float* at[4];

    Corners(const float* values, int64_t height, int64_t width, int64_t channels, float top, float left) {
        for (int64_t i = 0; i < 4; ++i) {
            const float row = top + float(i / 2), column = left + float(i % 2);
            const bool inside = row >= 0 && row < float(height) && column >= 0 && column < float(width);
            at[i] = inside ? values + (int64_t(row) * width + int64_t(column)) * channels : nullptr;
        }
    }
};

// sampling.py: one rounding an operation, in its order; outside there are zeros, with which it computes just the same.
float between(const Corners& corners, int64_t channel, float fy, float fx) {
    float v[4];
    for (int i = 0; i < 4; ++i) v[i] = corners.at[i] ? corners.at[i][channel] : 0.0f;
    const float upper = v[0] * (1.0f - fx) + v[1] * fx, lower = v[2] * (1.0f - fx) + v[3] * fx;
    return upper * (1.0f - fy) + lower * fy;
}

}  // namespace

VISTREAM_EXPORT void vistream_deformable(const float* values, const VistreamDeformable* shape, const int64_t* index,
                                         int64_t count, const float* offsets, const float* weights, float* out) {
    const VistreamDeformable& s = *shape;
    const int64_t depth = s.channels / s.groups, taps = s.kernel_h * s.kernel_w;
    for (int64_t i = 0; i < count; ++i, out += s.channels) {
        const int64_t row = index[i] / s.columns * s.stride_h - s.top, column = index[i] % s.columns * s.stride_w - s.left;
        for (int64_t group = 0; group < s.groups; ++group) {
            float* total = out + group * depth;
            for (int64_t tap = 0; tap < taps; ++tap) {
                const int64_t number = (i * s.groups + group) * taps + tap;
                const float y = float(row + tap / s.kernel_w * s.dilation_h) + offsets[2 * number];
                const float x = float(column + tap % s.kernel_w * s.dilation_w) + offsets[2 * number + 1];
                const float top = floorf(y), left = floorf(x), weight = weights[number];
                const Corners corners(values + group * depth, s.height, s.width, s.channels, top, left);
                for (int64_t c = 0; c < depth; ++c) {
                    const float brought = between(corners, c, y - top, x - left) * weight;
                    total[c] = tap ? total[c] + brought : brought;
                }
            }
        }
    }
}
