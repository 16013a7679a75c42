// What Python calls: plain C functions on plain structs.
#pragma once
#include "job.h"

#ifdef _WIN32
#define VISTREAM_EXPORT extern "C" __declspec(dllexport)
#else
#define VISTREAM_EXPORT extern "C" __attribute__((visibility("default")))
#endif

// A field of a struct: its name, where it begins, its size in bytes.
struct VistreamField {
    const char* name;
    int64_t offset, size;
};

// The fields of the struct `name`, and its size; how many there are, or -1 for a name that is not known.
VISTREAM_EXPORT int vistream_fields(const char* name, const VistreamField** fields, int64_t* size);

// A digest of the sources that this library was built from.
VISTREAM_EXPORT const char* vistream_sources();

// The kernels of the `number`-th best variant that this computer can run, or null.
VISTREAM_EXPORT const vistream::Kernels* vistream_kernels(int number);

// A new frame: no position of the layers was reached in it yet.
VISTREAM_EXPORT void vistream_next_frame(vistream::Layer* const* layers, int count);

// Brings layers up to date, one after the other: marks what their sources' changes reach, and recomputes what is stale and
// needed.
VISTREAM_EXPORT void vistream_update(const vistream::Kernels* kernels, vistream::Layer* const* layers, int count,
                                     const vistream::Workspace* workspaces, int threads);

// Takes over the pixels of an RGB frame that moved by more than the dead-band; how many did.
VISTREAM_EXPORT int64_t vistream_read(const vistream::Kernels* kernels, const uint8_t* frame, int8_t* levels,
                                      uint8_t* changed, int64_t pixels, int64_t deadband, int threads);

// Merges the cells of a past frame that are within the radius into the lists [count][top] of the cells `asked` [count], in
// ascending order, of a frame whose vectors are `queries` [rows * columns][quads * 4].
VISTREAM_EXPORT void vistream_similar(const vistream::Kernels* kernels, const vistream::Past* past, const int8_t* queries,
                                      const int32_t* asked, int64_t count, int64_t top, int32_t* similarity, int32_t* cell,
                                      int threads);

// Every vector of some objects rebuilt from the vectors of each source: `cosine` is [vectors of all objects][vectors of all
// sources], `vectors` [of all sources][channels] whole numbers, object i has the rows from objects[i] to objects[i + 1],
// a source so many columns. A row's weights are the softmax over all its columns of 100 times the cosine, those below
// e^-16 of the largest left out, in steps of 2^-13, rounded down. To `along` [objects][sources] it adds the weighted cosines, to
// `squared` the squared length of what was rebuilt. Room to work in: `cells` and `weights` for a row, `rebuilt` for a vector.
VISTREAM_EXPORT void vistream_reconstruct(const float* cosine, const int64_t* objects, int64_t object_count,
                                          const float* vectors, int64_t channels, const int64_t* sources,
                                          int64_t source_count, double* along, double* squared, int32_t* cells,
                                          double* weights, int32_t* rebuilt);

// See threads.h.
VISTREAM_EXPORT void vistream_borrow(int64_t more);
VISTREAM_EXPORT void vistream_lend(const int64_t* until);
VISTREAM_EXPORT void vistream_recall(int64_t* until);

// The largest of the first `columns` numbers of each row, which lie `stride` apart, and the first column that has it; of
// all rows, or, where `where` is given, of those for which it is not 0. No number may be NaN.
VISTREAM_EXPORT void vistream_best_of_rows(const float* values, int64_t rows, int64_t stride, int64_t columns,
                                           const uint8_t* where, float* best, int32_t* column);

// The expectation of 0, 1, ... `bins` - 1 over the softmax of each row of `logits` [rows][bins].
VISTREAM_EXPORT void vistream_expectations(const float* logits, int64_t rows, int64_t bins, double* out);

// Levels [rows][columns][channels] in `count` spans (first row, row behind the last, first column, column behind the last),
// less the mean of their channel over its deviation plus `least`, to the first `channels` of `width` in each cell of `out`.
// Mean and deviation are those of each `every`th row and column. `sums` and `scales`: 2 * channels numbers to work in.
VISTREAM_EXPORT void vistream_normalise(const int8_t* levels, int64_t rows, int64_t columns, int64_t channels, int64_t every,
                                        double least, const int64_t* spans, int64_t count, float* out, int64_t width,
                                        int64_t* sums, float* scales);

