// A random layer through the kernels and through plain loops: are all levels, marks and counts the same?
#pragma once
#include <math.h>
#include <string.h>

#include "../interface.h"
#include "random.h"

namespace vistream {
namespace {

int64_t up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

struct LayerCase {
    Kernels const* kernels;
    Random random;
    Arena arena;
    Window window;
    int64_t inputs, outputs, row_bytes, stride, taps;
    bool depthwise, is_signed;
    int8_t* source;   // [positions + 1][row_bytes]
    int8_t* weights;  // [outputs][taps][inputs], or [outputs][taps]
    int64_t moved;
    uint8_t *changed, *stale;  // of the source; of the outputs, as it has to be
    Layer layer;
    Term terms[2];
    Events events;
    Pairs pairs;
    int lowest;  // level of the source

    int64_t positions() const { return int64_t(window.height) * window.width; }

    void geometry() {
        window.height = random.between(1, 14);
        window.width = random.between(1, 40);
        window.kernel_h = random.between(1, 5);
        window.kernel_w = random.between(1, 5);
        window.stride_h = random.between(1, 2);
        window.stride_w = random.between(1, 3);
        if (random.between(0, 1)) window.stride_h = window.stride_w = 1;
        if (random.between(0, 2) == 0) window.kernel_h = window.kernel_w = 1;
        window.dilation_h = random.between(1, 2);
        window.dilation_w = random.between(1, 2);
        window.top = random.between(0, window.kernel_h - 1);
        window.left = random.between(0, window.kernel_w - 1);
        const int32_t tall = window.height + window.top - (window.kernel_h - 1) * window.dilation_h;
        const int32_t wide = window.width + window.left - (window.kernel_w - 1) * window.dilation_w;
        if (tall < 1) window.height += 1 - tall;
        if (wide < 1) window.width += 1 - wide;
        window.rows = ((tall < 1 ? 1 : tall) - 1) / window.stride_h + 1;
        window.columns = ((wide < 1 ? 1 : wide) - 1) / window.stride_w + 1;
        taps = int64_t(window.kernel_h) * window.kernel_w;
    }

    void fill(int8_t* to, int64_t size, int low, int high) {
        for (int64_t i = 0; i < size; ++i) to[i] = int8_t(random.between(low, high));
    }

    int weight_of(int64_t output, int64_t tap, int64_t input) const {
        if (depthwise) return weights[output * taps + tap];
        return weights[(output * taps + tap) * inputs + input];
    }

    int32_t sum_of_weights(int64_t output) const {
        int32_t sum = 0;
        for (int64_t tap = 0; tap < taps; ++tap)
            for (int64_t input = 0; input < (depthwise ? 1 : inputs); ++input) sum += weight_of(output, tap, input);
        return sum;
    }

    // The layouts that job.h describes.
    int8_t* pack_dots(int64_t* quads) {
        const bool tiles = kernels->tiles;
        const int64_t per_tap = tiles ? row_bytes : up(inputs, 4);
        const int64_t inner = tiles ? up(taps * per_tap, 64) : taps * per_tap;
        int8_t* packed = arena.zeros<int8_t>(stride * inner);
        for (int64_t output = 0; output < outputs; ++output)
            for (int64_t tap = 0; tap < taps; ++tap)
                for (int64_t input = 0; input < inputs; ++input) {
                    const int64_t k = tap * per_tap + input;
                    packed[output / 16 * 16 * inner + k / 4 * 64 + output % 16 * 4 + k % 4] =
                        int8_t(weight_of(output, tap, input));
                }
        *quads = tiles ? inner / 4 : per_tap / 4;
        return packed;
    }

    // A weight of the inputs of a quad, of those of all taps.
    int whole(int64_t output, int64_t quad, int k) const {
        const int64_t quads = up(inputs, 4) / 4, input = quad % quads * 4 + k;
        return output < outputs && input < inputs ? weight_of(output, quad / quads, input) : 0;
    }

