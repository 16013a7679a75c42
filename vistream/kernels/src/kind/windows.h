// Where the inputs of an output position lie.
#pragma once
#include "../job.h"

namespace VARIANT {

using vistream::Window;

// The output positions of one group: where each window begins in the source, and whether all of it lies inside.
template <int COUNT> struct Corners {
    const int8_t* at[COUNT];  // of the window's first input, inside or not
    int32_t y[COUNT], x[COUNT];
    bool inside;  // every window of the group

    void find(const Term& term, const int32_t* index, int count) {
        const Window& window = term.window;
        const int32_t last_y = window.height - (window.kernel_h - 1) * window.dilation_h;
        const int32_t last_x = window.width - (window.kernel_w - 1) * window.dilation_w;
        inside = true;
        int32_t row = index[0] / window.columns, column = index[0] - row * window.columns;
        for (int i = 0; i < COUNT; ++i) {
            const int32_t step = i == 0 || i >= count ? 0 : index[i] - index[i - 1];
            column += step;
            if (column >= window.columns) {  // a division costs more than all else here, and most steps are of 1
                const int32_t down = step == 1 ? 1 : column / window.columns;
                row += down;
                column -= down * window.columns;
            }
            y[i] = row * window.stride_h - window.top;
            x[i] = column * window.stride_w - window.left;
            at[i] = term.source + (int64_t(y[i]) * window.width + x[i]) * term.row_bytes;
            inside = inside && y[i] >= 0 && x[i] >= 0 && y[i] < last_y && x[i] < last_x;
        }
    }

    // The same where every output looks at exactly the input of its own position.
    void find_pointwise(const Term& term, const int32_t* index, int count) {
        inside = true;
        for (int i = 0; i < COUNT; ++i) at[i] = term.source + index[i < count ? i : count - 1] * term.row_bytes;
    }
};

// What a window sees outside the frame.
inline const int8_t* outside(const Term& term) {
    return term.source + int64_t(term.window.height) * term.window.width * term.row_bytes;
}

inline const int8_t* input_at(const Term& term, int32_t y, int32_t x) {
    const Window& window = term.window;
    const bool inside = uint32_t(y) < uint32_t(window.height) && uint32_t(x) < uint32_t(window.width);
    return inside ? term.source + (int64_t(y) * window.width + x) * term.row_bytes : outside(term);
}

// How many positions of `index[0 .. most)` follow upon each other.
inline int side_by_side(const int32_t* index, int most) {
    int count = 1;
    while (count < most && index[count] == index[0] + count) ++count;
    return count;
}

}  // namespace VARIANT
