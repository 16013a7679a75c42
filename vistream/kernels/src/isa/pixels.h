// Four RGB pixels taken over in plain C++, for instruction sets that have nothing better.
#pragma once
#include <stdint.h>

namespace VARIANT {

// Takes over those that moved by more than the dead-band and marks them; returns how many.
inline int take_pixels_each(const uint8_t* from, int8_t* levels, uint8_t* changed, uint8_t deadband) {
    int moved = 0;
    for (int i = 0; i < 4; ++i) {
        bool over = false;
        for (int c = 0; c < 3; ++c) {
            const int distance = int(from[3 * i + c]) - 128 - levels[4 * i + c];
            over |= (distance < 0 ? -distance : distance) > deadband;
        }
        for (int c = 0; over && c < 3; ++c) levels[4 * i + c] = int8_t(int(from[3 * i + c]) - 128);
        changed[i] = over;
        moved += over;
    }
    return moved;
}

}  // namespace VARIANT
