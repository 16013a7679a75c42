// The largest of some numbers, in whole registers.
#pragma once
#include <stdint.h>

namespace vistream {

constexpr int64_t LANES = 16;

inline float largest(const float* numbers, int64_t count) {
    float most[LANES];
    for (int64_t k = 0; k < LANES; ++k) most[k] = numbers[0];
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int64_t k = 0; k < LANES; ++k) most[k] = numbers[i + k] > most[k] ? numbers[i + k] : most[k];
    for (; i < count; ++i) most[0] = numbers[i] > most[0] ? numbers[i] : most[0];
    for (int64_t k = 1; k < LANES; ++k) most[0] = most[k] > most[0] ? most[k] : most[0];
    return most[0];
}

}  // namespace vistream
