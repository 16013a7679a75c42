// See update.h. Both halves are shared by threads: first bands of rows are marked and their positions listed, then the
// positions, wherever they lie, are dealt out in equal parts.
#include "update.h"

#include <string.h>

#include "threads.h"

namespace vistream {
namespace {

constexpr int64_t EVENTS_PAY = 30;  // per cent of the inputs, of which fewer have changed, where adding changes is quicker
constexpr int64_t MARKING = 16;  // to mark and list a position costs about that part of what it costs to compute it

// What a layer's changes are marked and listed by: bands of whole rows.
struct Bands {
    const Kernels* kernels;
    Layer* layer;
    const Workspace* workspaces;
    int64_t columns, size;  // positions in a row; rows in a band
    int64_t taken[CHUNKS * MOST_THREADS];
};

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

bool is_spread(const Layer* layer, const Term* term) {
    return !term->everywhere && !term->map && layer->kind != TRANSPOSED && !pointwise(term->window);
}

// Marks, in rows `top .. bottom`, what the changes of a term's source reach.
void mark(const Bands& bands, const Term* term, int64_t top, int64_t bottom, uint8_t* line) {
    Layer* layer = bands.layer;
    const int64_t begin = top * bands.columns, rest = layer->area - begin, most = (bottom - top) * bands.columns;
    const int64_t count = most < rest ? most : rest;
    if (term->everywhere) {
        memset(layer->stale + begin, 1, size_t(count));
    } else if (term->map) {
        const int64_t taps = layer->kind == BLEND ? term->quads : 1;
        const int32_t* row = term->map + begin * taps;
        for (int64_t i = begin; i < begin + count; ++i)
            for (int64_t tap = 0; tap < taps; ++tap) layer->stale[i] |= term->changed[*row++];
    } else if (is_spread(layer, term)) {
        bands.kernels->spread(&term->window, term->changed, layer->stale, line, int32_t(top), int32_t(bottom));
    } else if (layer->kind != TRANSPOSED) {
        bands.kernels->join(term->changed + begin, layer->stale + begin, count);
    }
}

// Marks and lists the stale and needed positions of rows `top .. bottom`, where a full list of the rows before would end.
int64_t mark_rows(void* context, int64_t top, int64_t bottom, int thread) {
    auto* bands = static_cast<Bands*>(context);
    Layer* layer = bands->layer;
    for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term)
        if (*term->moved) mark(*bands, term, top, bottom, bands->workspaces[thread].marks);
    const int64_t begin = top * bands->columns, end = bottom * bands->columns;
    return bands->taken[top / bands->size] = bands->kernels->take(layer, begin, end < layer->area ? end : layer->area);
}

// How many positions are stale and needed; their list is in `index`, in order.
int64_t list_stale(const Kernels* kernels, Layer* layer, const Workspace* workspaces, int threads) {
    Bands bands = {kernels, layer, workspaces, 1, 0, {}};
    for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term) {
        if (is_spread(layer, term)) bands.columns = term->window.columns;
        if (layer->kind == TRANSPOSED && *term->moved) reach_back(term->window, term->changed, layer->stale);
    }
    const int64_t rows = (layer->area + bands.columns - 1) / bands.columns;
    const Shares shares = shares_of(rows, bands.columns * layer->cost / MARKING, 1, threads);
    bands.size = shares.size;
    share(mark_rows, &bands, shares);
    int64_t taken = 0;
    for (int64_t band = 0; band * bands.size < rows; ++band) {
        const int64_t begin = band * bands.size * bands.columns;
        if (taken < begin) memmove(layer->index + taken, layer->index + begin, size_t(bands.taken[band]) * sizeof(int32_t));
        taken += bands.taken[band];
    }
    return taken;
}

struct Listing {
    const Kernels* kernels;
    const Term* term;
};

int64_t list_part(void* context, int64_t begin, int64_t end, int) {
    const auto* listing = static_cast<const Listing*>(context);
    listing->kernels->list_changes(listing->term, begin, end);
    return 0;
}

// Whether this pass is to add what changed in a term's source, to sums that are kept, and if so the list of that.
void list_events(const Kernels* kernels, const Layer* layer, const Term* term, int threads) {
    Events* events = term->events;
    const Window& window = term->window;
    const int64_t positions = int64_t(window.height) * window.width, inputs = layer->taken * events->inner;
    const int64_t taps = events->inner / events->inputs, apart = int64_t(window.stride_h) * window.stride_w;
    events->adds = *term->moved * taps * 100 < inputs * apart * EVENTS_PAY;
    if (!events->adds) {
        events->follows = 0;
        return;
    }
    if (events->follows) {
        Listing listing = {kernels, term};
        const Shares shares = shares_of(positions, term->row_bytes, 1, threads);
        share(list_part, &listing, shares);
    } else {
        memcpy(events->seen, term->source, size_t(positions * term->row_bytes));
        memset(events->valid, 0, size_t(layer->area));
    }
    events->follows = 1;
    for (int64_t i = 0; layer->may_be_stale && i < layer->area; ++i)
        if (layer->stale[i]) events->valid[i] = 0;
}

struct Run {
    const Kernels* kernels;
    const Layer* layer;
    const Workspace* workspaces;
};

int64_t run_part(void* context, int64_t begin, int64_t end, int thread) {
    const auto* run = static_cast<const Run*>(context);
    return run->kernels->run(run->layer, begin, end, run->workspaces + thread);
}

}  // namespace

void update(const Kernels* kernels, Layer* layer, const Workspace* workspaces, int threads) {
    const Term* const end = layer->terms + layer->count;
    layer->changes = layer->taken = 0;
    for (const Term* term = layer->terms; term < end; ++term) layer->may_be_stale |= *term->moved != 0;
    if (!layer->may_be_stale) return;
    layer->taken = list_stale(kernels, layer, workspaces, threads);
    layer->may_be_stale = layer->needed != nullptr;
    for (const Term* term = layer->terms; term < end; ++term)
        if (term->events && (layer->taken || *term->moved)) list_events(kernels, layer, term, threads);
    if (!layer->taken) return;
    layer->touched = 1;
    memset(layer->changed, 0, size_t(layer->area));
    for (const Term* term = layer->terms; term < end; ++term)
        if (term->summed)
            kernels->sum_rows(term->summed, term->summed_rows, term->summed_stride, (int32_t*)term->source);
    Run run = {kernels, layer, workspaces};
    layer->changes = share(run_part, &run, shares_of(layer->taken, layer->cost, PIECE, threads));
}

}  // namespace vistream
