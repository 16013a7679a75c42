// Which variants of the kernels this computer can run: decided here and nowhere else.
#pragma once
#include "job.h"

namespace vistream {

// The variants that were built and that the CPU and the system permit, the best first; null behind the last.
const Kernels* const* permitted();

}  // namespace vistream
