"""The compute kernels: C++, one variant an instruction set, behind a plain C interface; they know of no network."""
