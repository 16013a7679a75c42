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

// What follows the sum of a term. The first four are what nearly every layer consists of, and have code of their own.
enum Ending {
    PLAIN,   // levels of bias + sum
    RIDE,    // levels of bias + an identity + sum
    HOLD,    // bias + sum, left pending
    RESUME,  // levels of what is pending + sum
    ANY,     // `finish` decides at run time
};

// What the terms of a neuron have in common while they run: which terms are identities that ride on the next sum, and
// whether this sum is the first, or the last, of several.
struct Step {
    const Layer* layer;
    const Term* term;   // whose sums are taken
    const Term* rides;  // identities before it
    int64_t riding;
    bool resumes;  // starts from what is pending, not from the bias
    bool holds;    // leaves its result pending

    Ending ending() const {
        if (riding == 0 && holds && !resumes) return HOLD;
        const bool simple = !holds && layer->levels && !layer->half_even && !layer->zero && layer->bound;
        if (!simple || riding > 1 || (riding == 1 && resumes)) return ANY;
        return riding == 1 ? RIDE : resumes ? RESUME : PLAIN;
    }
};

// Ends the sums of one block of `V::WIDTH` channels. It holds copies: a store of levels might change anything that is read
// through a pointer, so a compiler would read it again each time.
template <class V> struct Epilogue {
    static constexpr int LANES = V::WIDTH / V::VECTORS;
    typename V::Bytes lo, hi;
    const int8_t *table, *ride;
    const float *bias, *multiplier, *ride_multiplier;
    float* pending;
    int8_t* levels;
    int64_t channel;
    uint8_t* changed;
    int64_t stride, ride_bytes;
    uint8_t hysteresis;

    // `bias` and `multiplier` are of the block's channels, in the order of its sums.
    VISTREAM_INLINE Epilogue(
        const Step& step, int64_t channel, const float* bias, const float* multiplier, const Workspace* workspace)
        : lo(V::fill(int8_t(step.layer->lo))), hi(V::fill(int8_t(step.layer->hi))), table(step.layer->table),
          ride(step.rides->source + channel), bias(bias), multiplier(multiplier),
          ride_multiplier(step.rides->multiplier + channel), pending(workspace->pending + channel),
          levels(step.layer->levels), channel(channel), changed(step.layer->changed), stride(step.layer->stride),
          ride_bytes(step.rides->row_bytes), hysteresis(uint8_t(step.layer->hysteresis)) {}

    // The sums of one position to levels that are still to be clipped (HOLD: nothing; the sums are left pending).
    // `ORDERED`: whether their channels are in order, or as `V::interleave` leaves them (PLAIN only).
    // `slot`: the position's place among those that are pending.
    template <Ending ENDING, bool ORDERED>
    VISTREAM_INLINE typename V::Bytes round(const typename V::Ints sums[V::VECTORS], int64_t position, int64_t slot) const {
        typename V::Ints rounded[V::VECTORS];
        VISTREAM_UNROLL
        for (int j = 0; j < V::VECTORS; ++j) {
            float* at = pending + slot * stride + LANES * j;
            auto value = V::load_reals(ENDING == RESUME ? at : bias + LANES * j);
            if (ENDING == RIDE) {
                const auto identity = V::to_reals(V::widen(ride + position * ride_bytes + LANES * j));
                value = V::add(value, V::multiply(identity, V::load_reals(ride_multiplier + LANES * j)));
            }
            value = V::add(value, V::multiply(V::to_reals(sums[j]), V::load_reals(multiplier + LANES * j)));
            if (ENDING == HOLD) V::store_reals(at, value);
            else rounded[j] = V::round_half_up(value);
        }
        return ENDING == HOLD ? lo : V::template pack<ORDERED>(rounded);
    }

    // Asks for the memory of a position that will be written soon.
    VISTREAM_INLINE void ask_for(int64_t position) const { __builtin_prefetch(levels + position * stride + channel, 1); }

    // Clip, look up, compare, write: a register of neighbouring levels of one position. Returns how many changed.
    VISTREAM_INLINE int64_t write(typename V::Bytes fresh, int64_t position) const {
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
};

// Asks for the memory of the levels of a position, which the CPU does not foresee where positions are scattered.
inline void ask_for_levels(const Layer& layer, int64_t position) {
    if (!layer.levels) return;
    const int8_t* to = layer.levels + position * layer.stride;
    for (int64_t line = 0; line < layer.stride; line += 64) __builtin_prefetch(to + line, 1);
}

// The values of one position written where they are read out as numbers; returns how many changed.
template <class V, class T> inline int64_t write_numbers(const T fresh[V::WIDTH], T* to) {
    int64_t changes = 0;
    for (int i = 0; i < V::WIDTH; ++i) changes += fresh[i] != to[i];
    memcpy(to, fresh, V::WIDTH * sizeof(T));
    return changes;
}

constexpr float LARGEST_MEMBRANE = 16777216.0f;  // formula.py: no level and no membrane lies beyond

// The whole formula for one position and `V::WIDTH` channels, what the term brings in order in registers; `slot` is the
// position's place among those that are pending. Returns how many values changed.
template <class V>
inline int64_t finish(const typename V::Reals brought[V::VECTORS], const Step& step, int64_t position, int64_t channel,
                      int64_t slot, const Workspace* workspace) {
    constexpr int LANES = V::WIDTH / V::VECTORS;
    const Layer* layer = step.layer;
    float* pending = workspace->pending + slot * layer->stride + channel;
    typename V::Reals values[V::VECTORS];
    for (int j = 0; j < V::VECTORS; ++j) {
        const int64_t lane = channel + j * LANES;
        values[j] = V::load_reals(step.resumes ? pending + j * LANES : layer->bias + lane);
        for (int64_t i = 0; i < step.riding; ++i) {
            const auto identity = V::to_reals(V::widen(step.rides[i].source + position * step.rides[i].row_bytes + lane));
            values[j] = V::add(values[j], V::multiply(identity, V::load_reals(step.rides[i].multiplier + lane)));
        }
        const auto product = V::multiply(brought[j], V::load_reals(step.term->multiplier + lane));
        values[j] = V::add(values[j], product);
    }
    if (step.holds) {
        for (int j = 0; j < V::VECTORS; ++j) V::store_reals(pending + j * LANES, values[j]);
        return 0;
    }
    int64_t changes = 0;
    if (layer->real) {
        float fresh[V::WIDTH];
        for (int j = 0; j < V::VECTORS; ++j) V::store_reals(fresh + j * LANES, values[j]);
        changes = write_numbers<V>(fresh, layer->real + position * layer->stride + channel);
        layer->changed[position] |= changes != 0;
        return changes;
    }
    typename V::Ints rounded[V::VECTORS];
    for (int j = 0; j < V::VECTORS; ++j) {
        const auto value = V::clamp(values[j], -LARGEST_MEMBRANE, LARGEST_MEMBRANE);  // conversion has to stay in int32
        rounded[j] = layer->half_even ? V::round_half_even(value) : V::round_half_up(value);
        if (layer->zero) rounded[j] = V::plus(rounded[j], V::fill_ints(int32_t(layer->zero)));
    }
    if (layer->sums) {
        int32_t fresh[V::WIDTH];
        for (int j = 0; j < V::VECTORS; ++j) V::store_ints(fresh + j * LANES, rounded[j]);
        changes = write_numbers<V>(fresh, layer->sums + position * layer->stride + channel);
        layer->changed[position] |= changes != 0;
        return changes;
    }
    return Epilogue<V>(step, channel, nullptr, nullptr, workspace).write(V::template pack<true>(rounded), position);
}

template <class V>
VISTREAM_INLINE int64_t finish_sums(const typename V::Ints sums[V::VECTORS], const Step& step, int64_t position,
                                    int64_t channel, int64_t slot, const Workspace* workspace) {
    typename V::Reals brought[V::VECTORS];
    for (int j = 0; j < V::VECTORS; ++j) brought[j] = V::to_reals(sums[j]);
    return finish<V>(brought, step, position, channel, slot, workspace);
}

// Calls `body.template block<V>(channel)` for blocks of channels, the widest registers first, from `channel` up to `end`.
template <class Body> inline int64_t each_block(int64_t end, Body body, int64_t channel = 0) {
    int64_t changes = 0;
    for (; channel + Widest::WIDTH <= end; channel += Widest::WIDTH) changes += body.template block<Widest>(channel);
    constexpr int WIDEST = Widest::WIDTH, HALF = Half::WIDTH, QUARTER = Quarter::WIDTH;
    if (HALF < WIDEST && channel + Half::WIDTH <= end) {
        changes += body.template block<Half>(channel);
        channel += Half::WIDTH;
    }
    if (QUARTER < HALF && channel < end) changes += body.template block<Quarter>(channel);
    return changes;
}

}  // namespace VARIANT