    // Cuts packed weights so that quads may be taken in pairs, whatever levels are; each weight by the same share.
    const Pairs* cut(int8_t* packed) {
        const int most = 32767 / (127 - lowest);
        const bool row = row_bytes == 4 && inputs <= 4;  // a row of the window lies in one piece
        const int64_t quads = row ? window.kernel_w : up(inputs, 4) / 4, pieces = row ? window.kernel_h : taps;
        const int64_t inner = pieces * quads * 4, units = stride / 16;
        int32_t* first = arena.zeros<int32_t>(units + 1);
        int32_t* place = arena.zeros<int32_t>(units * pieces * quads * 3);
        int8_t* rest = arena.zeros<int8_t>(units * pieces * quads * 4 * kernels->vector_bytes);
        int32_t rests = 0;
        for (int64_t begin = 0, width; begin < stride; begin += width) {
            block_of(begin, &width);
            first[begin / 16] = rests;
            for (int64_t quad = 0; quad < pieces * quads; ++quad) {
                const int64_t partner = quad % quads % 2 ? quad - 1 : quad % quads + 1 < quads ? quad + 1 : quad;
                bool any = false;
                for (int64_t c = 0; c < width; ++c) {
                    int8_t* const unit = packed + (begin + c) / 16 * 16 * inner + (begin + c) % 16 * 4;
                    for (int lane = 0; lane < 4; ++lane) {
                        int sum = 0;  // of the four weights whose products are added, before any was cut
                        for (int k = lane / 2 * 2; k < lane / 2 * 2 + 2; ++k) {
                            sum += abs(whole(begin + c, quad, k));
                            if (partner != quad) sum += abs(whole(begin + c, partner, k));
                        }
                        int8_t& weight = unit[quad * 64 + lane];
                        const int kept = sum > most ? weight * most / sum : weight;
                        rest[(rests * int64_t(kernels->vector_bytes) + c) * 4 + lane] = int8_t(weight - kept);
                        any |= weight != kept;
                        weight = int8_t(kept);
                    }
                }
                const int64_t tap = row ? quad : quad / quads;
                place[3 * rests] = int32_t(tap / window.kernel_w), place[3 * rests + 1] = int32_t(tap % window.kernel_w);
                place[3 * rests + 2] = row ? 0 : int32_t(quad % quads * 4);
                rests += any;
            }
            for (int64_t unit = begin / 16 + 1; unit <= (begin + width) / 16; ++unit) first[unit] = rests;
        }
        pairs = {-lowest, first, place, rest};
        return &pairs;
    }

    // Where channel `c` of a row of `stride` stands once four rows are dealt out, block by block.
    int64_t dealt(int64_t c) const {
        int64_t begin = 0, width = kernels->vector_bytes;
        while (begin + width <= c || begin + width > stride) {
            if (begin + width <= stride) begin += width;
            else width /= 2;
        }
        const int64_t inside = c - begin;
        return begin + inside % 16 / 4 * (width / 4) + inside / 16 * 4 + inside % 4;
    }

    int64_t block_of(int64_t c, int64_t* width) const {
        int64_t begin = 0;
        *width = kernels->vector_bytes;
        while (begin + *width <= c || begin + *width > stride) {
            if (begin + *width <= stride) begin += *width;
            else *width /= 2;
        }
        return begin;
    }

    const int8_t* pack_depthwise() {
        const int64_t fours = (window.kernel_h + 3) / 4, per = fours * 4 * window.kernel_w;
        int8_t* packed = arena.zeros<int8_t>(stride * per);
        for (int64_t c = 0; c < outputs; ++c)
            for (int64_t tap = 0; tap < taps; ++tap) {
                int64_t width;
                const int64_t begin = block_of(c, &width), ky = tap / window.kernel_w, kx = tap % window.kernel_w;
                const int64_t at = begin * per + (ky / 4 * window.kernel_w + kx) * 4 * width;
                packed[at + (dealt(c) - begin) * 4 + ky % 4] = int8_t(weight_of(c, tap, 0));
            }
        return packed;
    }

    void build(uint64_t seed) {
        random.begin(seed);
        geometry();
        depthwise = random.between(0, 2) == 0;
        is_signed = random.between(0, 1);
        lowest = !is_signed ? 0 : random.between(0, 1) ? -128 : -random.between(1, 40);
        inputs = random.between(1, depthwise ? 150 : taps == 1 && random.between(0, 3) == 0 ? 300 : 90);
        outputs = depthwise ? inputs : random.between(1, 150);
        stride = up(outputs, 16);
        row_bytes = depthwise ? stride : up(inputs, random.between(0, 1) ? 16 : 4);
        source = arena.zeros<int8_t>((positions() + 1) * row_bytes);
        for (int64_t p = 0; p < positions(); ++p) fill(source + p * row_bytes, inputs, lowest, 127);
        weights = arena.zeros<int8_t>(outputs * taps * inputs);
        fill(weights, outputs * taps * (depthwise ? 1 : inputs), may_be_128() ? -128 : -127, 127);
        layer_and_term();
    }

    // Whether weights may be -128: not where signs move to them, or, where levels are -128 as well, to levels.
    bool may_be_128() const { return !kernels->pairs || lowest > -128; }

