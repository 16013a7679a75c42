// What follows a sum: the formula of `ir/formula.py`, the comparison with what was held, and the marks of what changed.
//
//     y = start + identity_1 * gain_1 + ... + sum * multiplier        float32, in this order, one rounding an operation
//     level = clip(floor(y + 1/2), lo, hi)                            then the table, then the hysteresis
#pragma once
#include "../job.h"

namespace VARIANT {

using vistream::Layer;
using vistream::Term;
using vistream::Workspace;

inline int ones(uint64_t mask) { return __builtin_popcountll(mask); }

// What the terms of a neuron have in common while they run: which terms are identities that ride on the next sum, and
// whether this sum is the first, or the last, of several.
struct Step {
    const Layer* layer;
    const Term* term;   // whose sums are taken
    const Term* rides;  // identities before it
    int64_t riding;
    bool resumes;  // starts from what is pending, not from the bias
    bool holds;    // leaves its result pending
    bool plain;    // none of all that: bias + sum * multiplier, rounded half up, to levels
};

// What ends a plain sum. It holds copies: a store of levels might change anything that is read through a pointer, so a
// compiler would read it again each time. `bias` and `multiplier` are of one block of channels, in the order of its sums.
template <class V> struct Epilogue {
    typename V::Bytes lo, hi;
    const int8_t* table;
    const float *bias, *multiplier;
    int8_t* levels;
    uint8_t* changed;
    int64_t stride;
    uint8_t hysteresis;

    Epilogue(const Layer* layer, const float* bias, const float* multiplier)
        : lo(V::fill(int8_t(layer->lo))), hi(V::fill(int8_t(layer->hi))), table(layer->table), bias(bias),
          multiplier(multiplier), levels(layer->levels), changed(layer->changed), stride(layer->stride),
          hysteresis(uint8_t(layer->hysteresis)) {}

    // Clip, look up, compare, write: a register of neighbouring levels of one position. Returns how many changed.
    VISTREAM_INLINE int64_t write(typename V::Bytes fresh, int64_t position, int64_t channel) const {
        int8_t* to = levels + position * stride + channel;
        fresh = V::smallest(V::largest(fresh, lo), hi);
        if (table) fresh = V::lookup(fresh, table);
        const typename V::Bytes held = V::load(to);
        if (hysteresis) fresh = V::keep_near(fresh, held, hysteresis);
        V::store(to, fresh);
        const uint64_t mask = V::differ(fresh, held);
        changed[position] |= mask != 0;
        return ones(mask);
    }

    // Four registers of sums, which have to be put in order first or are dealt out so that packing does that.
    template <bool ORDERED>
    VISTREAM_INLINE int64_t finish(const typename V::Ints sums[4], int64_t position, int64_t channel) const {
        typename V::Ints rounded[4];
        for (int j = 0; j < 4; ++j) {
            const int lane = j * V::WIDTH / 4;
            const auto product = V::multiply(V::to_reals(sums[j]), V::load_reals(multiplier + lane));
            rounded[j] = V::round_half_up(V::add(V::load_reals(bias + lane), product));
        }
        const auto packed = V::pack(rounded);
        return write(ORDERED ? V::in_order(packed) : packed, position, channel);
    }
};

// The float32 values of one position written where they are read out; returns how many changed.
template <class V> inline int64_t write_reals(const typename V::Reals values[4], float* to) {
    int64_t changes = 0;
    for (int j = 0; j < 4; ++j) {
        const int lane = j * V::WIDTH / 4;
        float fresh[V::WIDTH / 4];
        V::store_reals(fresh, values[j]);
        for (int i = 0; i < V::WIDTH / 4; ++i) changes += fresh[i] != to[lane + i];
        memcpy(to + lane, fresh, sizeof fresh);
    }
    return changes;
}

template <class V> inline int64_t write_sums(const typename V::Ints values[4], int32_t* to) {
    int64_t changes = 0;
    for (int j = 0; j < 4; ++j) {
        const int lane = j * V::WIDTH / 4;
        int32_t fresh[V::WIDTH / 4];
        V::store_ints(fresh, values[j]);
        for (int i = 0; i < V::WIDTH / 4; ++i) changes += fresh[i] != to[lane + i];
        memcpy(to + lane, fresh, sizeof fresh);
    }
    return changes;
}

constexpr float LARGEST_MEMBRANE = 16777216.0f;  // formula.py: no level and no membrane lies beyond

// The whole formula for one position and `V::WIDTH` channels, what the term brings in order in registers; `slot` is the
// position's place among those that are pending. Returns how many values changed.
template <class V>
inline int64_t finish(const typename V::Reals brought[4], const Step& step, int64_t position, int64_t channel, int64_t slot,
                      const Workspace* workspace) {
    const Layer* layer = step.layer;
    float* pending = workspace->pending + slot * layer->stride + channel;
    typename V::Reals values[4];
    for (int j = 0; j < 4; ++j) {
        const int64_t lane = channel + j * V::WIDTH / 4;
        values[j] = V::load_reals(step.resumes ? pending + j * V::WIDTH / 4 : layer->bias + lane);
        for (int64_t i = 0; i < step.riding; ++i) {
            const auto identity = V::to_reals(V::widen(step.rides[i].source + position * step.rides[i].row_bytes + lane));
            values[j] = V::add(values[j], V::multiply(identity, V::load_reals(step.rides[i].multiplier + lane)));
        }
        const auto product = V::multiply(brought[j], V::load_reals(step.term->multiplier + lane));
        values[j] = V::add(values[j], product);
    }
    if (step.holds) {
        for (int j = 0; j < 4; ++j) V::store_reals(pending + j * V::WIDTH / 4, values[j]);
        return 0;
    }
    if (layer->real) {
        const int64_t changes = write_reals<V>(values, layer->real + position * layer->stride + channel);
        layer->changed[position] |= changes != 0;
        return changes;
    }
    typename V::Ints rounded[4];
    for (int j = 0; j < 4; ++j) {
        const auto value = V::clamp(values[j], -LARGEST_MEMBRANE, LARGEST_MEMBRANE);  // conversion has to stay in int32
        rounded[j] = layer->half_even ? V::round_half_even(value) : V::round_half_up(value);
        if (layer->zero) rounded[j] = V::plus(rounded[j], V::fill_ints(int32_t(layer->zero)));
    }
    if (layer->sums) {
        const int64_t changes = write_sums<V>(rounded, layer->sums + position * layer->stride + channel);
        layer->changed[position] |= changes != 0;
        return changes;
    }
    return Epilogue<V>(layer, nullptr, nullptr).write(V::in_order(V::pack(rounded)), position, channel);
}

template <class V>
VISTREAM_INLINE int64_t finish_sums(const typename V::Ints sums[4], const Step& step, int64_t position, int64_t channel,
                           int64_t slot, const Workspace* workspace) {
    typename V::Reals brought[4];
    for (int j = 0; j < 4; ++j) brought[j] = V::to_reals(sums[j]);
    return finish<V>(brought, step, position, channel, slot, workspace);
}

// The same from memory.
template <class V>
inline int64_t finish_from(const int32_t* sums, const Step& step, int64_t position, int64_t channel, int64_t slot,
                           const Workspace* workspace) {
    typename V::Ints registers[4];
    for (int j = 0; j < 4; ++j) registers[j] = V::load_ints(sums + j * V::WIDTH / 4);
    return finish_sums<V>(registers, step, position, channel, slot, workspace);
}

// Calls `body.template block<V>(channel)` for blocks of channels, the widest registers first, as far as `stride` goes.
template <class Body> inline int64_t each_block(int64_t stride, Body body) {
    int64_t changes = 0, channel = 0;
    for (; channel + Widest::WIDTH <= stride; channel += Widest::WIDTH) changes += body.template block<Widest>(channel);
    if (Half::WIDTH < Widest::WIDTH && channel + Half::WIDTH <= stride) {
        changes += body.template block<Half>(channel);
        channel += Half::WIDTH;
    }
    if (Quarter::WIDTH < Half::WIDTH && channel < stride) changes += body.template block<Quarter>(channel);
    return changes;
}

}  // namespace VARIANT