// Vectors of a map [height][width][channels] at rows x columns positions of each of `count` grids, by bilinear interpolation:
// `y` [count][rows] and `x` [count][columns] in cells, 0 on the centre of the first, `out` [count][rows][columns][channels].
// Beyond the outermost centres the border repeats.
VISTREAM_EXPORT void vistream_sample(const float* values, int64_t height, int64_t width, int64_t channels, const double* y,
                                     const double* x, int64_t count, int64_t rows, int64_t columns, float* out);

// The mean colour of each of down x across cells over `count` boxes (x, y, w, h) of an RGB frame [rows][columns][3]: `out`
// [count][down][across][3]. Cells are whole pixels, at least one; of more than twice `most` rows or columns some are left
// out, evenly. Beyond the edge of the frame its last pixels count.
VISTREAM_EXPORT void vistream_cell_means(const uint8_t* frame, int64_t rows, int64_t columns, const double* boxes,
                                         int64_t count, int64_t down, int64_t across, int64_t most, uint8_t* out);

// The output positions `index` of a deformable window over `values` [height * width][channels]: `out` [count][channels].
// `offsets` [count][group][tap][y, x], `weights` [count][group][tap].
VISTREAM_EXPORT void vistream_deformable(const vistream::Kernels* kernels, const float* values,
                                         const vistream::Deformable* shape, const int64_t* index, int64_t count,
                                         const float* offsets, const float* weights, float* out);

// Takes over the pixels of an RGB frame [rows][columns][3] whose largest difference of a channel is more than `far`, or
// more than `tau` with at least `company` such pixels in 3 x 3. `lines`: eight of `columns` + 2 bytes to work in.
VISTREAM_EXPORT void vistream_despeckle(const vistream::Kernels* kernels, const uint8_t* frame, uint8_t* held, int64_t rows,
                                        int64_t columns, int64_t tau, int64_t far, int64_t company, uint8_t* lines);

// The mean grey of each square of `factor` x `factor` pixels of an RGB frame [rows][columns][3], rounded half up: `out`
// [rows / factor][columns / factor]. `line`: `columns` numbers to work in.
VISTREAM_EXPORT void vistream_grey(const vistream::Kernels* kernels, const uint8_t* frame, int64_t rows, int64_t columns,
                                   int64_t factor, uint8_t* out, int32_t* line);

// A picture [rows][columns][channels], of 1 to 4 channels, made smaller by area: `out` [down][across][channels]. To work
// in: `line`, (columns + columns / across + 2) * channels + 4 numbers, zeroed; `row`, across * channels + 4; `firsts`,
// across; `shares`, (columns / across + 2) * across + rows / down + 2.
VISTREAM_EXPORT void vistream_shrink(const vistream::Kernels* kernels, const uint8_t* picture, int64_t rows, int64_t columns,
                                     int64_t channels, int64_t down, int64_t across, uint8_t* out, uint16_t* line,
                                     uint8_t* row, int64_t* firsts, uint16_t* shares);

// Of a grey picture [rows][columns], in each of `down` x `across` blocks of whole pixels (what is left over is left out):
// the sum of eight times the gradient, |x| + |y| by Sobel, mirrored at the border.
VISTREAM_EXPORT void vistream_slopes(const vistream::Kernels* kernels, const uint8_t* picture, int64_t rows, int64_t columns,
                                     int64_t down, int64_t across, int64_t* sums);

// In such blocks, the sum of 256 times the difference of two grey pictures, made as bright as each other; returns 256
// times as much brighter as `now` is, the median over every eighth row and column, at most four times.
VISTREAM_EXPORT int32_t vistream_differences(const vistream::Kernels* kernels, const uint8_t* before, const uint8_t* now,
                                             int64_t rows, int64_t columns, int64_t down, int64_t across, int64_t* sums);

// `cases` random layers from `seed` on, on so many threads: 0 if all are right, else the seed of the first wrong one, plus 1.
VISTREAM_EXPORT int vistream_selftest(const vistream::Kernels* kernels, int seed, int cases, int threads);
