// A dead-band without its speckles: which pixels of a frame are read again, and reading them.
#pragma once
#include <string.h>

#include "../job.h"

namespace VARIANT {

// The largest difference of a channel, by pixel.
inline void largest_differences(const uint8_t* frame, const uint8_t* held, int64_t columns, uint8_t* largest) {
    for (int64_t i = 0; i < columns; ++i) {
        uint8_t most = 0;
        VISTREAM_UNROLL
        for (int c = 0; c < 3; ++c) {
            const uint8_t a = frame[3 * i + c], b = held[3 * i + c];
            const uint8_t apart = uint8_t(a > b ? a - b : b - a);
            most = apart > most ? apart : most;
        }
        largest[i] = most;
    }
}

// Takes over the pixels of `frame` [rows][columns][3] that left the band `tau` around `held` in company, or by more than
// `far`. `lines`: eight of `columns` + 2 bytes.
inline void despeckle(const uint8_t* frame, uint8_t* held, int64_t rows, int64_t columns, int64_t tau, int64_t far,
                      int64_t company, uint8_t* lines) {
    const int64_t line = columns + 2;
    uint8_t *largest[3], *moved[3], *const sums = lines + 6 * line, *const read = lines + 7 * line;
    for (int k = 0; k < 3; ++k) largest[k] = lines + k * line, moved[k] = lines + (3 + k) * line;
    memset(lines, 0, size_t(8 * line));
    for (int64_t row = -1; row < rows; ++row) {
        const int64_t next = row + 1;  // a row is compared before the one above it is read
        uint8_t *const ahead = largest[next % 3], *const over = moved[next % 3] + 1;
        if (next < rows) {
            largest_differences(frame + next * columns * 3, held + next * columns * 3, columns, ahead);
            for (int64_t i = 0; i < columns; ++i) over[i] = ahead[i] > tau;
        } else {
            memset(over, 0, size_t(columns));
        }
        if (row < 0) continue;
        const uint8_t *const here = largest[row % 3], *const mine = moved[row % 3] + 1;
        for (int64_t i = 0; i < line; ++i) sums[i] = uint8_t(moved[0][i] + moved[1][i] + moved[2][i]);
        uint8_t any = 0;
        for (int64_t i = 0; i < columns; ++i) {
            const uint8_t around = uint8_t(sums[i] + sums[i + 1] + sums[i + 2]);
            read[i] = uint8_t((mine[i] & (around >= company)) | (here[i] > far));
            any |= read[i];
        }
        if (!any) continue;
        const uint8_t* from = frame + row * columns * 3;
        uint8_t* to = held + row * columns * 3;
        for (int64_t i = 0; i < columns; ++i)
            if (read[i]) memcpy(to + 3 * i, from + 3 * i, 3);
    }
}

}  // namespace VARIANT
