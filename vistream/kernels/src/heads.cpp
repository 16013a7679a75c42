// What a detector's head says of its cells: the best class of each, and distances from their distributions.
#include <math.h>
#include <stdint.h>

#include "interface.h"
#include "largest.h"

VISTREAM_EXPORT void vistream_best_of_rows(const float* values, int64_t rows, int64_t stride, int64_t columns,
                                           const uint8_t* where, float* best, int32_t* column) {
    for (int64_t i = 0; i < rows; ++i) {
        if (where && !where[i]) continue;
        const float* const row = values + i * stride;
        best[i] = vistream::largest(row, columns);
        int32_t first = 0;
        while (first + 1 < columns && row[first] != best[i]) ++first;  // NaN is equal to nothing
        column[i] = first;
    }
}

VISTREAM_EXPORT void vistream_expectations(const float* logits, int64_t rows, int64_t bins, double* out) {
    for (int64_t i = 0; i < rows; ++i) {
        const float* const row = logits + i * bins;
        const double most = vistream::largest(row, bins);
        double weights = 0, sum = 0;
        for (int64_t k = 0; k < bins; ++k) {
            const double weight = exp(row[k] - most);
            weights += weight, sum += weight * double(k);
        }
        out[i] = sum / weights;
    }
}
