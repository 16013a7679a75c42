// Levels of a map, normalised by channel: by the mean and the deviation of the whole map.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "interface.h"

VISTREAM_EXPORT void vistream_normalise(const int8_t* levels, int64_t rows, int64_t columns, int64_t channels, int64_t every,
                                        double least, const int64_t* spans, int64_t count, float* out, int64_t width,
                                        int64_t* sums, float* scales) {
    memset(sums, 0, size_t(2 * channels) * sizeof(int64_t));
    int64_t cells = 0;
    for (int64_t row = 0; row < rows; row += every)
        for (int64_t column = 0; column < columns; column += every, ++cells) {
            const int8_t* const cell = levels + (row * columns + column) * channels;
            for (int64_t c = 0; c < channels; ++c) sums[c] += cell[c], sums[channels + c] += cell[c] * cell[c];
        }
    for (int64_t c = 0; c < channels; ++c) {
        const double mean = double(sums[c]) / double(cells);
        const double variance = double(sums[channels + c]) / double(cells) - mean * mean;
        scales[c] = float(mean);
        scales[channels + c] = float(1 / (sqrt(variance > 0 ? variance : 0) + least));
    }
    for (const int64_t* span = spans; span < spans + 4 * count; span += 4)
        for (int64_t row = span[0]; row < span[1]; ++row)
            for (int64_t column = span[2]; column < span[3]; ++column) {
                const int8_t* const cell = levels + (row * columns + column) * channels;
                float* const to = out + (row * columns + column) * width;
                for (int64_t c = 0; c < channels; ++c) to[c] = (float(cell[c]) - scales[c]) * scales[channels + c];
            }
}
