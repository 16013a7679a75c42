// Brings one layer up to date.
#pragma once
#include "job.h"

namespace vistream {

// Marks what the changes of a layer's sources reach, and recomputes what is stale and needed.
void update(const Kernels* kernels, Layer* layer, const Workspace* workspaces, int threads);

}  // namespace vistream
