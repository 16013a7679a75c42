// What Python hands to the kernels: plain structs with named fields, the same in library.py, compared when it is loaded.
//
// Levels are int8 `[height * width + 1][stride]`: `stride` is the channels rounded up to 16 (4 for an input), the
// channels beyond hold 0, and the last row is what windows see outside the frame. Some bytes behind it may be read.
#pragma once

#include <stdint.h>

#include "inline.h"

namespace vistream {

// How a window lies over a source of `height` x `width` and gives an output of `rows` x `columns`.
#define VISTREAM_WINDOW_FIELDS(FIELD) \
    FIELD(int32_t, height) FIELD(int32_t, width) FIELD(int32_t, rows) FIELD(int32_t, columns) \
    FIELD(int32_t, kernel_h) FIELD(int32_t, kernel_w) FIELD(int32_t, stride_h) FIELD(int32_t, stride_w) \
    FIELD(int32_t, dilation_h) FIELD(int32_t, dilation_w) FIELD(int32_t, top) FIELD(int32_t, left)

// What a convolution keeps so that only levels that changed are added to its sums (kind/events.h).
//   sums          int32 [block of channels][area][channels of the block], of `seen`; right where `valid` [area] is 1
//   seen          int8 [height * width][row_bytes]: the source as it is in the sums
//   weight        int8 [block of channels][inner][channels of the block], dealt out so that interleaving four rows puts them
//                 in order; plus 128 where dot products take one factor as unsigned
//   inner         rows of weights: taps * `inputs`
//   channels, deltas   uint8 and int8 [height * width][row_bytes], shared by all layers: of each `SEGMENT` of a position's
//                 levels, from its first byte on, which changed and by how much, filled up to a multiple of 4
//   counts        int16 [height * width][segments][2], shared as well: how many these are, and the sum of the deltas
//   follows       whether `seen` is what the source was before this pass
//   adds          whether this pass adds changes; else it computes sums anew and keeps none
#define VISTREAM_EVENTS_FIELDS(FIELD) \
    FIELD(int32_t*, sums) FIELD(uint8_t*, valid) FIELD(int8_t*, seen) FIELD(const int8_t*, weight) FIELD(int64_t, inner) \
    FIELD(int64_t, inputs) FIELD(int64_t, segments) FIELD(uint8_t*, channels) FIELD(int8_t*, deltas) FIELD(int16_t*, counts) \
    FIELD(int64_t, follows) FIELD(int64_t, adds)

// What a convolution needs where the products of two quads of a tap are added in 16 bits (kind/pairs.h).
//   shift         what makes the source's levels unsigned
//   first         int32 [units + 1]: where the rests begin of the block of channels that begins with a unit of 16
//   place         int32 [rests][3]: the row and column of the window, and the first of four inputs, that a rest is for
//   rest          int8 [rests][channels of the widest block][4]: what was cut off the weights so that no sum is too large
#define VISTREAM_PAIRS_FIELDS(FIELD) \
    FIELD(int64_t, shift) FIELD(const int32_t*, first) FIELD(const int32_t*, place) FIELD(const int8_t*, rest)

// One term of a neuron's sum, or the source of a pool or a copy.
//   source, row_bytes    where the source's rows begin, and their size
//   changed              uint8 [height * width]: which positions of the source changed in this pass
//   map                  for copies: the row of the source for each output position; null: the same. For blends: `quads`
//                        rows for each output position, and in `begin` what each is multiplied by
//   weight               dot: [unit of 16 channels][taps * quads][16][4] int8; depthwise: [block][fours][vector][lane][4];
//                        transposed: [taps][inputs][outputs of a group], `quads` groups of `first_channel` outputs
//   is_signed            whether the source's levels may be negative; then weights are above -128, or `SIGNS_OF_WEIGHTS`
//   begin                int32, what each channel's sum begins with, less what flipping signed levels adds; null: 0.
//                        For copies: the channel of the source for each of `channels`; null: in order from the first.
//                        For products and transposed convolutions: what stands for 0, by channel
//   multiplier           float32 per channel, from a sum to levels
//   quads                groups of four source channels that a tap takes
//   moved                how many of the source's levels changed in this pass
//   everywhere           any change of the source reaches every position
//   events               what a convolution keeps to add changes alone; null: nothing
//   pairs                what it needs to take quads in pairs; null: it takes them one by one
//   summed               for a mean: levels [summed_rows][summed_stride] whose sum over all rows is put into `source` first
#define VISTREAM_TERM_FIELDS(FIELD) \
    FIELD(int64_t, kind) FIELD(const int8_t*, source) FIELD(int64_t, row_bytes) FIELD(const uint8_t*, changed) \
    FIELD(const int32_t*, map) FIELD(const int8_t*, weight) FIELD(int64_t, is_signed) FIELD(const int32_t*, begin) \
    FIELD(const float*, multiplier) FIELD(int64_t, quads) FIELD(int64_t, channels) FIELD(int64_t, first_channel) \
    FIELD(const int64_t*, moved) FIELD(int64_t, everywhere) FIELD(const int8_t*, summed) FIELD(int64_t, summed_rows) \
    FIELD(int64_t, summed_stride) FIELD(Events*, events) FIELD(const Pairs*, pairs) FIELD(Window, window)

// One layer. What Python sets once:
//   kind, terms, count, bias [stride], lo, hi, zero, table (int8 [256] or null), half_even
//   levels (int8), sums (int32) or real (float32), the others null, all [area + 1][stride]
//   stride, area, changed, reached, stale (uint8 [area] each), index (int32 [area], shared by all layers)
//   cost (of a position, about as many multiply-accumulates)
//   bound (1 if no pre-activation can leave int32, so that the clip may follow the conversion)
// Per call: needed (uint8 [area] or null: all), hysteresis.
// What the kernels give back: taken (positions recomputed), changes (activations that took a new value), may_be_stale
// (whether `stale` may hold a mark), touched (set where `reached` was written).
#define VISTREAM_LAYER_FIELDS(FIELD) \
    FIELD(int64_t, kind) FIELD(const Term*, terms) FIELD(int64_t, count) FIELD(const float*, bias) \
    FIELD(int64_t, lo) FIELD(int64_t, hi) FIELD(int64_t, zero) FIELD(const int8_t*, table) FIELD(int64_t, half_even) \
    FIELD(int64_t, bound) FIELD(int32_t*, sums) FIELD(float*, real) \
    FIELD(int8_t*, levels) FIELD(int64_t, stride) FIELD(int64_t, area) FIELD(uint8_t*, changed) \
    FIELD(uint8_t*, reached) FIELD(uint8_t*, stale) FIELD(int32_t*, index) FIELD(const uint8_t*, needed) \
    FIELD(int64_t, hysteresis) FIELD(int64_t, cost) FIELD(int64_t, taken) FIELD(int64_t, changes) \
    FIELD(int64_t, may_be_stale) FIELD(int64_t, touched)

// What a thread needs for itself: gathered inputs of a group of positions, their sums, what a chain of terms holds
// back, a line of marks.
#define VISTREAM_WORKSPACE_FIELDS(FIELD) \
    FIELD(int8_t*, gathered) FIELD(int32_t*, sums) FIELD(float*, pending) FIELD(uint8_t*, marks)

// A window whose taps are moved, over a map of `height` x `width`, in `groups` of channels; `columns` of the output.
#define VISTREAM_DEFORMABLE_FIELDS(FIELD) \
    FIELD(int64_t, height) FIELD(int64_t, width) FIELD(int64_t, channels) FIELD(int64_t, columns) FIELD(int64_t, groups) \
    FIELD(int64_t, kernel_h) FIELD(int64_t, kernel_w) FIELD(int64_t, stride_h) FIELD(int64_t, stride_w) \
    FIELD(int64_t, dilation_h) FIELD(int64_t, dilation_w) FIELD(int64_t, top) FIELD(int64_t, left)

// A past frame in which cells look for their like.
//   vectors   int8 [rows][quads][stride][4]: the cells of a row side by side, four channels at a time; `stride` is
//             `columns` and `BEYOND` more
//   radius    how far a cell looks, in cells; below 0: anywhere
//   base      the number of the first cell
#define VISTREAM_PAST_FIELDS(FIELD) \
    FIELD(const int8_t*, vectors) FIELD(int64_t, rows) FIELD(int64_t, columns) FIELD(int64_t, quads) FIELD(int64_t, stride) \
    FIELD(int64_t, radius) FIELD(int64_t, base)

#define VISTREAM_DECLARE(type, name) type name;
struct Window { VISTREAM_WINDOW_FIELDS(VISTREAM_DECLARE) };
struct Events { VISTREAM_EVENTS_FIELDS(VISTREAM_DECLARE) };
struct Pairs { VISTREAM_PAIRS_FIELDS(VISTREAM_DECLARE) };
struct Term { VISTREAM_TERM_FIELDS(VISTREAM_DECLARE) };
struct Layer { VISTREAM_LAYER_FIELDS(VISTREAM_DECLARE) };
struct Workspace { VISTREAM_WORKSPACE_FIELDS(VISTREAM_DECLARE) };
struct Deformable { VISTREAM_DEFORMABLE_FIELDS(VISTREAM_DECLARE) };
struct Past { VISTREAM_PAST_FIELDS(VISTREAM_DECLARE) };
#undef VISTREAM_DECLARE

// Whether every output looks at exactly the input of its own position.
VISTREAM_INLINE bool pointwise(const Window& window) {
    return window.kernel_h * window.kernel_w * window.stride_h * window.stride_w == 1 && window.top == 0 &&
           window.left == 0 && window.rows == window.height && window.columns == window.width;
}

// Where levels take over the signs of weights, one of which is -128 (a sign moved to that is lost); no level is then.
constexpr int64_t SIGNS_OF_WEIGHTS = 2;

enum TermKind { CONVOLVE, DEPTHWISE, IDENTITY, SUMS, REALS };  // the last two: identities of int32 and of float32
enum LayerKind { NEURON, MAX_POOL, COPY, BLEND, PRODUCT, TRANSPOSED };

constexpr int PIECE = 48;  // positions that a chain of terms works on before it goes on: what is pending stays near
constexpr int GROUP = 32;  // positions that the tile registers take together, or whose changes are added together
constexpr int SEGMENT = 256;  // inputs whose changes are listed together
constexpr int BEYOND = 32;  // cells behind the row of a past frame that may be read
constexpr int PANEL = 256;  // channels whose sums they keep in memory meanwhile

// The kernels of one instruction set. Each works on `index[begin..end)` of a layer, needs a workspace of its own and
// allocates nothing, so that threads can share a layer; it returns how many levels changed.
struct Kernels {
    const char* name;
    int32_t vector_bytes;  // of the blocks in which depthwise weights lie
    int32_t tiles;         // whether convolutions gather rows of 64 bytes for tile registers
    int32_t flips;         // whether dot products make signed levels unsigned, which their first sums make good
    int32_t pairs;         // whether convolutions may take quads in pairs
    int64_t (*run)(const Layer*, int64_t begin, int64_t end, const Workspace*);
    int64_t (*read_pixels)(const uint8_t* frame, int8_t* levels, uint8_t* changed, int64_t begin, int64_t end, bool last,
                           int64_t deadband);
    void (*spread)(const Window*, const uint8_t* changed, uint8_t* stale, uint8_t* line, int32_t top, int32_t bottom);
    void (*join)(const uint8_t* changed, uint8_t* stale, int64_t area);
    int64_t (*take)(Layer*, int64_t begin, int64_t end);
    void (*list_changes)(const Term*, int64_t begin, int64_t end);
    void (*sum_rows)(const int8_t* source, int64_t rows, int64_t stride, int32_t* sums);
    void (*deformable)(const float* values, const Deformable*, const int64_t* index, int64_t count, const float* offsets,
                       const float* weights, float* out);
    void (*despeckle)(const uint8_t* frame, uint8_t* held, int64_t rows, int64_t columns, int64_t tau, int64_t far,
                      int64_t company, uint8_t* lines);
    void (*similar)(const Past*, const int8_t* queries, const int32_t* asked, int64_t begin, int64_t end, int64_t top,
                    int32_t* similarity, int32_t* cell);
    void (*grey)(const uint8_t* frame, int64_t rows, int64_t columns, int64_t factor, uint8_t* out, int32_t* line);
    void (*slopes)(const uint8_t* picture, int64_t rows, int64_t columns, int64_t down, int64_t across, int64_t* sums);
    void (*shrink)(const uint8_t* picture, int64_t rows, int64_t columns, int64_t channels, int64_t down, int64_t across,
                   uint8_t* out, uint16_t* line, uint8_t* row, int64_t* firsts, uint16_t* shares);
    int32_t (*differences)(const uint8_t* before, const uint8_t* now, int64_t rows, int64_t columns, int64_t down,
                           int64_t across, int64_t* sums);
};

}  // namespace vistream
