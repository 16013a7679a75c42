// Functions that must become part of their caller: their arguments are registers, and a call would put them into memory.
#pragma once

#define VISTREAM_INLINE inline __attribute__((always_inline))
// The few that are long, and whose arguments are few: copies of them everywhere would only fill the instruction cache.
#define VISTREAM_CALLED __attribute__((noinline))
#ifdef __clang__
#define VISTREAM_UNROLL _Pragma("clang loop unroll(full)")
#else
#define VISTREAM_UNROLL _Pragma("GCC unroll 64")
#endif
