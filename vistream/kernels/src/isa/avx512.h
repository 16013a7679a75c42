// AVX-512: sums always in registers of 64 bytes, of which 64 channels take four, 32 two and 16 one.
#pragma once
#include "x86_bytes.h"

#ifndef __AVX512VNNI__
#define VISTREAM_PAIRS  // there are the primitives that kind/pairs.h asks for
#endif

namespace VARIANT {

struct Bytes512 {
    using Bytes = __m512i;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm512_loadu_si512(from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm512_storeu_si512(to, value); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm512_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm512_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm512_min_epi8(a, b); }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return _mm512_cmpneq_epi8_mask(a, b); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m512i distance = _mm512_sub_epi8(_mm512_max_epi8(fresh, held), _mm512_min_epi8(fresh, held));
        return _mm512_mask_mov_epi8(held, _mm512_cmpgt_epu8_mask(distance, fill(int8_t(hysteresis))), fresh);
    }
    static VISTREAM_CALLED Bytes lookup(Bytes levels, const int8_t* table) {
        const __m512i index = _mm512_xor_si512(levels, fill(-128));
        return among<16>(table, _mm512_and_si512(index, fill(15)), index);
    }
    template <int PARTS> static VISTREAM_INLINE Bytes among(const int8_t* table, Bytes lower, Bytes index) {  // as Bytes128 does
        if constexpr (PARTS == 1) {
            return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(Bytes128::load(table)), lower);
        } else {
            const Bytes before = among<PARTS / 2>(table, lower, index), behind = among<PARTS / 2>(table + 8 * PARTS, lower, index);
            return _mm512_mask_mov_epi8(before, _mm512_test_epi8_mask(index, fill(int8_t(8 * PARTS))), behind);
        }
    }
    static constexpr int PIXELS = 16;
    static VISTREAM_INLINE int take_pixels(const uint8_t* from, int8_t* levels, uint8_t* changed, uint8_t deadband) {
        const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(Bytes128::load(from)), Bytes128::load(from + 12), 1);
        const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(Bytes128::load(from + 24)), Bytes128::load(from + 36), 1);
        const __m512i together = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        const __m512i fresh = _mm512_shuffle_epi8(together, _mm512_broadcast_i32x4(spread_pixels()));
        const __m512i signs = _mm512_set1_epi32(0x00808080), held = load(levels), old = _mm512_xor_si512(held, signs);
        const __m512i distance = _mm512_or_si512(_mm512_subs_epu8(fresh, old), _mm512_subs_epu8(old, fresh));
        const __m512i over = _mm512_subs_epu8(distance, fill(int8_t(deadband)));
        const __mmask16 moved = _mm512_test_epi32_mask(over, over);
        Bytes128::store(changed, _mm_maskz_set1_epi8(moved, 1));
        if (moved) store(levels, _mm512_mask_xor_epi32(held, moved, fresh, signs));
        return __builtin_popcount(moved);
    }
};

struct Sums512 {
    using Quads = __m512i;
    using Ints = __m512i;
    using Reals = __m512;