    void layer_and_term() {
        Term& term = terms[1];
        memset(terms, 0, sizeof terms);
        memset(&layer, 0, sizeof layer);
        term.kind = depthwise ? DEPTHWISE : CONVOLVE;
        term.source = source, term.row_bytes = row_bytes, term.window = window, term.moved = &moved;
        term.changed = changed = arena.zeros<uint8_t>(positions());
        for (int64_t i = 0; i < positions(); ++i) changed[i] = random.between(0, 3) == 0;
        moved = random.between(0, 3) ? 1 : positions() * inputs;
        float* multiplier = arena.zeros<float>(3 * stride);
        float* bias = arena.zeros<float>(stride);
        int32_t* begin = arena.zeros<int32_t>(stride);
        for (int64_t c = 0; c < outputs; ++c) {
            multiplier[c] = float(random.between(1, 1000)) * 1e-5f / float(taps);
            bias[c] = float(random.between(-4000, 4000)) * 0.01f;
            const int64_t at = depthwise ? dealt(c) : c;
            begin[at] = kernels->flips && is_signed && (depthwise || !kernels->tiles) ? -128 * sum_of_weights(c) : 0;
            multiplier[stride + dealt(c)] = multiplier[c];
            multiplier[2 * stride + dealt(c)] = bias[c];
        }
        term.multiplier = multiplier;
        term.begin = begin, term.is_signed = is_signed && kernels->pairs && may_be_128() ? SIGNS_OF_WEIGHTS : is_signed;
        if (depthwise) {
            term.weight = pack_depthwise();
        } else {
            int8_t* packed = pack_dots(&term.quads);
            term.weight = packed;
            if (kernels->pairs && lowest >= -64 && random.between(0, 3)) {
                term.pairs = cut(packed);
                for (int64_t c = 0; c < outputs; ++c) begin[c] -= int32_t(pairs.shift) * sum_of_weights(c);
            }
        }
        layer.kind = NEURON, layer.terms = &term, layer.count = 1, layer.bias = bias;
        layer.area = int64_t(window.rows) * window.columns, layer.stride = stride, layer.cost = 1 << 14, layer.bound = 1;
        layer.lo = random.between(0, 1) ? -63 : 0, layer.hi = random.between(0, 1) ? 127 : 100;
        layer.half_even = random.between(0, 3) == 0;
        layer.hysteresis = random.between(0, 2);
        layer.levels = arena.zeros<int8_t>((layer.area + 1) * stride);
        for (int64_t p = 0; p < layer.area; ++p) fill(layer.levels + p * stride, outputs, int(layer.lo), int(layer.hi));
        layer.changed = arena.zeros<uint8_t>(layer.area), layer.reached = arena.zeros<uint8_t>(layer.area);
        layer.stale = arena.zeros<uint8_t>(layer.area), stale = arena.zeros<uint8_t>(layer.area), layer.index = arena.zeros<int32_t>(layer.area + 8);
        const bool ride = window.stride_h * window.stride_w == 1 && window.rows == window.height &&
                          window.columns == window.width && row_bytes == stride && outputs == inputs;
        if (ride && random.between(0, 1)) {
            terms[0] = term;
            terms[0].kind = IDENTITY, terms[0].begin = nullptr;
            terms[0].window.kernel_h = terms[0].window.kernel_w = 1, terms[0].window.top = terms[0].window.left = 0;
            layer.terms = terms, layer.count = 2;
        } else if (random.between(0, 2) == 0) {  // the same sum twice, the first of which is left pending
            terms[0] = term;
            layer.terms = terms, layer.count = 2;
        }
        if (!depthwise && !is_signed && !kernels->tiles && row_bytes % 16 == 0) keep_sums(term);
        if (random.between(0, 3) == 0) {
            int8_t* table = arena.zeros<int8_t>(256);
            fill(table, 256, -128, 127);
            table[128] = 0;  // for the channels beyond, which hold 0
            layer.table = table;
        }
    }

    void keep_sums(Term& term) {
        memset(&events, 0, sizeof events);
        events.inner = taps * inputs, events.inputs = inputs, events.segments = (row_bytes + SEGMENT - 1) / SEGMENT;
        events.sums = arena.zeros<int32_t>(layer.area * stride), events.valid = arena.zeros<uint8_t>(layer.area);
        events.seen = arena.zeros<int8_t>(positions() * row_bytes);
        events.channels = arena.zeros<uint8_t>(positions() * row_bytes);
        events.deltas = arena.zeros<int8_t>(positions() * row_bytes);
        events.counts = arena.zeros<int16_t>(positions() * events.segments * 2);
        int8_t* rows = arena.zeros<int8_t>(stride * events.inner);
        for (int64_t place = 0; place < stride; ++place)
            for (int64_t row = 0, c = dealt(place), width; row < events.inner; ++row) {
                const int64_t begin = block_of(place, &width);
                const int weight = c < outputs ? weight_of(c, row / inputs, row % inputs) : 0;
                rows[begin * events.inner + row * width + place - begin] = int8_t(kernels->flips ? weight + 128 : weight);
            }
        events.weight = rows;
        term.events = &events;
    }

