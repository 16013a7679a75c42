// Deformable sampling: where a window looks, and how much each look counts, are themselves computed.
#include <math.h>
#include <stdint.h>

#include "interface.h"

namespace {

constexpr int64_t DEEPEST = 4096;  // channels of a group
const float NOTHING[DEEPEST] = {};

// The four corners around a point, a run of channels each; zeros where one lies outside.
struct Corners {
    const float* at[4];

    Corners(const float* values, int64_t height, int64_t width, int64_t channels, float top, float left) {
        for (int64_t i = 0; i < 4; ++i) {
            const float row = top + float(i / 2), column = left + float(i % 2);
            const bool inside = row >= 0 && row < float(height) && column >= 0 && column < float(width);
            at[i] = inside ? values + (int64_t(row) * width + int64_t(column)) * channels : NOTHING;
        }
    }
};

}  // namespace

VISTREAM_EXPORT void vistream_deformable(const float* values, const VistreamDeformable* shape, const int64_t* index,
                                         int64_t count, const float* offsets, const float* weights, float* out) {
    const VistreamDeformable& s = *shape;
    const int64_t depth = s.channels / s.groups, taps = s.kernel_h * s.kernel_w;
    for (int64_t n = 0; n < count; ++n, out += s.channels) {
        const int64_t row = index[n] / s.columns * s.stride_h - s.top, column = index[n] % s.columns * s.stride_w - s.left;
        for (int64_t group = 0; group < s.groups; ++group) {
            float* total = out + group * depth;
            for (int64_t tap = 0; tap < taps; ++tap) {
                const int64_t number = (n * s.groups + group) * taps + tap;
                const float y = float(row + tap / s.kernel_w * s.dilation_h) + offsets[2 * number];
                const float x = float(column + tap % s.kernel_w * s.dilation_w) + offsets[2 * number + 1];
                const float top = floorf(y), left = floorf(x), weight = weights[number];
                const Corners around(values + group * depth, s.height, s.width, s.channels, top, left);
                const float *a = around.at[0], *b = around.at[1], *c = around.at[2], *d = around.at[3];
                const float down = y - top, up = 1.0f - down, right = x - left, before = 1.0f - right;
                for (int64_t i = 0; i < depth; ++i) {  // sampling.py: one rounding an operation, in its order
                    const float upper = a[i] * before + b[i] * right, lower = c[i] * before + d[i] * right;
                    const float brought = (upper * up + lower * down) * weight;
                    total[i] = tap ? total[i] + brought : brought;
                }
            }
        }
    }
}