    static VISTREAM_INLINE Quads load_quads(const void* from) { return _mm512_loadu_si512(from); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return _mm512_loadu_si512(from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { _mm512_storeu_si512(to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return _mm512_loadu_ps(from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { _mm512_storeu_ps(to, value); }
    static VISTREAM_INLINE Ints zero() { return _mm512_setzero_si512(); }
    static VISTREAM_INLINE Quads broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm512_set1_epi32(quad);
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return _mm512_set1_epi32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Quads inputs, Quads weights) {
#ifdef __AVX512VNNI__
        if (SIGNED) inputs = _mm512_xor_si512(inputs, signs());
        return _mm512_dpbusd_epi32(total, inputs, weights);
#else
        return plus_widened(total, products<SIGNED>(inputs, weights));
#endif
    }
#ifdef VISTREAM_PAIRS
    using Halves = __m512i;
    template <bool SIGNED> static VISTREAM_INLINE Halves products(Quads inputs, Quads weights) {
        if (SIGNED) {
            weights = _mm512_mask_sub_epi8(weights, _mm512_movepi8_mask(inputs), zero(), weights);
            inputs = _mm512_abs_epi8(inputs);
        }
        return _mm512_maddubs_epi16(inputs, weights);
    }
    static VISTREAM_INLINE Halves plus_halves(Halves a, Halves b) { return _mm512_add_epi16(a, b); }
    static VISTREAM_INLINE Ints plus_widened(Ints total, Halves halves) {
        return _mm512_add_epi32(total, _mm512_madd_epi16(halves, _mm512_set1_epi16(1)));
    }
    static VISTREAM_INLINE Quads fill_quads(int8_t byte) { return _mm512_set1_epi8(byte); }
    static VISTREAM_INLINE Quads plus_bytes(Quads a, Quads b) { return _mm512_add_epi8(a, b); }
#endif
    // As a value that the compiler does not see through: it would flip the four bytes before they are broadcast, for which
    // it has to take them to a register first.
    static VISTREAM_INLINE Quads signs() {
        Quads flip = _mm512_set1_epi8(-128);
        __asm__("" : "+v"(flip));
        return flip;
    }
    static VISTREAM_INLINE Ints widen(const int8_t* from) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)from)); }
    static VISTREAM_INLINE Reals to_reals(Ints value) { return _mm512_cvtepi32_ps(value); }
    static VISTREAM_INLINE Reals multiply(Reals a, Reals b) { return _mm512_mul_ps(a, b); }
    static VISTREAM_INLINE Reals add(Reals a, Reals b) { return _mm512_add_ps(a, b); }
    static VISTREAM_INLINE Reals clamp(Reals value, float low, float high) {
        return _mm512_min_ps(_mm512_max_ps(value, _mm512_set1_ps(low)), _mm512_set1_ps(high));
    }
    static VISTREAM_INLINE Ints round_half_up(Reals value) {
        return _mm512_cvt_roundps_epi32(
            _mm512_add_ps(value, _mm512_set1_ps(0.5f)), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    }
    static VISTREAM_INLINE Ints round_half_even(Reals value) { return _mm512_cvtps_epi32(value); }
};

#ifdef __AMX_INT8__
constexpr int ROWS_OF_32 = 8;  // sums come from tile registers, for groups of 32 positions
#else
constexpr int ROWS_OF_32 = 6;
#endif

struct Avx512 : Bytes512, Sums512 {
    static constexpr int WIDTH = 64, VECTORS = 4, TILE_ROWS = 4;

    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        const Bytes packed = _mm512_packs_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_packs_epi32(sums[2], sums[3]));
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        return ORDERED ? _mm512_permutexvar_epi32(order, packed) : packed;
    }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[4]) {
        const __m512i low_a = _mm512_unpacklo_epi8(rows[0], rows[1]), high_a = _mm512_unpackhi_epi8(rows[0], rows[1]);
        const __m512i low_b = _mm512_unpacklo_epi8(rows[2], rows[3]), high_b = _mm512_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = _mm512_unpacklo_epi16(low_a, low_b), quads[1] = _mm512_unpackhi_epi16(low_a, low_b);
        quads[2] = _mm512_unpacklo_epi16(high_a, high_b), quads[3] = _mm512_unpackhi_epi16(high_a, high_b);
    }
};

struct Avx512Half : Bytes256, Sums512 {
    static constexpr int WIDTH = 32, VECTORS = 2, TILE_ROWS = ROWS_OF_32;

    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[2]) {
        const __m256i packed = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm512_cvtsepi32_epi8(sums[0])), _mm512_cvtsepi32_epi8(sums[1]), 1);
        return ORDERED ? packed : _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
    }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[2]) {
        const __m256i low_a = _mm256_unpacklo_epi8(rows[0], rows[1]), high_a = _mm256_unpackhi_epi8(rows[0], rows[1]);
        const __m256i low_b = _mm256_unpacklo_epi8(rows[2], rows[3]), high_b = _mm256_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = together(_mm256_unpacklo_epi16(low_a, low_b), _mm256_unpackhi_epi16(low_a, low_b));
        quads[1] = together(_mm256_unpacklo_epi16(high_a, high_b), _mm256_unpackhi_epi16(high_a, high_b));
    }
    static VISTREAM_INLINE __m512i together(__m256i low, __m256i high) {
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
};

struct Avx512Quarter : Bytes128, Sums512 {
    static constexpr int WIDTH = 16, VECTORS = 1, TILE_ROWS = 8;

    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[1]) { return _mm512_cvtsepi32_epi8(sums[0]); }
    // Four channels of every row to each 16 bytes, and there the four bytes of a channel together.
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[1]) {
        const __m256i upper = _mm256_inserti128_si256(_mm256_castsi128_si256(rows[0]), rows[1], 1);
        const __m256i lower = _mm256_inserti128_si256(_mm256_castsi128_si256(rows[2]), rows[3], 1);
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const __m128i each = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        const __m512i dealt = _mm512_permutexvar_epi32(order, Avx512Half::together(upper, lower));
        quads[0] = _mm512_shuffle_epi8(dealt, _mm512_broadcast_i32x4(each));
    }
};

using Widest = Avx512;
using Half = Avx512Half;
using Quarter = Avx512Quarter;
#ifdef __AVX512VNNI__
constexpr bool FLIPS = true;
#else
constexpr bool FLIPS = false;
#endif

}  // namespace VARIANT
