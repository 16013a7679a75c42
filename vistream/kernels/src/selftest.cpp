// Random layers through one variant of the kernels and through plain loops.
//
// It is what the probe runs before a library is trusted, what sanitizers and emulators run, and nothing else.
#include "interface.h"
#include "selftest/deformable.h"
#include "selftest/layer.h"

using namespace vistream;

VISTREAM_EXPORT int vistream_selftest(const Kernels* kernels, int seed, int cases, int threads) {
    for (int i = 0; i < cases; ++i) {
        LayerCase layer;
        layer.kernels = kernels;
        layer.build(uint64_t(seed) + uint64_t(i));
        DeformableCase deformable;
        deformable.build(uint64_t(seed) + uint64_t(i));
        if (!layer.agrees(threads) || !deformable.agrees(kernels)) return seed + i + 1;
    }
    return 0;
}
