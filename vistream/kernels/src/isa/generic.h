// Plain C++ on 16 bytes at a time: what every compiler understands, and what the others are compared with.
#pragma once
#include <stdint.h>
#include <string.h>

#include "../inline.h"
#include "pixels.h"

namespace VARIANT {

struct Portable {
    static constexpr int WIDTH = 16;     // channels whose levels fill a register of `Bytes`
    static constexpr int VECTORS = 4;    // registers of `Ints` that their sums take
    static constexpr int TILE_ROWS = 2;  // positions whose sums stay in registers together

    struct Bytes { int8_t at[16]; };
    using Quads = Bytes;  // four inputs, or weights, of each sum of a register of `Ints`
    struct Ints { int32_t at[4]; };
    struct Reals { float at[4]; };

    static VISTREAM_INLINE Bytes load(const void* from) { Bytes value; memcpy(&value, from, 16); return value; }
    static VISTREAM_INLINE void store(void* to, Bytes value) { memcpy(to, &value, 16); }
    static VISTREAM_INLINE Quads load_quads(const void* from) { return load(from); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { Ints value; memcpy(&value, from, 16); return value; }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { memcpy(to, &value, 16); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { Reals value; memcpy(&value, from, 16); return value; }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { memcpy(to, &value, 16); }
    static VISTREAM_INLINE Ints zero() { return Ints{}; }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { Bytes value; memset(&value, byte, 16); return value; }

    static VISTREAM_INLINE Quads broadcast_quad(const int8_t* from) {
        Quads value;
        for (int lane = 0; lane < 4; ++lane) memcpy(value.at + 4 * lane, from, 4);
        return value;
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) {
        for (int lane = 0; lane < 4; ++lane) a.at[lane] += b.at[lane];
        return a;
    }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return Ints{{value, value, value, value}}; }
    // total[i] + sum over k of inputs[4 i + k] * weights[4 i + k]
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Quads inputs, Quads weights) {
        for (int lane = 0; lane < 4; ++lane)
            for (int k = 0; k < 4; ++k) total.at[lane] += int32_t(inputs.at[4 * lane + k]) * weights.at[4 * lane + k];
        return total;
    }
    // Four of 8-bit integers from memory, widened.
    static VISTREAM_INLINE Ints widen(const int8_t* from) {
        Ints value;
        for (int lane = 0; lane < 4; ++lane) value.at[lane] = from[lane];
        return value;
    }
    static VISTREAM_INLINE Reals to_reals(Ints value) {
        Reals real;
        for (int lane = 0; lane < 4; ++lane) real.at[lane] = float(value.at[lane]);
        return real;
    }
    static VISTREAM_INLINE Reals multiply(Reals a, Reals b) {
        for (int lane = 0; lane < 4; ++lane) a.at[lane] *= b.at[lane];
        return a;
    }
    static VISTREAM_INLINE Reals add(Reals a, Reals b) {
        for (int lane = 0; lane < 4; ++lane) a.at[lane] += b.at[lane];
        return a;
    }
    static VISTREAM_INLINE Reals clamp(Reals value, float low, float high) {
        for (float& lane : value.at) lane = lane < low ? low : lane > high ? high : lane;
        return value;
    }
    // floor(value + 1/2), for values that int32 holds
    static VISTREAM_INLINE Ints round_half_up(Reals value) {
        Ints rounded;
        for (int lane = 0; lane < 4; ++lane) {
            const float moved = value.at[lane] + 0.5f;
            const int32_t cut = int32_t(moved);
            rounded.at[lane] = cut - (float(cut) > moved);
        }
        return rounded;
    }
    static VISTREAM_INLINE Ints round_half_even(Reals value) {
        Ints rounded = round_half_up(value);
        for (int lane = 0; lane < 4; ++lane)
            if (float(rounded.at[lane]) - value.at[lane] == 0.5f && (rounded.at[lane] & 1)) --rounded.at[lane];
        return rounded;
    }
    static VISTREAM_INLINE int8_t saturate(int32_t value) { return int8_t(value < -128 ? -128 : value > 127 ? 127 : value); }
    // Sums to bytes, saturated, of channels that are in order or as `interleave` leaves them.
    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        Bytes packed;
        for (int lane = 0; lane < 16; ++lane) packed.at[lane] = saturate(sums[lane / 4].at[lane % 4]);
        return packed;
    }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) {
        for (int lane = 0; lane < 16; ++lane) a.at[lane] = a.at[lane] > b.at[lane] ? a.at[lane] : b.at[lane];
        return a;
    }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) {
        for (int lane = 0; lane < 16; ++lane) a.at[lane] = a.at[lane] < b.at[lane] ? a.at[lane] : b.at[lane];
        return a;
    }
    static VISTREAM_INLINE Bytes lookup(Bytes levels, const int8_t* table) {
        for (int8_t& lane : levels.at) lane = table[lane + 128];
        return levels;
    }
    // `held` where the distance of the two is at most `hysteresis`, else `fresh`
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        for (int lane = 0; lane < 16; ++lane) {
            const int distance = fresh.at[lane] - held.at[lane];
            if ((distance < 0 ? -distance : distance) <= hysteresis) fresh.at[lane] = held.at[lane];
        }
        return fresh;
    }
    static constexpr int PIXELS = 4;  // RGB, that are taken over together; one or two more may be read
    static VISTREAM_INLINE int take_pixels(const uint8_t* from, int8_t* levels, uint8_t* changed, uint8_t deadband) {
        return take_pixels_each(from, levels, changed, deadband);
    }
    // One bit for each byte that differs.
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) {
        uint64_t mask = 0;
        for (int lane = 0; lane < 16; ++lane) mask |= uint64_t(a.at[lane] != b.at[lane]) << lane;
        return mask;
    }
    // Four rows of channels to four registers in which the four values of a channel are neighbours.
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[4]) {
        for (int lane = 0; lane < 16; ++lane)
            for (int row = 0; row < 4; ++row) quads[lane / 4].at[4 * (lane % 4) + row] = rows[row].at[lane];
    }
};

using Widest = Portable;
using Half = Portable;
using Quarter = Portable;
constexpr bool FLIPS = false;  // whether `dot` flips the sign of signed inputs, which adds 128 times the weights

}  // namespace VARIANT
