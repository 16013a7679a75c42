// The kernels of one instruction set. This file is compiled once for each, with `VARIANT` its name and the compiler's
// options for it; nothing here is shared between variants, so that no instruction leaks from one into another.
#if defined(__AVX512F__)
#include "isa/avx512.h"
#elif defined(__AVX2__)
#include "isa/x86.h"
#elif defined(__ARM_NEON) && !defined(VISTREAM_PORTABLE)
#include "isa/neon.h"
#else
#include "isa/generic.h"
#endif

#include "kind/blend.h"
#include "kind/convolve.h"
#include "kind/deformable.h"
#include "kind/depthwise.h"
#include "kind/despeckle.h"
#include "kind/events.h"
#include "kind/marks.h"
#include "kind/moves.h"
#include "kind/product.h"
#include "kind/shrink.h"
#include "kind/similar.h"
#include "kind/stillness.h"
#include "kind/tiles.h"
#include "kind/transposed.h"

namespace VARIANT {
namespace {

int64_t run_step(const Step& step, const int32_t* index, int64_t count, int64_t slot, const Workspace* workspace) {
    const int64_t is_signed = step.term->is_signed;
    switch (step.term->kind) {
        case vistream::CONVOLVE:
#ifdef __AMX_INT8__
            return convolve_tiles(step, index, count, slot, workspace);
#else
            if (step.term->events && step.term->events->adds) return convolve_by_events(step, index, count, slot, workspace);
            return convolve_anew(step, index, count, slot, workspace);
#endif
        case vistream::DEPTHWISE:
#ifdef VISTREAM_PAIRS
            if (is_signed == vistream::SIGNS_OF_WEIGHTS) return depthwise<true, true>(step, index, count, slot, workspace);
#endif
            return is_signed ? depthwise<true>(step, index, count, slot, workspace)
                             : depthwise<false>(step, index, count, slot, workspace);
        default:
            return identity(step, index, count, slot, workspace);
    }
}

// Whether a term can ride on the sum after it: levels as they are, and not the last.
bool rides(const Layer* layer, const Term* term) {
    return term->kind == vistream::IDENTITY && !term->begin && term + 1 < layer->terms + layer->count;
}

// All terms of a neuron, one after the other, over a few positions.
int64_t neuron(const Layer* layer, const int32_t* index, int64_t count, const Workspace* workspace) {
    const Term* const end = layer->terms + layer->count;
    int64_t changes = 0;
    bool resumes = false;
    for (const Term* term = layer->terms; term < end; ++term) {
        const Term* first = term;
        while (rides(layer, term)) ++term;
        const Step step{layer, term, first, term - first, resumes, term + 1 < end};
        changes += run_step(step, index, count, 0, workspace);
        resumes = true;
    }
    return changes;
}

int64_t run(const Layer* layer, int64_t begin, int64_t end, const Workspace* workspace) {
    const int32_t* index = layer->index;
    if (layer->kind == vistream::MAX_POOL) return max_pool(layer, index + begin, end - begin);
    if (layer->kind == vistream::COPY) return copy(layer, index + begin, end - begin);
    if (layer->kind == vistream::BLEND) return blend(layer, index + begin, end - begin);
    if (layer->kind == vistream::PRODUCT) return product(layer, index + begin, end - begin);
    if (layer->kind == vistream::TRANSPOSED) return transposed(layer, index + begin, end - begin, workspace);
    int64_t sums = 0;
    for (const Term* term = layer->terms; term < layer->terms + layer->count; ++term) sums += !rides(layer, term);
    if (sums == 1) return neuron(layer, index + begin, end - begin, workspace);
    int64_t changes = 0;
    for (int64_t piece = begin; piece < end; piece += vistream::PIECE)
        changes += neuron(layer, index + piece, end - piece < vistream::PIECE ? end - piece : vistream::PIECE, workspace);
    return changes;
}

#define VISTREAM_TEXT(name) #name
#define VISTREAM_NAME(name) VISTREAM_TEXT(name)
#ifdef __AMX_INT8__
constexpr int32_t TILES = 1;
#else
constexpr int32_t TILES = 0;
#endif
#ifdef VISTREAM_PAIRS
constexpr int32_t PAIRS = 1;
#else
constexpr int32_t PAIRS = 0;
#endif

}  // namespace

extern const vistream::Kernels kernels;
const vistream::Kernels kernels = {
    VISTREAM_NAME(VARIANT), Widest::WIDTH, TILES, FLIPS, PAIRS, run,  read_pixels, spread,      join,
    take,                   list_changes,  sum_rows, deformable, despeckle, similar, grey, slopes, shrink,
    differences};

}  // namespace VARIANT
