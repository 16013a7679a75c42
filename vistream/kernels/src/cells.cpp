// The mean colour of each cell of a grid over boxes of a frame.
#include <math.h>
#include <stdint.h>

#include "interface.h"

namespace {

constexpr double FAR = 1 << 30;  // pixels: boxes that reach farther end there

int64_t pixel(double place) { return int64_t(floor(place < -FAR ? -FAR : place > FAR ? FAR : place)); }

struct Pixels {
    int64_t begin, end, step;
};

// Those of one of `cells` parts of a box's side, at least one; of more than twice `most` some are left out, evenly.
Pixels pixels_of(double first, double length, int64_t cell, int64_t cells, int64_t most) {
    const int64_t begin = pixel(first + length * double(cell) / double(cells));
    const int64_t end = pixel(first + length * double(cell + 1) / double(cells));
    const int64_t count = end > begin ? end - begin : 1;
    return {begin, begin + count, count / most > 1 ? count / most : 1};
}

int64_t inside(int64_t place, int64_t size) { return place < 0 ? 0 : place < size ? place : size - 1; }

}  // namespace

VISTREAM_EXPORT void vistream_cell_means(const uint8_t* frame, int64_t rows, int64_t columns, const double* boxes,
                                         int64_t count, int64_t down, int64_t across, int64_t most, uint8_t* out) {
    for (const double* box = boxes; box < boxes + 4 * count; box += 4)
        for (int64_t i = 0; i < down; ++i) {
            const Pixels high = pixels_of(box[1], box[3], i, down, most);
            for (int64_t j = 0; j < across; ++j, out += 3) {
                const Pixels wide = pixels_of(box[0], box[2], j, across, most);
                int64_t sums[3] = {0, 0, 0}, number = 0;
                for (int64_t y = high.begin; y < high.end; y += high.step)
                    for (int64_t x = wide.begin; x < wide.end; x += wide.step, ++number) {
                        const uint8_t* const from = frame + (inside(y, rows) * columns + inside(x, columns)) * 3;
                        sums[0] += from[0], sums[1] += from[1], sums[2] += from[2];
                    }
                for (int c = 0; c < 3; ++c) out[c] = uint8_t((sums[c] + number / 2) / number);
            }
        }
}
