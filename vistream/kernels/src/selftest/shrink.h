// Random pictures made smaller, and each output from the parts of the pixels that it covers, one at a time.
#pragma once
#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

struct ShrinkCase {
    Random random;
    Arena arena;
    int64_t rows, columns, channels, down, across;
    uint8_t* picture;

    void build(uint64_t seed) {
        random.begin(seed);
        rows = random.between(1, 40), columns = random.between(1, 90), channels = random.between(1, 4);
        down = random.between(1, int(rows)), across = random.between(1, int(columns));
        picture = arena.zeros<uint8_t>(rows * columns * channels);
        for (int64_t i = 0; i < rows * columns * channels; ++i) picture[i] = uint8_t(random.between(0, 255));
    }

    // 256 times the part of output `number` that lies before the end of a pixel, rounded half up.
    static int64_t reached(int64_t number, int64_t pixel, int64_t in, int64_t out) {
        int64_t units = (pixel + 1) * out - number * in;
        units = units < 0 ? 0 : units > in ? in : units;
        return (256 * units + in / 2) / in;
    }

    static int64_t share(int64_t number, int64_t pixel, int64_t in, int64_t out) {
        return reached(number, pixel, in, out) - reached(number, pixel - 1, in, out);
    }

    int64_t at(int64_t y, int64_t x, int64_t channel) const {
        int64_t sum = 1 << 15;
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t j = 0; j < columns; ++j)
                sum += share(y, i, rows, down) * share(x, j, columns, across) * picture[(i * columns + j) * channels + channel];
        return sum >> 16;
    }

    bool agrees(const Kernels* kernels) {
        uint8_t* out = arena.zeros<uint8_t>(down * across * channels);
        kernels->shrink(picture, rows, columns, channels, down, across, out, arena.zeros<uint16_t>((columns + columns / across + 2) * channels + 4),
                        arena.zeros<uint8_t>(across * channels + 4), arena.zeros<int64_t>(across),
                        arena.zeros<uint16_t>((columns / across + 2) * across + rows / down + 2));
        for (int64_t i = 0; i < 24; ++i) {
            const int64_t y = random.between(0, int(down) - 1), x = random.between(0, int(across) - 1);
            const int64_t channel = random.between(0, int(channels) - 1);
            if (out[(y * across + x) * channels + channel] != at(y, x, channel)) return false;
        }
        return true;
    }
};

}  // namespace
}  // namespace vistream
