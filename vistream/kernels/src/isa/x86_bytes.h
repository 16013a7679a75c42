// Registers of levels on x86: 16 and 32 bytes (AVX2).
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "../inline.h"

namespace VARIANT {

// Where the bytes of four RGB pixels go to, so that each has four.
inline __m128i spread_pixels() { return _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1); }

struct Bytes128 {
    using Bytes = __m128i;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm_loadu_si128((const __m128i*)from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm_storeu_si128((__m128i*)to, value); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm_min_epi8(a, b); }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return uint16_t(~_mm_movemask_epi8(_mm_cmpeq_epi8(a, b))); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m128i distance = _mm_sub_epi8(_mm_max_epi8(fresh, held), _mm_min_epi8(fresh, held));
        const __m128i near = _mm_cmpeq_epi8(_mm_subs_epu8(distance, fill(int8_t(hysteresis))), _mm_setzero_si128());
        return _mm_blendv_epi8(fresh, held, near);
    }
    static VISTREAM_CALLED Bytes lookup(Bytes levels, const int8_t* table) {
        const __m128i index = _mm_xor_si128(levels, fill(-128));
        return among<16>(table, _mm_and_si128(index, fill(15)), index);
    }
    // The entry of one of `PARTS` times sixteen: by the lower half of an index in each of them, then by one bit after the
    // other, each moved to the highest of its byte, from either half.
    template <int PARTS> static VISTREAM_INLINE Bytes among(const int8_t* table, Bytes lower, Bytes index) {
        if constexpr (PARTS == 1) {
            return _mm_shuffle_epi8(load(table), lower);
        } else {
            const Bytes before = among<PARTS / 2>(table, lower, index), behind = among<PARTS / 2>(table + 8 * PARTS, lower, index);
            return _mm_blendv_epi8(before, behind, _mm_slli_epi16(index, PARTS == 16 ? 0 : PARTS == 8 ? 1 : PARTS == 4 ? 2 : 3));
        }
    }
};

struct Bytes256 {
    using Bytes = __m256i;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm256_loadu_si256((const __m256i*)from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm256_storeu_si256((__m256i*)to, value); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm256_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm256_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm256_min_epi8(a, b); }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return uint32_t(~_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b))); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m256i distance = _mm256_sub_epi8(_mm256_max_epi8(fresh, held), _mm256_min_epi8(fresh, held));
        const __m256i near = _mm256_cmpeq_epi8(_mm256_subs_epu8(distance, fill(int8_t(hysteresis))), _mm256_setzero_si256());
        return _mm256_blendv_epi8(fresh, held, near);
    }
    static VISTREAM_CALLED Bytes lookup(Bytes levels, const int8_t* table) {
        const __m256i index = _mm256_xor_si256(levels, fill(-128));
        return among<16>(table, _mm256_and_si256(index, fill(15)), index);
    }
    template <int PARTS> static VISTREAM_INLINE Bytes among(const int8_t* table, Bytes lower, Bytes index) {  // as above
        if constexpr (PARTS == 1) {
            return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(Bytes128::load(table)), lower);
        } else {
            const Bytes before = among<PARTS / 2>(table, lower, index), behind = among<PARTS / 2>(table + 8 * PARTS, lower, index);
            return _mm256_blendv_epi8(before, behind, _mm256_slli_epi16(index, PARTS == 16 ? 0 : PARTS == 8 ? 1 : PARTS == 4 ? 2 : 3));
        }
    }
    static constexpr int PIXELS = 8;
    static VISTREAM_INLINE int take_pixels(const uint8_t* from, int8_t* levels, uint8_t* changed, uint8_t deadband) {
        const __m256i together = _mm256_inserti128_si256(_mm256_castsi128_si256(Bytes128::load(from)), Bytes128::load(from + 12), 1);
        const __m256i fresh = _mm256_shuffle_epi8(together, _mm256_broadcastsi128_si256(spread_pixels()));
        const __m256i signs = _mm256_set1_epi32(0x00808080), held = load(levels), old = _mm256_xor_si256(held, signs);
        const __m256i distance = _mm256_or_si256(_mm256_subs_epu8(fresh, old), _mm256_subs_epu8(old, fresh));
        const __m256i over = _mm256_subs_epu8(distance, fill(int8_t(deadband)));
        const __m256i same = _mm256_cmpeq_epi32(over, _mm256_setzero_si256());
        const uint32_t moved = 255 ^ uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(same)));
        const uint32_t marks[2] = {(moved & 15) * 0x00204081 & 0x01010101, (moved >> 4) * 0x00204081 & 0x01010101};  // a bit a byte
        memcpy(changed, marks, 8);
        if (moved) store(levels, _mm256_blendv_epi8(_mm256_xor_si256(fresh, signs), held, same));
        return __builtin_popcount(moved);
    }
};

}  // namespace VARIANT
