// The passes around the sums: which pixels moved, whom a change reaches, which positions are to be computed.
#pragma once
#include "requantise.h"
#include "windows.h"

namespace VARIANT {

// Takes over pixels `begin .. end` of an RGB frame where a channel moved by more than the dead-band; how many did.
// `levels`: int8 [..][4], a pixel minus 128 and a 0. `last`: whether `end` is the end of the frame, behind which nothing
// may be read.
inline int64_t read_pixels(const uint8_t* frame, int8_t* levels, uint8_t* changed, int64_t begin, int64_t end, bool last,
                           int64_t deadband) {
    int64_t moved = 0, pixel = begin;
    for (; pixel + Widest::PIXELS + 4 * last <= end; pixel += Widest::PIXELS)
        moved += Widest::take_pixels(frame + 3 * pixel, levels + 4 * pixel, changed + pixel, uint8_t(deadband));
    for (; pixel < end; ++pixel) {
        bool over = false;
        for (int c = 0; c < 3; ++c) {
            const int distance = int(frame[3 * pixel + c]) - 128 - levels[4 * pixel + c];
            over |= (distance < 0 ? -distance : distance) > deadband;
        }
        changed[pixel] = over;
        moved += over;
        for (int c = 0; over && c < 3; ++c) levels[4 * pixel + c] = int8_t(int(frame[3 * pixel + c]) - 128);
    }
    return moved;
}

// Marks in rows `top .. bottom` of `stale` [rows * columns] the positions whose window holds a changed input: first along
// columns, then along rows.
inline void spread(const Window* window, const uint8_t* changed, uint8_t* stale, uint8_t* line, int32_t top, int32_t bottom) {
    const int32_t width = window->width, columns = window->columns;
    const int64_t reach = int64_t(columns - 1) * window->stride_w + (window->kernel_w - 1) * window->dilation_w + 1;
    const int64_t length = reach > window->left + width ? reach : window->left + width;
    memset(line, 0, size_t(length));
    uint8_t* inside = line + window->left;
    for (int32_t y = top; y < bottom; ++y) {
        bool any = false;
        memset(inside, 0, size_t(width));
        for (int32_t k = 0; k < window->kernel_h; ++k) {
            const int32_t at = y * window->stride_h + k * window->dilation_h - window->top;
            if (at < 0 || at >= window->height) continue;
            const uint8_t* row = changed + int64_t(at) * width;
            if (!memchr(row, 1, size_t(width))) continue;
            any = true;
            for (int32_t x = 0; x < width; ++x) inside[x] |= row[x];
        }
        if (!any) continue;
        uint8_t* out = stale + int64_t(y) * columns;
        for (int32_t k = 0; k < window->kernel_w; ++k) {
            const uint8_t* shifted = line + k * window->dilation_w;
            if (window->stride_w == 1) {
                for (int32_t x = 0; x < columns; ++x) out[x] |= shifted[x];
            } else if (window->stride_w == 2) {  // a stride that the compiler knows becomes vector code
                for (int32_t x = 0; x < columns; ++x) out[x] |= shifted[2 * x];
            } else {
                for (int32_t x = 0; x < columns; ++x) out[x] |= shifted[int64_t(x) * window->stride_w];
            }
        }
    }
}

inline void join(const uint8_t* changed, uint8_t* stale, int64_t area) {
    for (int64_t i = 0; i < area; ++i) stale[i] |= changed[i];
}

// Moves the marks that are stale and needed, of positions `begin .. end`, to `reached`, and the positions to `index` from
// `begin` on; returns how many.
inline int64_t take(Layer* layer, int64_t begin, int64_t end) {
    int64_t count = 0, i = begin;
    int32_t* index = layer->index + begin;
    for (; i + 8 <= end; i += 8) {
        uint64_t stale, needed = ~uint64_t(0), reached;
        memcpy(&stale, layer->stale + i, 8);
        if (layer->needed) memcpy(&needed, layer->needed + i, 8);
        const uint64_t eight = stale & needed;
        if (!eight) continue;
        memcpy(&reached, layer->reached + i, 8);
        stale ^= eight;
        reached |= eight;
        memcpy(layer->stale + i, &stale, 8);
        memcpy(layer->reached + i, &reached, 8);
        if (eight == 0x0101010101010101) {
            for (int k = 0; k < 8; ++k) index[count + k] = int32_t(i) + k;
            count += 8;
        } else {  // each is written, and the next is written over it if it was none: no branch to guess
            for (int k = 0; k < 8; ++k) {
                index[count] = int32_t(i) + k;
                count += eight >> 8 * k & 1;
            }
        }
    }
    for (; i < end; ++i) {
        const uint8_t mark = layer->stale[i] & (layer->needed ? layer->needed[i] : 1);
        layer->stale[i] ^= mark;
        layer->reached[i] |= mark;
        if (mark) index[count++] = int32_t(i);
    }
    return count;
}

// The sum of all rows, channel by channel.
inline void sum_rows(const int8_t* source, int64_t rows, int64_t stride, int32_t* sums) {
    memset(sums, 0, size_t(stride) * sizeof *sums);
    for (int64_t row = 0; row < rows; ++row, source += stride)
        for (int64_t c = 0; c < stride; ++c) sums[c] += source[c];
}

}  // namespace VARIANT
