#include "interface.h"

#include <stddef.h>
#include <string.h>

#include "target.h"
#include "threads.h"
#include "update.h"

namespace vistream {
namespace {

struct Reading {
    const Kernels* kernels;
    const uint8_t* frame;
    int8_t* levels;
    uint8_t* changed;
    int64_t pixels, deadband;
};

int64_t read_part(void* context, int64_t begin, int64_t end, int) {
    const auto* reading = static_cast<const Reading*>(context);
    return reading->kernels->read_pixels(
        reading->frame, reading->levels, reading->changed, begin, end, end == reading->pixels, reading->deadband);
}

struct Looking {
    const Kernels* kernels;
    const Past* past;
    const int8_t* queries;
    const int32_t* asked;
    int64_t top;
    int32_t *similarity, *cell;
};

int64_t look(void* context, int64_t begin, int64_t end, int) {
    const auto* all = static_cast<const Looking*>(context);
    all->kernels->similar(all->past, all->queries, all->asked, begin, end, all->top, all->similarity, all->cell);
    return 0;
}

#define VISTREAM_FIELD(type, name) {#name, int64_t(offsetof(Struct, name)), int64_t(sizeof(type))},
template <class T> struct Fields;
template <> struct Fields<Window> {
    using Struct = Window;
    static constexpr VistreamField all[] = {VISTREAM_WINDOW_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Events> {
    using Struct = Events;
    static constexpr VistreamField all[] = {VISTREAM_EVENTS_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Pairs> {
    using Struct = Pairs;
    static constexpr VistreamField all[] = {VISTREAM_PAIRS_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Term> {
    using Struct = Term;
    static constexpr VistreamField all[] = {VISTREAM_TERM_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Layer> {
    using Struct = Layer;
    static constexpr VistreamField all[] = {VISTREAM_LAYER_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Workspace> {
    using Struct = Workspace;
    static constexpr VistreamField all[] = {VISTREAM_WORKSPACE_FIELDS(VISTREAM_FIELD)};
};

template <> struct Fields<Deformable> {
    using Struct = Deformable;
    static constexpr VistreamField all[] = {VISTREAM_DEFORMABLE_FIELDS(VISTREAM_FIELD)};
};
template <> struct Fields<Past> {
    using Struct = Past;
    static constexpr VistreamField all[] = {VISTREAM_PAST_FIELDS(VISTREAM_FIELD)};
};

template <class T> int describe(const VistreamField** fields, int64_t* size) {
    *fields = Fields<T>::all;
    *size = sizeof(T);
    return sizeof Fields<T>::all / sizeof(VistreamField);
}

}  // namespace
}  // namespace vistream

using namespace vistream;

VISTREAM_EXPORT int vistream_fields(const char* name, const VistreamField** fields, int64_t* size) {
    if (!strcmp(name, "Window")) return describe<Window>(fields, size);
    if (!strcmp(name, "Events")) return describe<Events>(fields, size);
    if (!strcmp(name, "Pairs")) return describe<Pairs>(fields, size);
    if (!strcmp(name, "Term")) return describe<Term>(fields, size);
    if (!strcmp(name, "Layer")) return describe<Layer>(fields, size);
    if (!strcmp(name, "Workspace")) return describe<Workspace>(fields, size);
    if (!strcmp(name, "Deformable")) return describe<Deformable>(fields, size);
    if (!strcmp(name, "Past")) return describe<Past>(fields, size);
    return -1;
}

VISTREAM_EXPORT const char* vistream_sources() { return VISTREAM_SOURCES; }

VISTREAM_EXPORT const Kernels* vistream_kernels(int number) {
    const Kernels* const* all = permitted();
    for (int i = 0; i < number; ++i)
        if (!all[i]) return nullptr;
    return all[number];
}

VISTREAM_EXPORT void vistream_next_frame(Layer* const* layers, int count) {
    for (Layer* const* layer = layers; layer < layers + count; ++layer) {
        if ((*layer)->touched) memset((*layer)->reached, 0, size_t((*layer)->area));
        (*layer)->touched = 0;
    }
}

VISTREAM_EXPORT void vistream_update(const Kernels* kernels, Layer* const* layers, int count, const Workspace* workspaces,
                                     int threads) {
    for (Layer* const* layer = layers; layer < layers + count; ++layer) update(kernels, *layer, workspaces, threads);
}

VISTREAM_EXPORT int64_t vistream_read(const Kernels* kernels, const uint8_t* frame, int8_t* levels, uint8_t* changed,
                                      int64_t pixels, int64_t deadband, int threads) {
    Reading reading = {kernels, frame, levels, changed, pixels, deadband};
    return share(read_part, &reading, shares_of(pixels, 16, PIECE, threads));
}

VISTREAM_EXPORT void vistream_deformable(const Kernels* kernels, const float* values, const Deformable* shape,
                                         const int64_t* index, int64_t count, const float* offsets, const float* weights,
                                         float* out) {
    kernels->deformable(values, shape, index, count, offsets, weights, out);
}

VISTREAM_EXPORT void vistream_despeckle(const Kernels* kernels, const uint8_t* frame, uint8_t* held, int64_t rows,
                                        int64_t columns, int64_t tau, int64_t far, int64_t company, uint8_t* lines) {
    kernels->despeckle(frame, held, rows, columns, tau, far, company, lines);
}

VISTREAM_EXPORT void vistream_similar(const Kernels* kernels, const Past* past, const int8_t* queries, const int32_t* asked,
                                      int64_t count, int64_t top, int32_t* similarity, int32_t* cell, int threads) {
    Looking all = {kernels, past, queries, asked, top, similarity, cell};
    const int64_t across = past->radius < 0 ? past->rows * past->columns : 3 * past->radius * past->radius;
    share(look, &all, shares_of(count, across * past->quads * 4, PIECE, threads));
}

VISTREAM_EXPORT void vistream_grey(const Kernels* kernels, const uint8_t* frame, int64_t rows, int64_t columns,
                                   int64_t factor, uint8_t* out, int32_t* line) {
    kernels->grey(frame, rows, columns, factor, out, line);
}

VISTREAM_EXPORT void vistream_shrink(const Kernels* kernels, const uint8_t* picture, int64_t rows, int64_t columns,
                                     int64_t channels, int64_t down, int64_t across, uint8_t* out, uint16_t* line,
                                     uint8_t* row, int64_t* firsts, uint16_t* shares) {
    kernels->shrink(picture, rows, columns, channels, down, across, out, line, row, firsts, shares);
}

VISTREAM_EXPORT void vistream_slopes(const Kernels* kernels, const uint8_t* picture, int64_t rows, int64_t columns,
                                     int64_t down, int64_t across, int64_t* sums) {
    kernels->slopes(picture, rows, columns, down, across, sums);
}

VISTREAM_EXPORT int32_t vistream_differences(const Kernels* kernels, const uint8_t* before, const uint8_t* now, int64_t rows,
                                             int64_t columns, int64_t down, int64_t across, int64_t* sums) {
    return kernels->differences(before, now, rows, columns, down, across, sums);
}

VISTREAM_EXPORT void vistream_borrow(int64_t more) { vistream::borrow(more); }
VISTREAM_EXPORT void vistream_lend(const int64_t* until) { vistream::lend(until); }
VISTREAM_EXPORT void vistream_recall(int64_t* until) { vistream::recall(until); }
