// Random pictures through the measures of stillness, and through their definitions, one pixel at a time.
#pragma once
#include <stdlib.h>
#include <string.h>

#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

struct StillnessCase {
    Random random;
    Arena arena;
    int64_t rows, columns, factor, down, across;
    uint8_t *frame, *before, *now;

    void build(uint64_t seed) {
        random.begin(seed);
        rows = random.between(1, 24), columns = random.between(1, 90);
        factor = random.between(1, 3), down = random.between(1, 4), across = random.between(1, 5);
        factor = factor > rows || factor > columns ? 1 : factor;
        frame = arena.zeros<uint8_t>(rows * columns * 3);
        before = arena.zeros<uint8_t>(rows * columns), now = arena.zeros<uint8_t>(rows * columns);
        for (int64_t i = 0; i < rows * columns * 3; ++i) frame[i] = uint8_t(random.between(0, 255));
        const int64_t most = random.between(1, 255);
        for (int64_t i = 0; i < rows * columns; ++i) {
            before[i] = uint8_t(random.between(0, int(most)));
            now[i] = uint8_t(random.between(0, 255));
        }
    }

    int64_t grey_at(int64_t row, int64_t column) const {
        int64_t sum = factor * factor / 2;
        for (int64_t i = 0; i < factor * factor; ++i) {
            const uint8_t* p = frame + ((row * factor + i / factor) * columns + column * factor + i % factor) * 3;
            sum += (9798 * p[0] + 19235 * p[1] + 3735 * p[2] + 16384) >> 15;
        }
        return sum / (factor * factor);
    }

    int64_t at(int64_t row, int64_t column) const {  // mirrored, the border itself not repeated
        if (row < 0 || row >= rows) row = rows == 1 ? 0 : row < 0 ? 1 : rows - 2;
        if (column < 0 || column >= columns) column = columns == 1 ? 0 : column < 0 ? 1 : columns - 2;
        return now[row * columns + column];
    }

    int64_t slope_at(int64_t row, int64_t column) const {
        int64_t x = 0, y = 0;
        for (int64_t k = -1; k <= 1; ++k) {
            const int64_t weight = k ? 1 : 2;
            x += weight * (at(row + k, column + 1) - at(row + k, column - 1));
            y += weight * (at(row + 1, column + k) - at(row - 1, column + k));
        }
        return (x < 0 ? -x : x) + (y < 0 ? -y : y);
    }

    // The least brightness that half of the compared pixels do not exceed.
    int64_t brightness() const {
        for (int64_t times = 0;; ++times) {
            int64_t within = 0, total = 0;
            for (int64_t row = 0; row < rows; row += 8)
                for (int64_t column = 0; column < columns; column += 8, ++total) {
                    const int64_t from = before[row * columns + column] + 1, to = now[row * columns + column] + 1;
                    within += (to * 256 + from / 2) / from <= times;
                }
            if (2 * within >= total || times == 1024) return times;
        }
    }

    bool agrees(const Kernels* kernels) {
        uint8_t* out = arena.zeros<uint8_t>(rows * columns);
        kernels->grey(frame, rows, columns, factor, out, arena.zeros<int32_t>(columns));
        bool right = true;
        for (int64_t row = 0; row < rows / factor; ++row)
            for (int64_t column = 0; column < columns / factor; ++column)
                right &= out[row * (columns / factor) + column] == grey_at(row, column);
        int64_t *slopes = arena.zeros<int64_t>(down * across), *apart = arena.zeros<int64_t>(down * across);
        kernels->slopes(now, rows, columns, down, across, slopes);
        const int64_t times = kernels->differences(before, now, rows, columns, down, across, apart);
        right &= times == brightness();
        const int64_t height = rows / down, width = columns / across;
        for (int64_t block = 0; block < down * across; ++block) {
            int64_t slope = 0, difference = 0;
            for (int64_t i = 0; i < height * width; ++i) {
                const int64_t row = block / across * height + i / width, column = block % across * width + i % width;
                const int64_t one = 256 * now[row * columns + column] - times * before[row * columns + column];
                slope += slope_at(row, column), difference += one < 0 ? -one : one;
            }
            right &= slopes[block] == slope && apart[block] == difference;
        }
        return right;
    }
};

}  // namespace
}  // namespace vistream
