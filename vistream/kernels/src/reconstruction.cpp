// Vectors rebuilt from those of other objects, weighted by a softmax: what tells whether two objects look alike.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "interface.h"
#include "largest.h"

namespace {

constexpr float SHARPNESS = 100, LEAST = -16;  // of the exponents: what is less has no weight
constexpr double WEIGHT = 8192;
constexpr int64_t ROUND = 16;  // cosines that are compared together

// The cells of a row whose weight is not nothing, and these weights; returns how many.
int64_t weigh(const float* row, int64_t columns, int32_t* cells, double* weights) {
    const float largest = vistream::largest(row, columns);
    int64_t count = 0;
    double sum = 0;
    for (int64_t first = 0; first < columns; first += ROUND) {
        const int64_t end = first + ROUND < columns ? first + ROUND : columns;
        int any = 0;
        for (int64_t j = first; j < end; ++j) any |= (row[j] - largest) * SHARPNESS >= LEAST;
        if (!any) continue;
        for (int64_t j = first; j < end; ++j) {
            const float exponent = (row[j] - largest) * SHARPNESS;
            if (exponent < LEAST) continue;
            cells[count] = int32_t(j);
            sum += weights[count++] = exp(double(exponent));
        }
    }
    int64_t kept = 0;
    for (int64_t k = 0; k < count; ++k) {
        const double weight = floor(weights[k] * (WEIGHT / sum));
        cells[kept] = cells[k], weights[kept] = weight;
        kept += weight > 0;
    }
    return kept;
}

}  // namespace

VISTREAM_EXPORT void vistream_reconstruct(const float* cosine, const int64_t* objects, int64_t object_count,
                                          const float* vectors, int64_t channels, const int64_t* sources,
                                          int64_t source_count, double* along, double* squared, int32_t* cells,
                                          double* weights, int32_t* rebuilt) {
    const int64_t columns = sources[source_count];
    for (int64_t object = 0; object < object_count; ++object) {
        for (int64_t i = objects[object]; i < objects[object + 1]; ++i) {
            const float* const row = cosine + i * columns;
            const int64_t count = weigh(row, columns, cells, weights);
            int64_t source = 0;
            for (int64_t k = 0; k < count;) {
                while (cells[k] >= sources[source + 1]) ++source;
                memset(rebuilt, 0, size_t(channels) * sizeof(int32_t));
                double near = 0;
                for (; k < count && cells[k] < sources[source + 1]; ++k) {
                    const float* const vector = vectors + cells[k] * channels;
                    const auto weight = int32_t(weights[k]);
                    near += weights[k] * double(row[cells[k]]);
                    for (int64_t c = 0; c < channels; ++c) rebuilt[c] += weight * int32_t(vector[c]);
                }
                int64_t length = 0;
                for (int64_t c = 0; c < channels; ++c) length += int64_t(rebuilt[c]) * rebuilt[c];
                along[object * source_count + source] += near;
                squared[object * source_count + source] += double(length);
            }
        }
    }
}
