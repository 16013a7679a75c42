// AVX2: sums in registers of 32 and 16 bytes, with int8 dot products where the variant has them (AVX-VNNI).
//
// Without them, products of bytes are added in pairs in 16 bits, which saturates beyond 32767. Levels of 0 to 127 times
// weights of -128 to 127 stay below; of signed factors, the sign of one is moved to the other, which is never -128 then
// (SIGNS_OF_WEIGHTS in job.h).
#pragma once
#include "x86_bytes.h"

#ifndef __AVXVNNI__
#define VISTREAM_PAIRS  // there are the primitives that kind/pairs.h asks for
#endif

namespace VARIANT {

#ifdef VISTREAM_PAIRS
constexpr int TILE_ROWS_OF_16_REGISTERS = 2;  // inputs and products of two quads take four registers, and two
#else
constexpr int TILE_ROWS_OF_16_REGISTERS = 3;
#endif

struct Sums256 {
    using Quads = __m256i;
    using Ints = __m256i;
    using Reals = __m256;

    static VISTREAM_INLINE Quads load_quads(const void* from) { return _mm256_loadu_si256((const __m256i*)from); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return _mm256_loadu_si256((const __m256i*)from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { _mm256_storeu_si256((__m256i*)to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return _mm256_loadu_ps((const float*)from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { _mm256_storeu_ps((float*)to, value); }
    static VISTREAM_INLINE Ints zero() { return _mm256_setzero_si256(); }
    static VISTREAM_INLINE Quads broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm256_set1_epi32(quad);
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return _mm256_set1_epi32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Quads inputs, Quads weights) {
#ifdef __AVXVNNI__
        if (SIGNED) inputs = _mm256_xor_si256(inputs, _mm256_set1_epi8(-128));
        return _mm256_dpbusd_avx_epi32(total, inputs, weights);
#else
        return plus_widened(total, products<SIGNED>(inputs, weights));
#endif
    }
#ifdef VISTREAM_PAIRS
    using Halves = __m256i;
    template <bool SIGNED> static VISTREAM_INLINE Halves products(Quads inputs, Quads weights) {
        return SIGNED ? _mm256_maddubs_epi16(_mm256_abs_epi8(inputs), _mm256_sign_epi8(weights, inputs))
                      : _mm256_maddubs_epi16(inputs, weights);
    }
    static VISTREAM_INLINE Halves plus_halves(Halves a, Halves b) { return _mm256_add_epi16(a, b); }
    static VISTREAM_INLINE Ints plus_widened(Ints total, Halves halves) {
        return _mm256_add_epi32(total, _mm256_madd_epi16(halves, _mm256_set1_epi16(1)));
    }
    static VISTREAM_INLINE Quads fill_quads(int8_t byte) { return _mm256_set1_epi8(byte); }
    static VISTREAM_INLINE Quads plus_bytes(Quads a, Quads b) { return _mm256_add_epi8(a, b); }
#endif
    static VISTREAM_INLINE Ints widen(const int8_t* from) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)from)); }
    static VISTREAM_INLINE Reals to_reals(Ints value) { return _mm256_cvtepi32_ps(value); }
    static VISTREAM_INLINE Reals multiply(Reals a, Reals b) { return _mm256_mul_ps(a, b); }
    static VISTREAM_INLINE Reals add(Reals a, Reals b) { return _mm256_add_ps(a, b); }
    static VISTREAM_INLINE Reals clamp(Reals value, float low, float high) {
        return _mm256_min_ps(_mm256_max_ps(value, _mm256_set1_ps(low)), _mm256_set1_ps(high));
    }
    static VISTREAM_INLINE Ints round_half_up(Reals value) {
        return _mm256_cvttps_epi32(_mm256_floor_ps(_mm256_add_ps(value, _mm256_set1_ps(0.5f))));
    }
    static VISTREAM_INLINE Ints round_half_even(Reals value) { return _mm256_cvtps_epi32(value); }
};

struct Avx256 : Bytes256, Sums256 {
    static constexpr int WIDTH = 32, VECTORS = 4, TILE_ROWS = TILE_ROWS_OF_16_REGISTERS;

    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        const Bytes packed = _mm256_packs_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
        return ORDERED ? _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)) : packed;
    }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[4]) {
        const __m256i low_a = _mm256_unpacklo_epi8(rows[0], rows[1]), high_a = _mm256_unpackhi_epi8(rows[0], rows[1]);
        const __m256i low_b = _mm256_unpacklo_epi8(rows[2], rows[3]), high_b = _mm256_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = _mm256_unpacklo_epi16(low_a, low_b), quads[1] = _mm256_unpackhi_epi16(low_a, low_b);
        quads[2] = _mm256_unpacklo_epi16(high_a, high_b), quads[3] = _mm256_unpackhi_epi16(high_a, high_b);
    }
};

struct Avx256Half : Bytes128, Sums256 {
    static constexpr int WIDTH = 16, VECTORS = 2, TILE_ROWS = 2 * Avx256::TILE_ROWS;

    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[2]) {
        const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(sums[0], sums[1]), 0xd8);  // 0, 2, 1, 3
        return _mm_packs_epi16(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
    }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[2]) {
        const __m128i low_a = _mm_unpacklo_epi8(rows[0], rows[1]), high_a = _mm_unpackhi_epi8(rows[0], rows[1]);
        const __m128i low_b = _mm_unpacklo_epi8(rows[2], rows[3]), high_b = _mm_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = together(_mm_unpacklo_epi16(low_a, low_b), _mm_unpackhi_epi16(low_a, low_b));
        quads[1] = together(_mm_unpacklo_epi16(high_a, high_b), _mm_unpackhi_epi16(high_a, high_b));
    }
    static VISTREAM_INLINE __m256i together(__m128i low, __m128i high) {
        return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
};

using Widest = Avx256;
using Half = Avx256;
using Quarter = Avx256Half;
#ifdef __AVXVNNI__
constexpr bool FLIPS = true;
#else
constexpr bool FLIPS = false;
#endif

}  // namespace VARIANT
