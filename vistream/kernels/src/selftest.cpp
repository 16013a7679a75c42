// Random layers through one variant of the kernels and through plain loops.
//
// It is what the probe runs before a library is trusted, what sanitizers and emulators run, and nothing else.
#include "interface.h"
#include "selftest/deformable.h"
#include "selftest/despeckle.h"
#include "selftest/layer.h"
#include "selftest/shrink.h"
#include "selftest/similar.h"
#include "selftest/stillness.h"

using namespace vistream;

constexpr int FRAMES = 4;

VISTREAM_EXPORT int vistream_selftest(const Kernels* kernels, int seed, int cases, int threads) {
    for (int i = 0; i < cases; ++i) {
        LayerCase layer;
        layer.kernels = kernels;
        layer.build(uint64_t(seed) + uint64_t(i));
        DeformableCase deformable;
        deformable.build(uint64_t(seed) + uint64_t(i));
        DespeckleCase despeckle;
        despeckle.build(uint64_t(seed) + uint64_t(i));
        SimilarCase similar;
        similar.build(uint64_t(seed) + uint64_t(i));
        StillnessCase stillness;
        stillness.build(uint64_t(seed) + uint64_t(i));
        ShrinkCase shrink;
        shrink.build(uint64_t(seed) + uint64_t(i));
        bool right = shrink.agrees(kernels) && deformable.agrees(kernels) && despeckle.agrees(kernels) && stillness.agrees(kernels) &&
                     similar.agrees(kernels, threads) && layer.agrees(threads);
        for (int frame = 1; right && frame < FRAMES; ++frame) {
            layer.change();
            right = layer.agrees(threads);
        }
        if (!right) return seed + i + 1;
    }
    return 0;
}