    // Another frame: some levels of some positions change, few or many.
    void change() {
        const int rarely = random.between(1, 40), most = is_signed ? 127 : random.between(0, 1) ? 4 : 127;
        memset(changed, 0, size_t(positions()));
        memset(layer.changed, 0, size_t(layer.area));
        memset(layer.reached, 0, size_t(layer.area));
        moved = 0;
        for (int64_t p = 0; p < positions(); ++p)
            for (int64_t c = 0; c < inputs; ++c) {
                if (random.between(0, rarely)) continue;
                int8_t& level = source[p * row_bytes + c];
                const int8_t before = level;
                level = int8_t(random.between(0, most));
                changed[p] |= level != before;
                moved += level != before;
            }
    }

    int input(int64_t y, int64_t x, int64_t c) const {
        if (y < 0 || x < 0 || y >= window.height || x >= window.width) return 0;
        return source[(y * window.width + x) * row_bytes + c];
    }

    // The level that a position has to come to, from the one it held.
    int expected(int64_t row, int64_t column, int64_t c, int held) const {
        int64_t sum = 0;
        for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t y = row * window.stride_h - window.top + tap / window.kernel_w * window.dilation_h;
            const int64_t x = column * window.stride_w - window.left + tap % window.kernel_w * window.dilation_w;
            if (depthwise) sum += int64_t(input(y, x, c)) * weight_of(c, tap, 0);
            else for (int64_t i = 0; i < inputs; ++i) sum += int64_t(input(y, x, i)) * weight_of(c, tap, i);
        }
        volatile float value = layer.bias[c];  // so that no compiler fuses a product and a sum
        if (layer.count == 2) {
            const bool identity = terms[0].kind == IDENTITY;
            volatile float product = float(identity ? input(row, column, c) : sum) * terms[0].multiplier[c];
            value = value + product;
        }
        volatile float product = float(sum) * terms[1].multiplier[c];
        value = value + product;
        volatile float moved = value + 0.5f;
        float level = layer.half_even ? rintf(value) : floorf(moved);
        level = level < float(layer.lo) ? float(layer.lo) : level > float(layer.hi) ? float(layer.hi) : level;
        if (layer.table) level = float(layer.table[int(level) + 128]);
        return fabsf(level - float(held)) <= float(layer.hysteresis) ? held : int(level);
    }

    // Whether the window of a position holds a changed input.
    bool reaches(int64_t row, int64_t column) const {
        for (int64_t tap = 0; tap < taps; ++tap) {
            const int64_t y = row * window.stride_h - window.top + tap / window.kernel_w * window.dilation_h;
            const int64_t x = column * window.stride_w - window.left + tap % window.kernel_w * window.dilation_w;
            if (y < 0 || x < 0 || y >= window.height || x >= window.width) continue;
            if (terms[1].changed[y * window.width + x]) return true;
        }
        return layer.count == 2 && terms[0].kind == IDENTITY && terms[1].changed[row * window.width + column];
    }

    bool agrees(int threads) {
        const int64_t size = (layer.area + 1) * stride;
        uint8_t* needed = random.between(0, 2) ? nullptr : arena.zeros<uint8_t>(layer.area);
        for (int64_t p = 0; needed && p < layer.area; ++p) needed[p] = random.between(0, 3) > 0;
        layer.needed = needed;
        int8_t* before = arena.zeros<int8_t>(size);
        memcpy(before, layer.levels, size_t(size));
        Workspace* workspaces = arena.zeros<Workspace>(threads);
        for (int i = 0; i < threads; ++i) {
            workspaces[i].gathered = arena.zeros<int8_t>(GROUP * up(taps * row_bytes, 64) + 2048);
            workspaces[i].sums = arena.zeros<int32_t>(GROUP * PANEL);
            workspaces[i].pending = arena.zeros<float>(PIECE * stride);
            workspaces[i].marks = arena.zeros<uint8_t>(4096);
        }
        Layer* const layers[] = {&layer};
        vistream_update(kernels, layers, 1, workspaces, threads);
        int64_t taken = 0, changes = 0;
        for (int64_t p = 0; p < layer.area; ++p) {
            stale[p] |= moved && reaches(p / window.columns, p % window.columns);
            const bool reached = stale[p] && (!needed || needed[p]);
            stale[p] &= !reached;
            taken += reached;
            if (layer.reached[p] != reached || layer.stale[p] != stale[p]) return false;
            int64_t here = 0;
            for (int64_t c = 0; c < outputs; ++c) {
                const int held = before[p * stride + c];
                const int level = reached ? expected(p / window.columns, p % window.columns, c, held) : held;
                if (layer.levels[p * stride + c] != level) return false;
                here += level != held;
            }
            if (layer.changed[p] != (here > 0)) return false;
            changes += here;
        }
        return layer.taken == taken && layer.changes == changes;
    }
};

}  // namespace
}  // namespace vistream
