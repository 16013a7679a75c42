// Whether a picture stands still: its grey, and by how much blocks of it slope and differ. Whole numbers throughout, so
// that every variant gives the same.
#pragma once
#include <stdlib.h>
#include <string.h>

#include "../job.h"

namespace VARIANT {

// The mean grey of each square of `factor` x `factor` pixels, rounded half up, [rows / factor][columns / factor]. Grey is
// 0.299 R + 0.587 G + 0.114 B, in 15 bits behind the point. `line`: `columns` numbers to work in.
inline void grey(const uint8_t* frame, int64_t rows, int64_t columns, int64_t factor, uint8_t* out, int32_t* line) {
    const int64_t across = columns / factor, area = factor * factor;
    for (int64_t row = 0; row < rows / factor; ++row) {
        memset(line, 0, size_t(columns) * sizeof(int32_t));
        for (int64_t k = 0; k < factor; ++k) {
            const uint8_t* pixels = frame + (row * factor + k) * columns * 3;
            for (int64_t i = 0; i < columns; ++i)
                line[i] += (9798 * pixels[3 * i] + 19235 * pixels[3 * i + 1] + 3735 * pixels[3 * i + 2] + (1 << 14)) >> 15;
        }
        uint8_t* const to = out + row * across;
        if (factor == 1) {
            for (int64_t i = 0; i < across; ++i) to[i] = uint8_t(line[i]);
        } else if (factor == 2) {
            for (int64_t i = 0; i < across; ++i) to[i] = uint8_t((line[2 * i] + line[2 * i + 1] + 2) >> 2);
        } else {
            for (int64_t i = 0; i < across; ++i) {
                int32_t sum = int32_t(area / 2);
                for (int64_t k = 0; k < factor; ++k) sum += line[i * factor + k];
                to[i] = uint8_t(sum / area);
            }
        }
    }
}

// |x| + |y| by Sobel at column `i` of three rows, whose neighbours are `left` and `right`.
inline int32_t slope(const uint8_t* over, const uint8_t* here, const uint8_t* under, int64_t left, int64_t i, int64_t right) {
    const int32_t x = over[right] + 2 * here[right] + under[right] - over[left] - 2 * here[left] - under[left];
    const int32_t y = under[left] + 2 * under[i] + under[right] - over[left] - 2 * over[i] - over[right];
    return abs(x) + abs(y);
}

// Eight times the gradient of a grey picture [rows][columns], |x| + |y| by Sobel, summed over each of down x across blocks
// of whole pixels; what is left over at the right and at the bottom is left out. Beyond the border it is mirrored.
inline void slopes(const uint8_t* picture, int64_t rows, int64_t columns, int64_t down, int64_t across, int64_t* sums) {
    const int64_t height = rows / down, width = columns / across, end = width * across;
    memset(sums, 0, size_t(down * across) * sizeof(int64_t));
    for (int64_t row = 0; row < height * down; ++row) {
        const uint8_t* const here = picture + row * columns;
        const uint8_t* const over = row ? here - columns : here + (rows > 1 ? columns : 0);
        const uint8_t* const under = row + 1 < rows ? here + columns : here - (rows > 1 ? columns : 0);
        int64_t* const to = sums + row / height * across;
        for (int64_t block = 0; block < across; ++block) {
            int32_t sum = 0;
            const int64_t last = (block + 1) * width < columns ? (block + 1) * width : columns - 1;
            for (int64_t i = block ? block * width : 1; i < last; ++i) sum += slope(over, here, under, i - 1, i, i + 1);
            to[block] += sum;
        }
        const int64_t second = columns > 1, before = columns - 1 - second;
        if (end) to[0] += slope(over, here, under, second, 0, second);
        if (end == columns && columns > 1) to[across - 1] += slope(over, here, under, before, columns - 1, before);
    }
}

constexpr int64_t EVERY = 8, BRIGHTEST = 4 * 256;  // rows and columns whose brightness is compared; 256 times, at the most

// 256 times as much brighter as `now` is: the median over every eighth row and column, at most four times.
inline int32_t brighter(const uint8_t* before, const uint8_t* now, int64_t rows, int64_t columns) {
    int32_t counts[BRIGHTEST + 1] = {0}, total = 0;
    for (int64_t row = 0; row < rows; row += EVERY)
        for (int64_t i = row * columns; i < (row + 1) * columns; i += EVERY, ++total) {
            const int32_t from = before[i] + 1, times = ((now[i] + 1) * 256 + from / 2) / from;
            ++counts[times < BRIGHTEST ? times : BRIGHTEST];
        }
    int32_t times = 0;
    for (int32_t below = counts[0]; 2 * below < total; below += counts[times]) ++times;
    return times;
}

// 256 times |now - brightness * before|, summed over blocks as `slopes` has them; returns 256 times the brightness.
inline int32_t differences(const uint8_t* before, const uint8_t* now, int64_t rows, int64_t columns, int64_t down,
                           int64_t across, int64_t* sums) {
    const int64_t height = rows / down, width = columns / across;
    const int32_t times = brighter(before, now, rows, columns);
    memset(sums, 0, size_t(down * across) * sizeof(int64_t));
    for (int64_t row = 0; row < height * down; ++row) {
        for (int64_t block = 0; block < across; ++block) {
            const int64_t first = row * columns + block * width;
            int32_t sum = 0;
            for (int64_t i = first; i < first + width; ++i) sum += abs(256 * now[i] - times * before[i]);
            sums[row / height * across + block] += sum;
        }
    }
    return times;
}

}  // namespace VARIANT
