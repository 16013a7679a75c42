// The best sources of label propagation: each cell keeps a short descending list of its most similar cells.
#include <math.h>
#include <stdint.h>

#include "interface.h"

namespace {

// Lists of `top` entries each: similarities, descending, and the numbers of the cells.
struct Lists {
    float* similarity;
    int64_t* cell;
    int64_t top;

    void offer(int64_t list, float value, int64_t number) const {
        float* values = similarity + list * top;
        int64_t* numbers = cell + list * top;
        if (!(value > values[top - 1])) return;  // ties go to whoever was first
        int64_t place = top - 1;
        for (; place > 0 && values[place - 1] < value; --place) {
            values[place] = values[place - 1];
            numbers[place] = numbers[place - 1];
        }
        values[place] = value;
        numbers[place] = number;
    }
};

}  // namespace

VISTREAM_EXPORT void vistream_best_of_all(const float* scores, int64_t queries, int64_t cells, int64_t base,
                                          float* similarity, int64_t* cell, int64_t top) {
    const Lists lists = {similarity, cell, top};
    for (int64_t query = 0; query < queries; ++query)
        for (int64_t j = 0; j < cells; ++j) lists.offer(query, scores[query * cells + j], base + j);
}

VISTREAM_EXPORT void vistream_best_in_window(const float* scores, const VistreamPlace* place, float* similarity,
                                             int64_t* cell, int64_t top) {
    const Lists lists = {similarity, cell, top};
    const VistreamPlace& at = *place;
    for (int64_t y = 0; y < at.query_rows; ++y) {
        for (int64_t x = 0; x < at.query_columns; ++x) {
            const float* all = scores + (y * at.query_columns + x) * at.rows * at.frames * at.columns;
            for (int64_t r = 0; r < at.rows; ++r) {
                const int64_t down = r - at.top - y;
                if (down < -at.radius || down > at.radius) continue;
                const auto reach = int64_t(sqrt(double(at.radius * at.radius - down * down)));
                const int64_t middle = at.left + x;
                const int64_t begin = middle > reach ? middle - reach : 0;
                const int64_t end = middle + reach + 1 < at.columns ? middle + reach + 1 : at.columns;
                for (int64_t frame = 0; frame < at.frames; ++frame) {
                    const float* line = all + (r * at.frames + frame) * at.columns;
                    const int64_t number = at.base + frame * at.next_frame + r * at.next_row;
                    for (int64_t c = begin; c < end; ++c)
                        lists.offer(y * at.list_row + x, line[c], number + c);
                }
            }
        }
    }
}
