#include "interface.h"

#include <stddef.h>
#include <string.h>

#include "target.h"
#include "threads.h"

namespace vistream {
namespace {

constexpr int64_t WORTH_SHARING = 1 << 19;  // of a chunk's cost; less is not worth a second thread's attention
constexpr int64_t CHUNKS = 4;  // for each thread, so that none waits long for the last
constexpr int64_t UNIT = PIECE;  // items: chunks are made of whole groups

// How `count` items that cost `cost` each are shared: fewer, larger chunks where there is little to do.
int64_t shared(Work work, void* context, int64_t count, int64_t cost, int threads) {
    const int64_t worth = count * cost / WORTH_SHARING + 1;
    if (worth < threads) threads = int(worth);
    const int64_t chunks = CHUNKS * threads < worth ? CHUNKS * threads : worth;
    const int64_t size = ((count + chunks - 1) / chunks + UNIT - 1) / UNIT * UNIT;
    return share(work, context, count, size, threads);
}

struct Update {
    const Kernels* kernels;
    const Layer* layer;
    const Workspace* workspaces;
};

int64_t run_part(void* context, int64_t begin, int64_t end, int thread) {
    const auto* update = static_cast<const Update*>(context);
    return update->kernels->run(update->layer, begin, end, update->workspaces + thread);
}

// Marks in `stale` the rectangle of a transposed convolution's output that each changed position of its source reaches.
void reach_back(const Window& window, const uint8_t* changed, uint8_t* stale) {
    const int32_t tall = (window.kernel_h - 1) * window.dilation_h, wide = (window.kernel_w - 1) * window.dilation_w;
    for (int32_t y = 0; y < window.height; ++y) {
        const int32_t top = y * window.stride_h - window.top;
        const int32_t first_row = top < 0 ? 0 : top, last_row = top + tall < window.rows ? top + tall : window.rows - 1;
        for (int32_t x = 0; x < window.width; ++x) {
            if (!changed[int64_t(y) * window.width + x]) continue;
            const int32_t left = x * window.stride_w - window.left;
            const int32_t first = left < 0 ? 0 : left, last = left + wide < window.columns ? left + wide : window.columns - 1;
            if (last < first) continue;
            for (int32_t row = first_row; row <= last_row; ++row)
                memset(stale + int64_t(row) * window.columns + first, 1, size_t(last - first + 1));
        }
    }
}

// Marks what the changes of a layer's sources reach as stale.
void refresh(const Kernels* kernels, Layer* layer, const Workspace* workspace) {
    for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term) {
        if (*term->moved == 0) continue;
        layer->may_be_stale = 1;
        const Window& window = term->window;
        if (term->everywhere) {
            memset(layer->stale, 1, size_t(layer->area));
        } else if (term->map) {
            const int64_t taps = layer->kind == BLEND ? term->quads : 1;
            const int32_t* row = term->map;
            for (int64_t i = 0; i < layer->area; ++i)
                for (int64_t tap = 0; tap < taps; ++tap) layer->stale[i] |= term->changed[*row++];
        } else if (layer->kind == TRANSPOSED) {
            reach_back(window, term->changed, layer->stale);
        } else if (window.kernel_h * window.kernel_w * window.stride_h * window.stride_w == 1 && window.top == 0 &&
                   window.left == 0 && window.rows == window.height && window.columns == window.width) {
            kernels->join(term->changed, layer->stale, layer->area);
        } else {
            kernels->spread(&window, term->changed, layer->stale, workspace->marks);
        }
    }
}

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

#define VISTREAM_FIELD(type, name) {#name, int64_t(offsetof(Struct, name)), int64_t(sizeof(type))},
template <class T> struct Fields;
template <> struct Fields<Window> {
    using Struct = Window;
    static constexpr VistreamField all[] = {VISTREAM_WINDOW_FIELDS(VISTREAM_FIELD)};
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

template <> struct Fields<VistreamPlace> {
    using Struct = VistreamPlace;
    static constexpr VistreamField all[] = {VISTREAM_PLACE_FIELDS(VISTREAM_FIELD)};
};

template <> struct Fields<VistreamDeformable> {
    using Struct = VistreamDeformable;
    static constexpr VistreamField all[] = {VISTREAM_DEFORMABLE_FIELDS(VISTREAM_FIELD)};
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
    if (!strcmp(name, "Term")) return describe<Term>(fields, size);
    if (!strcmp(name, "Layer")) return describe<Layer>(fields, size);
    if (!strcmp(name, "Workspace")) return describe<Workspace>(fields, size);
    if (!strcmp(name, "Place")) return describe<VistreamPlace>(fields, size);
    if (!strcmp(name, "Deformable")) return describe<VistreamDeformable>(fields, size);
    return -1;
}

VISTREAM_EXPORT const char* vistream_sources() { return VISTREAM_SOURCES; }

VISTREAM_EXPORT const Kernels* vistream_kernels(int number) {
    const Kernels* const* all = permitted();
    for (int i = 0; i < number; ++i)
        if (!all[i]) return nullptr;
    return all[number];
}

VISTREAM_EXPORT void vistream_update(const Kernels* kernels, Layer* layer, const Workspace* workspaces, int threads) {
    layer->changes = layer->taken = 0;
    refresh(kernels, layer, workspaces);
    if (!layer->may_be_stale) return;
    layer->taken = kernels->take(layer);
    layer->may_be_stale = layer->needed != nullptr;
    if (!layer->taken) return;
    layer->touched = 1;
    memset(layer->changed, 0, size_t(layer->area));
    for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term)
        if (term->summed)
            kernels->sum_rows(term->summed, term->summed_rows, term->summed_stride, (int32_t*)term->source);
    Update update = {kernels, layer, workspaces};
    layer->changes = shared(run_part, &update, layer->taken, layer->cost, threads);
}

VISTREAM_EXPORT int64_t vistream_read(const Kernels* kernels, const uint8_t* frame, int8_t* levels, uint8_t* changed,
                                      int64_t pixels, int64_t deadband, int threads) {
    Reading reading = {kernels, frame, levels, changed, pixels, deadband};
    return shared(read_part, &reading, pixels, 16, threads);
}
