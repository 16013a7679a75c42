// The product of two maps, number by number: int32 sums.
#pragma once
#include "../job.h"

namespace VARIANT {

// Of one position. `A`, `B`: int8 or int32; `one`: the right factor has one channel, for all of the left.
template <class A, class B>
inline int64_t product_of(const Term& left, const Term& right, int64_t position, int32_t* held, int64_t channels) {
    const A* a = (const A*)(left.source + position * left.row_bytes);
    const B* b = (const B*)(right.source + position * right.row_bytes);
    const int32_t *a_zero = left.begin, *b_zero = right.begin;
    const bool one = right.channels == 1;
    int64_t changes = 0;
    for (int64_t c = 0; c < channels; ++c) {
        const uint32_t x = uint32_t(int32_t(a[c]) - a_zero[c]);
        const uint32_t y = one ? uint32_t(int32_t(b[0]) - b_zero[0]) : uint32_t(int32_t(b[c]) - b_zero[c]);
        const int32_t value = int32_t(x * y);
        changes += held[c] != value;
        held[c] = value;
    }
    return changes;
}

inline int64_t product(const Layer* layer, const int32_t* index, int64_t count) {
    const Term &left = layer->terms[0], &right = layer->terms[1];
    const bool left_sums = left.kind == vistream::SUMS, right_sums = right.kind == vistream::SUMS;
    const auto of = left_sums ? (right_sums ? product_of<int32_t, int32_t> : product_of<int32_t, int8_t>)
                              : (right_sums ? product_of<int8_t, int32_t> : product_of<int8_t, int8_t>);
    int64_t changes = 0;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t here = of(left, right, index[i], layer->sums + index[i] * layer->stride, left.channels);
        layer->changed[index[i]] |= here != 0;
        changes += here;
    }
    return changes;
}

}  // namespace VARIANT
