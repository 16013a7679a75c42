// Random deformable windows through the kernels and through plain loops, one number at a time: are all sums the same?
#pragma once
#include <math.h>

#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

struct DeformableCase {
    Random random;
    Arena arena;
    Deformable shape;
    int64_t rows, depth, taps;
    const float *values, *offsets, *weights;

    // Multiples of a `part`, so that some places are whole.
    const float* numbers(int64_t count, int most, float part) {
        float* found = arena.zeros<float>(count);
        for (int64_t i = 0; i < count; ++i) found[i] = float(random.between(-most, most)) * part;
        return found;
    }

    void build(uint64_t seed) {
        random.begin(seed);
        depth = random.between(1, 45), shape.groups = random.between(1, 3), shape.channels = depth * shape.groups;
        shape.height = random.between(1, 7), shape.width = random.between(1, 7);
        shape.kernel_h = random.between(1, 3), shape.kernel_w = random.between(1, 3);
        shape.stride_h = random.between(1, 2), shape.stride_w = random.between(1, 2);
        shape.dilation_h = random.between(1, 2), shape.dilation_w = random.between(1, 2);
        shape.top = random.between(0, 2), shape.left = random.between(0, 2);
        shape.columns = (shape.width - 1) / shape.stride_w + 1, rows = (shape.height - 1) / shape.stride_h + 1;
        taps = shape.kernel_h * shape.kernel_w;
        values = numbers(shape.height * shape.width * shape.channels, 1000, 0.37f);
        offsets = numbers(rows * shape.columns * shape.groups * taps * 2, random.between(0, 2) ? 20 : 1 << 23, 0.125f);
        weights = numbers(rows * shape.columns * shape.groups * taps, 20, 0.3f);
    }

    float at(float y, float x, int64_t channel) const {
        if (!(y >= 0 && x >= 0 && y < float(shape.height) && x < float(shape.width))) return 0;
        return values[(int64_t(y) * shape.width + int64_t(x)) * shape.channels + channel];
    }

    // `volatile`, so that no compiler fuses a product and a sum.
    static float blend(float a, float b, float part) {
        const float rest = 1.0f - part;
        volatile float first = a * rest, second = b * part;
        return first + second;
    }

    float expected(int64_t position, int64_t channel) const {
        const int64_t row = position / shape.columns * shape.stride_h - shape.top;
        const int64_t column = position % shape.columns * shape.stride_w - shape.left;
        volatile float total = 0;
        for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t number = (position * shape.groups + channel / depth) * taps + tap;
            const float y = float(row + tap / shape.kernel_w * shape.dilation_h) + offsets[2 * number];
            const float x = float(column + tap % shape.kernel_w * shape.dilation_w) + offsets[2 * number + 1];
            const float top = floorf(y), left = floorf(x);
            const float upper = blend(at(top, left, channel), at(top, left + 1, channel), x - left);
            const float lower = blend(at(top + 1, left, channel), at(top + 1, left + 1, channel), x - left);
            volatile float brought = blend(upper, lower, y - top) * weights[number];
            total = tap ? total + brought : brought;
        }
        return total;
    }

    bool agrees(const Kernels* kernels) {
        const int64_t count = rows * shape.columns;
        int64_t* index = arena.zeros<int64_t>(count);
        float* out = arena.zeros<float>(count * shape.channels);
        for (int64_t i = 0; i < count; ++i) index[i] = i;
        kernels->deformable(values, &shape, index, count, offsets, weights, out);
        for (int64_t i = 0; i < count * shape.channels; ++i)
            if (out[i] != expected(i / shape.channels, i % shape.channels)) return false;
        return true;
    }
};

}  // namespace
}  // namespace vistream
