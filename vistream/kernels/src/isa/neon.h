// NEON on registers of 16 bytes, with dot products (SDOT) where the variant has them.
#pragma once
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#include "../inline.h"
#include "pixels.h"

namespace VARIANT {

struct Neon {
    static constexpr int WIDTH = 16, VECTORS = 4, TILE_ROWS = 6;
    using Bytes = int8x16_t;
    using Quads = int8x16_t;
    using Ints = int32x4_t;
    using Reals = float32x4_t;

    static VISTREAM_INLINE Bytes load(const void* from) { return vld1q_s8((const int8_t*)from); }
    static VISTREAM_INLINE void store(void* to, Bytes value) { vst1q_s8((int8_t*)to, value); }
    static VISTREAM_INLINE Quads load_quads(const void* from) { return load(from); }
    static VISTREAM_INLINE Ints load_ints(const void* from) { return vld1q_s32((const int32_t*)from); }
    static VISTREAM_INLINE void store_ints(void* to, Ints value) { vst1q_s32((int32_t*)to, value); }
    static VISTREAM_INLINE Reals load_reals(const void* from) { return vld1q_f32((const float*)from); }
    static VISTREAM_INLINE void store_reals(void* to, Reals value) { vst1q_f32((float*)to, value); }
    static VISTREAM_INLINE Ints zero() { return vdupq_n_s32(0); }
    static VISTREAM_INLINE Bytes fill(int8_t byte) { return vdupq_n_s8(byte); }
    static VISTREAM_INLINE Quads broadcast_quad(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return vreinterpretq_s8_s32(vdupq_n_s32(quad));
    }
    static VISTREAM_INLINE Ints plus(Ints a, Ints b) { return vaddq_s32(a, b); }
    static VISTREAM_INLINE Ints fill_ints(int32_t value) { return vdupq_n_s32(value); }
    template <bool SIGNED> static VISTREAM_INLINE Ints dot(Ints total, Quads inputs, Quads weights) {
#ifdef __ARM_FEATURE_DOTPROD
        return vdotq_s32(total, inputs, weights);
#else
        const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(inputs), vget_low_s8(weights)));
        const int32x4_t high = vpaddlq_s16(vmull_s8(vget_high_s8(inputs), vget_high_s8(weights)));
        return vaddq_s32(total, vpaddq_s32(low, high));
#endif
    }
    static VISTREAM_INLINE Ints widen(const int8_t* from) {
        int32_t quad;
        memcpy(&quad, from, 4);
        return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(quad)))));
    }
    static VISTREAM_INLINE Reals to_reals(Ints value) { return vcvtq_f32_s32(value); }
    static VISTREAM_INLINE Reals multiply(Reals a, Reals b) { return vmulq_f32(a, b); }
    static VISTREAM_INLINE Reals add(Reals a, Reals b) { return vaddq_f32(a, b); }
    static VISTREAM_INLINE Reals clamp(Reals value, float low, float high) {
        return vminq_f32(vmaxq_f32(value, vdupq_n_f32(low)), vdupq_n_f32(high));
    }
    static VISTREAM_INLINE Ints round_half_up(Reals value) { return vcvtmq_s32_f32(vaddq_f32(value, vdupq_n_f32(0.5f))); }
    static VISTREAM_INLINE Ints round_half_even(Reals value) { return vcvtnq_s32_f32(value); }
    template <bool ORDERED> static VISTREAM_INLINE Bytes pack(const Ints sums[4]) {
        const int16x8_t low = vcombine_s16(vqmovn_s32(sums[0]), vqmovn_s32(sums[1]));
        const int16x8_t high = vcombine_s16(vqmovn_s32(sums[2]), vqmovn_s32(sums[3]));
        return vcombine_s8(vqmovn_s16(low), vqmovn_s16(high));
    }
    static VISTREAM_INLINE Bytes largest(Bytes a, Bytes b) { return vmaxq_s8(a, b); }
    static VISTREAM_INLINE Bytes smallest(Bytes a, Bytes b) { return vminq_s8(a, b); }
    static VISTREAM_INLINE Bytes lookup(Bytes levels, const int8_t* table) {
        uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(levels), vdupq_n_u8(128));
        int8x16_t found = vdupq_n_s8(0);
        for (int part = 0; part < 4; ++part, index = vsubq_u8(index, vdupq_n_u8(64)))  // an index beyond 63 finds nothing
            found = vqtbx4q_s8(found, vld1q_s8_x4(table + 64 * part), index);
        return found;
    }
    static VISTREAM_INLINE Bytes keep_near(Bytes fresh, Bytes held, uint8_t hysteresis) {
        const uint8x16_t distance = vreinterpretq_u8_s8(vsubq_s8(vmaxq_s8(fresh, held), vminq_s8(fresh, held)));
        return vbslq_s8(vcgtq_u8(distance, vdupq_n_u8(hysteresis)), fresh, held);
    }
    static constexpr int PIXELS = 4;
    static VISTREAM_INLINE int take_pixels(const uint8_t* from, int8_t* levels, uint8_t* changed, uint8_t deadband) {
        return take_pixels_each(from, levels, changed, deadband);
    }
    static VISTREAM_INLINE uint64_t differ(Bytes a, Bytes b) {
        const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t changed = vandq_u8(vmvnq_u8(vceqq_s8(a, b)), bits);
        return vaddv_u8(vget_low_u8(changed)) | uint64_t(vaddv_u8(vget_high_u8(changed))) << 8;
    }
    static VISTREAM_INLINE void interleave(const Bytes rows[4], Quads quads[4]) {
        const int8x16x2_t a = vzipq_s8(rows[0], rows[1]), b = vzipq_s8(rows[2], rows[3]);
        const int16x8x2_t low = vzipq_s16(vreinterpretq_s16_s8(a.val[0]), vreinterpretq_s16_s8(b.val[0]));
        const int16x8x2_t high = vzipq_s16(vreinterpretq_s16_s8(a.val[1]), vreinterpretq_s16_s8(b.val[1]));
        quads[0] = vreinterpretq_s8_s16(low.val[0]), quads[1] = vreinterpretq_s8_s16(low.val[1]);
        quads[2] = vreinterpretq_s8_s16(high.val[0]), quads[3] = vreinterpretq_s8_s16(high.val[1]);
    }
};

using Widest = Neon;
using Half = Neon;
using Quarter = Neon;
constexpr bool FLIPS = false;

}  // namespace VARIANT
