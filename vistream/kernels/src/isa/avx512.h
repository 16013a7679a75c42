// AVX-512 on registers of 64 bytes; narrower ones (x86.h) take the channels that do not fill one.
#pragma once
#include "x86.h"

#include "../inline.h"

namespace VARIANT {

struct Avx512 {
    static constexpr int WIDTH = 64;
    static constexpr int TILE_ROWS = 6;
    static constexpr bool FLIPS = Avx256::FLIPS;
    using Bytes = __m512i;
    using Ints = __m512i;
    using Reals = __m512;

    static VISTREAM_INLINE Bytes load(const void* from) { return _mm512_loadu_si512(from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { _mm512_storeu_si512(to, value); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return _mm512_loadu_si512(from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { _mm512_storeu_si512(to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return _mm512_loadu_ps(from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { _mm512_storeu_ps(to, value); }
    static VISTREAM_INLINE Ints zero() { return _mm512_setzero_si512(); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return _mm512_set1_epi8(byte); }
    static VISTREAM_INLINE Bytes broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return _mm512_set1_epi32(quad);
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return _mm512_set1_epi32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Bytes inputs, Bytes weights) {
#ifdef __AVX512VNNI__
        if (SIGNED) inputs = _mm512_xor_si512(inputs, fill(-128));
        return _mm512_dpbusd_epi32(total, inputs, weights);
#else
        if (SIGNED) {
            weights = _mm512_mask_sub_epi8(weights, _mm512_movepi8_mask(inputs), zero(), weights);
            inputs = _mm512_abs_epi8(inputs);
        }
        const __m512i pairs = _mm512_maddubs_epi16(inputs, weights);
        return _mm512_add_epi32(total, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
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
    static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        return _mm512_packs_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_packs_epi32(sums[2], sums[3]));
    }
    static VISTREAM_INLINE Bytes in_order(Bytes packed) {
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        return _mm512_permutexvar_epi32(order, packed);
    }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return _mm512_max_epi8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return _mm512_min_epi8(a, b); }
    static VISTREAM_INLINE Bytes lookup(Bytes levels, const int8_t* table) { return look_up_each<Avx512>(levels, table); }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const __m512i distance = _mm512_sub_epi8(_mm512_max_epi8(fresh, held), _mm512_min_epi8(fresh, held));
        return _mm512_mask_mov_epi8(held, _mm512_cmpgt_epu8_mask(distance, fill(int8_t(hysteresis))), fresh);
    }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) { return _mm512_cmpneq_epi8_mask(a, b); }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Bytes quads[4]) {
        const __m512i low_a = _mm512_unpacklo_epi8(rows[0], rows[1]), high_a = _mm512_unpackhi_epi8(rows[0], rows[1]);
        const __m512i low_b = _mm512_unpacklo_epi8(rows[2], rows[3]), high_b = _mm512_unpackhi_epi8(rows[2], rows[3]);
        quads[0] = _mm512_unpacklo_epi16(low_a, low_b), quads[1] = _mm512_unpackhi_epi16(low_a, low_b);
        quads[2] = _mm512_unpacklo_epi16(high_a, high_b), quads[3] = _mm512_unpackhi_epi16(high_a, high_b);
    }
};

using Widest = Avx512;

}  // namespace VARIANT
