// AVX2 on registers of 32 and 16 bytes, with int8 dot products where the variant has them (AVX-VNNI, AVX-512 VNNI).
//
// Without them, products of bytes are added in pairs in 16 bits, which saturates beyond 32767. Levels of 0 to 127 times
// weights of -127 to 127 stay below; signed levels do when their sign is moved to the weights.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "../inline.h"

namespace VARIANT {

#if defined(__AVX512VL__)
constexpr int TILE_ROWS_HERE = 6;  // 32 registers
#else
constexpr int TILE_ROWS_HERE = 3;  // 16 registers
#endif
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define VISTREAM_VNNI 1
#endif
#if defined(__AVX512VNNI__)  // the same instruction has two encodings and two names
#define VISTREAM_DOT_256 _mm256_dpbusd_epi32
#define VISTREAM_DOT_128 _mm_dpbusd_epi32
#elif defined(__AVXVNNI__)
#define VISTREAM_DOT_256 _mm256_dpbusd_avx_epi32
#define VISTREAM_DOT_128 _mm_dpbusd_avx_epi32
#endif

template <class V> inline typename V::Bytes look_up_each(typename V::Bytes levels, const int8_t* table) {
    int8_t bytes[V::WIDTH];
    V::store(bytes, levels);
    for (int8_t& byte : bytes) byte = table[byte + 128];
    return V::load(bytes);
}

struct Avx256 {
    static constexpr int WIDTH = 32;
    static constexpr int TILE_ROWS = TILE_ROWS_HERE;
#ifdef VISTREAM_VNNI
    static constexpr bool FLIPS = true;
#else
    static constexpr bool FLIPS = false;
#endif
    using Bytes = __m256i;
    using Ints = __m256i;
    using Reals = __m256;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm256_loadu_si256((const __m256i*)from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm256_storeu_si256((__m256i*)to, value); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return load(from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { store(to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return _mm256_loadu_ps((const float*)from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { _mm256_storeu_ps((float*)to, value); }
    static VISTREAM_INLINE Ints zero() { return _mm256_setzero_si256(); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm256_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm256_set1_epi32(quad);
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return _mm256_set1_epi32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Bytes inputs, Bytes weights) {
#ifdef VISTREAM_VNNI
        if (SIGNED) inputs = _mm256_xor_si256(inputs, fill(-128));
        return VISTREAM_DOT_256(total, inputs, weights);
#else
        if (SIGNED) {
            weights = _mm256_sign_epi8(weights, inputs);
            inputs = _mm256_abs_epi8(inputs);
        }
        const __m256i pairs = _mm256_maddubs_epi16(inputs, weights);
        return _mm256_add_epi32(total, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
    }
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
    static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        return _mm256_packs_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    }
    static VISTREAM_INLINE Bytes in_order(Bytes packed) {
        return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm256_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm256_min_epi8(a, b); }
    static VISTREAM_INLINE Bytes lookup(Bytes levels, const int8_t* table) { return look_up_each<Avx256>(levels, table); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m256i distance = _mm256_sub_epi8(_mm256_max_epi8(fresh, held), _mm256_min_epi8(fresh, held));
        const __m256i near = _mm256_cmpeq_epi8(_mm256_subs_epu8(distance, fill(int8_t(hysteresis))), zero());
        return _mm256_blendv_epi8(fresh, held, near);
    }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return uint32_t(~_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, b))); }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Bytes quads[4]) {
        const __m256i low_a = _mm256_unpacklo_epi8(rows[0], rows[1]), high_a = _mm256_unpackhi_epi8(rows[0], rows[1]);
        const __m256i low_b = _mm256_unpacklo_epi8(rows[2], rows[3]), high_b = _mm256_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = _mm256_unpacklo_epi16(low_a, low_b), quads[1] = _mm256_unpackhi_epi16(low_a, low_b);
        quads[2] = _mm256_unpacklo_epi16(high_a, high_b), quads[3] = _mm256_unpackhi_epi16(high_a, high_b);
    }
};

struct Avx128 {
    static constexpr int WIDTH = 16;
    static constexpr int TILE_ROWS = TILE_ROWS_HERE;
    static constexpr bool FLIPS = Avx256::FLIPS;
    using Bytes = __m128i;
    using Ints = __m128i;
    using Reals = __m128;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm_loadu_si128((const __m128i*)from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm_storeu_si128((__m128i*)to, value); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return load(from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { store(to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return _mm_loadu_ps((const float*)from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { _mm_storeu_ps((float*)to, value); }
    static VISTREAM_INLINE Ints zero() { return _mm_setzero_si128(); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm_set1_epi32(quad);
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return _mm_add_epi32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return _mm_set1_epi32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Bytes inputs, Bytes weights) {
#ifdef VISTREAM_VNNI
        if (SIGNED) inputs = _mm_xor_si128(inputs, fill(-128));
        return VISTREAM_DOT_128(total, inputs, weights);
#else
        if (SIGNED) {
            weights = _mm_sign_epi8(weights, inputs);
            inputs = _mm_abs_epi8(inputs);
        }
        return _mm_add_epi32(total, _mm_madd_epi16(_mm_maddubs_epi16(inputs, weights), _mm_set1_epi16(1)));
#endif
    }
    static VISTREAM_INLINE Ints widen(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm_cvtepi8_epi32(_mm_cvtsi32_si128(quad));
    }
    static VISTREAM_INLINE Reals to_reals(Ints value) { return _mm_cvtepi32_ps(value); }
    static VISTREAM_INLINE Reals multiply(Reals a, Reals b) { return _mm_mul_ps(a, b); }
    static VISTREAM_INLINE Reals add(Reals a, Reals b) { return _mm_add_ps(a, b); }
    static VISTREAM_INLINE Reals clamp(Reals value, float low, float high) {
        return _mm_min_ps(_mm_max_ps(value, _mm_set1_ps(low)), _mm_set1_ps(high));
    }
    static VISTREAM_INLINE Ints round_half_up(Reals value) {
        return _mm_cvttps_epi32(_mm_floor_ps(_mm_add_ps(value, _mm_set1_ps(0.5f))));
    }
    static VISTREAM_INLINE Ints round_half_even(Reals value) { return _mm_cvtps_epi32(value); }
    static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        return _mm_packs_epi16(_mm_packs_epi32(sums[0], sums[1]), _mm_packs_epi32(sums[2], sums[3]));
    }
    static VISTREAM_INLINE Bytes in_order(Bytes packed) { return packed; }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm_min_epi8(a, b); }
    static VISTREAM_INLINE Bytes lookup(Bytes levels, const int8_t* table) { return look_up_each<Avx128>(levels, table); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m128i distance = _mm_sub_epi8(_mm_max_epi8(fresh, held), _mm_min_epi8(fresh, held));
        const __m128i near = _mm_cmpeq_epi8(_mm_subs_epu8(distance, fill(int8_t(hysteresis))), zero());
        return _mm_blendv_epi8(fresh, held, near);
    }
    // Takes over those of four RGB pixels that moved by more than the dead-band; one bit for each of them. Reads 16 bytes.
    static VISTREAM_INLINE int take_pixels(const uint8_t* from, int8_t* levels, uint8_t deadband) {
        const __m128i order = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
        const __m128i signs = _mm_set1_epi32(0x00808080), held = load(levels), old = _mm_xor_si128(held, signs);
        const __m128i fresh = _mm_shuffle_epi8(load(from), order);
        const __m128i distance = _mm_or_si128(_mm_subs_epu8(fresh, old), _mm_subs_epu8(old, fresh));
        const __m128i over = _mm_subs_epu8(distance, fill(int8_t(deadband)));
        const __m128i same = _mm_cmpeq_epi32(over, zero());
        const int moved = 15 ^ _mm_movemask_ps(_mm_castsi128_ps(same));
        if (moved) store(levels, _mm_blendv_epi8(_mm_xor_si128(fresh, signs), held, same));
        return moved;
    }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return uint16_t(~_mm_movemask_epi8(_mm_cmpeq_epi8(a, b))); }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Bytes quads[4]) {
        const __m128i low_a = _mm_unpacklo_epi8(rows[0], rows[1]), high_a = _mm_unpackhi_epi8(rows[0], rows[1]);
        const __m128i low_b = _mm_unpacklo_epi8(rows[2], rows[3]), high_b = _mm_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = _mm_unpacklo_epi16(low_a, low_b), quads[1] = _mm_unpackhi_epi16(low_a, low_b);
        quads[2] = _mm_unpacklo_epi16(high_a, high_b), quads[3] = _mm_unpackhi_epi16(high_a, high_b);
    }
};

#ifndef __AVX512F__
using Widest = Avx256;
#endif
using Half = Avx256;
using Quarter = Avx128;

}  // namespace VARIANT
