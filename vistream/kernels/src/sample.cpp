// Vectors of a map between its cells, by bilinear interpolation.
#include <math.h>
#include <stdint.h>

#include "interface.h"

namespace {

// The two lines of a grid around a position (0: on the first), and the share of the second; the border repeats.
struct Between {
    int64_t low, high;
    float share;

    Between(double position, int64_t size) {
        const double last = double(size - 1);
        const double inside = position > 0 ? (position < last ? position : last) : 0;
        low = int64_t(floor(inside));
        high = low + 1 < size ? low + 1 : low;
        share = float(inside - double(low));
    }
};

float mixed(float one, float other, float share) { return one * (1 - share) + other * share; }

}  // namespace

VISTREAM_EXPORT void vistream_sample(const float* values, int64_t height, int64_t width, int64_t channels, const double* y,
                                     const double* x, int64_t count, int64_t rows, int64_t columns, float* out) {
    for (int64_t n = 0; n < count; ++n, y += rows, x += columns)
        for (int64_t i = 0; i < rows; ++i) {
            const Between down(y[i], height);
            const float* const upper = values + down.low * width * channels;
            const float* const lower = values + down.high * width * channels;
            for (int64_t j = 0; j < columns; ++j, out += channels) {
                const Between across(x[j], width);
                const int64_t left = across.low * channels, right = across.high * channels;
                for (int64_t c = 0; c < channels; ++c)
                    out[c] = mixed(mixed(upper[left + c], upper[right + c], across.share),
                                   mixed(lower[left + c], lower[right + c], across.share), down.share);
            }
        }
}
