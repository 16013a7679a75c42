// A picture made smaller by area: each output is the mean of what it covers, pixels at its border by the part that lies
// inside. Shares are whole 256ths, so that every variant gives the same.
#pragma once
#include <string.h>

#include "../job.h"

namespace VARIANT {

// The first pixel that output `number` covers; pixels are `out` units long, and outputs `in`. `shares`: of the pixels from
// there on, `most` of them, what they have of 256; beyond those that are covered nothing.
inline int64_t covered(int64_t number, int64_t in, int64_t out, int64_t most, uint16_t* shares) {
    const int64_t begin = number * in, first = begin / out;
    int64_t before = 0;
    for (int64_t k = 0; k < most; ++k) {
        const int64_t end = (first + k + 1) * out - begin;
        const int64_t share = (256 * (end < in ? end : in) + in / 2) / in;
        shares[k] = uint16_t(share - before), before = share;
    }
    return first;
}

// How many pixels an output covers at most, in part or as a whole.
inline int64_t most_covered(int64_t in, int64_t out) { return (in + out - 1) / out + (in % out != 0); }

// 256 times the mean of some rows.
inline void mean_of_rows(const uint8_t* first, int64_t width, int64_t count, const uint16_t* shares, uint16_t* line) {
    for (int64_t i = 0; i < width; ++i) line[i] = uint16_t(shares[0] * first[i]);
    for (int64_t k = 1; k < count; ++k) {
        const uint8_t* const from = first + k * width;
        for (int64_t i = 0; i < width; ++i) line[i] = uint16_t(line[i] + shares[k] * from[i]);
    }
}

typedef uint16_t Pixel __attribute__((vector_size(8)));
typedef uint32_t Sums __attribute__((vector_size(16)));
typedef uint8_t Levels __attribute__((vector_size(4)));

// The means of a line's pixels, `channels` of each, at most four; four are read and written. MOST of 0: `most` is asked.
template <int MOST>
inline void means_of_pixels(const uint16_t* line, int64_t channels, int64_t across, int64_t most, const int64_t* firsts,
                            const uint16_t* shares, uint8_t* to) {
    const int64_t count = MOST ? MOST : most;
    for (int64_t i = 0; i < across; ++i, shares += count, to += channels) {
        const uint16_t* const from = line + firsts[i] * channels;
        Sums sums = {1 << 15, 1 << 15, 1 << 15, 1 << 15};
        for (int64_t k = 0; k < count; ++k) {
            Pixel pixel;
            memcpy(&pixel, from + k * channels, sizeof pixel);
            sums += __builtin_convertvector(pixel, Sums) * uint32_t(shares[k]);
        }
        const Levels levels = __builtin_convertvector(sums >> 16, Levels);
        memcpy(to, &levels, sizeof levels);
    }
}

// `picture` [rows][columns][channels], 1 to 4 of them, to `out` [down][across][channels], not larger. To work in, zeroed:
// `line`, (columns + columns / across + 2) * channels + 4 numbers; `row`, across * channels + 4; `firsts`, across; `shares`,
// (columns / across + 2) * across + rows / down + 2.
inline void shrink(const uint8_t* picture, int64_t rows, int64_t columns, int64_t channels, int64_t down, int64_t across,
                   uint8_t* out, uint16_t* line, uint8_t* row, int64_t* firsts, uint16_t* shares) {
    const int64_t wide = most_covered(columns, across), high = most_covered(rows, down);
    const auto means = wide == 2   ? means_of_pixels<2>
                       : wide == 3 ? means_of_pixels<3>
                       : wide == 4 ? means_of_pixels<4>
                                   : means_of_pixels<0>;
    uint16_t* const of_rows = shares + wide * across;
    for (int64_t i = 0; i < across; ++i) firsts[i] = covered(i, columns, across, wide, shares + i * wide);
    for (int64_t y = 0; y < down; ++y) {
        const int64_t first = covered(y, rows, down, high, of_rows);
        const int64_t count = high < rows - first ? high : rows - first;  // behind the last row lies nothing
        mean_of_rows(picture + first * columns * channels, columns * channels, count, of_rows, line);
        means(line, channels, across, wide, firsts, shares, row);
        memcpy(out + y * across * channels, row, size_t(across * channels));
    }
}

}  // namespace VARIANT
