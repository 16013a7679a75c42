// Random frames through the dead-band without speckles, and through the rule, one pixel at a time: the same pixels?
#pragma once
#include <stdlib.h>
#include <string.h>

#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

struct DespeckleCase {
    Random random;
    Arena arena;
    int64_t rows, columns, tau, far, company;
    uint8_t *frame, *held;

    void build(uint64_t seed) {
        random.begin(seed);
        rows = random.between(1, 9), columns = random.between(1, 150);
        tau = random.between(1, 20), far = tau * random.between(1, 4), company = random.between(1, 9);
        const int64_t bytes = rows * columns * 3;
        frame = arena.zeros<uint8_t>(bytes), held = arena.zeros<uint8_t>(bytes);
        for (int64_t i = 0; i < bytes; ++i) {
            held[i] = uint8_t(random.between(0, 255));
            const int64_t other = held[i] + random.between(-int(far) - 2, int(far) + 2) / random.between(1, 4);
            frame[i] = uint8_t(other < 0 ? 0 : other > 255 ? 255 : other);
        }
    }

    int64_t apart(int64_t row, int64_t column) const {
        int64_t most = 0;
        if (row < 0 || column < 0 || row >= rows || column >= columns) return most;
        for (int64_t i = (row * columns + column) * 3, end = i + 3; i < end; ++i) {
            const int64_t distance = abs(int(frame[i]) - int(held[i]));
            most = distance > most ? distance : most;
        }
        return most;
    }

    bool reads(int64_t row, int64_t column) const {
        int64_t around = 0;
        for (int64_t i = 0; i < 9; ++i) around += apart(row + i / 3 - 1, column + i % 3 - 1) > tau;
        return apart(row, column) > far || (apart(row, column) > tau && around >= company);
    }

    bool agrees(const Kernels* kernels) {
        uint8_t* expected = arena.zeros<uint8_t>(rows * columns * 3);
        for (int64_t i = 0; i < rows * columns; ++i)
            memcpy(expected + 3 * i, (reads(i / columns, i % columns) ? frame : held) + 3 * i, 3);
        uint8_t* lines = arena.zeros<uint8_t>(8 * (columns + 2));
        kernels->despeckle(frame, held, rows, columns, tau, far, company, lines);
        return !memcmp(held, expected, size_t(rows * columns * 3));
    }
};

}  // namespace
}  // namespace vistream
