// See target.h. A feature counts if the CPU has it and the system saves the registers that it needs.
#include "target.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define VISTREAM_VARIANT(name) \
    namespace name { extern const vistream::Kernels kernels; }
VISTREAM_VARIANT(generic)
#if defined(__x86_64__)
VISTREAM_VARIANT(avx2)
VISTREAM_VARIANT(avx_vnni)
VISTREAM_VARIANT(avx512)
VISTREAM_VARIANT(avx512_vnni)
VISTREAM_VARIANT(amx)
#elif defined(__aarch64__)
VISTREAM_VARIANT(neon)
VISTREAM_VARIANT(neon_dotprod)
#endif

namespace vistream {
namespace {

struct Variant {
    const Kernels* kernels;
    bool (*permitted)();
};

bool always() { return true; }

#if defined(__x86_64__)
struct Features {
    bool avx2, avx_vnni, avx512, avx512_vnni, amx;
};

uint64_t saved_registers() {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t(high) << 32 | low;
}

// Linux gives a process the tile registers when it asks; elsewhere nobody is known to.
bool tiles_granted() {
#ifdef __linux__
    constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}

Features features() {
    Features found = {};
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return found;  // OSXSAVE: the system saves what it says
    const bool avx = c >> 28 & 1, popcnt = c >> 23 & 1;
    const uint64_t saved = saved_registers();
    if (!avx || !popcnt || (saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
    const uint32_t amx = d;
    const bool bmi1 = b >> 3 & 1, bmi2 = b >> 8 & 1;
    found.avx2 = bmi1 && bmi2 && (b >> 5 & 1);
    const bool f = b >> 16 & 1, dq = b >> 17 & 1, bw = b >> 30 & 1, vl = b >> 31 & 1;
    found.avx512 = found.avx2 && f && dq && bw && vl && (saved & 0xe6) == 0xe6;
    found.avx512_vnni = found.avx512 && (c >> 11 & 1);
    found.amx = found.avx512_vnni && (amx >> 24 & 1) && (amx >> 25 & 1) && (saved & 0x60000) == 0x60000;
    uint32_t leaf, b1, c1, d1;
    found.avx_vnni = found.avx2 && a >= 1 && __get_cpuid_count(7, 1, &leaf, &b1, &c1, &d1) && (leaf >> 4 & 1);
    return found;
}

bool has_avx2() { return features().avx2; }
bool has_avx_vnni() { return features().avx_vnni; }
bool has_avx512() { return features().avx512; }
bool has_avx512_vnni() { return features().avx512_vnni; }
bool has_amx() { return features().amx && tiles_granted(); }

const Variant VARIANTS[] = {
    {&amx::kernels, has_amx},           {&avx512_vnni::kernels, has_avx512_vnni}, {&avx512::kernels, has_avx512},
    {&avx_vnni::kernels, has_avx_vnni}, {&avx2::kernels, has_avx2},               {&generic::kernels, always},
};
#elif defined(__aarch64__)
bool has_dotprod() {
#if defined(__APPLE__)
    return true;  // every Apple CPU of this kind
#elif defined(__linux__)
    constexpr unsigned long ASIMDDP = 1ul << 20;
    return getauxval(AT_HWCAP) & ASIMDDP;
#else
    return false;
#endif
}

const Variant VARIANTS[] = {
    {&neon_dotprod::kernels, has_dotprod}, {&neon::kernels, always}, {&generic::kernels, always}};
#else
const Variant VARIANTS[] = {{&generic::kernels, always}};
#endif

constexpr int COUNT = sizeof VARIANTS / sizeof *VARIANTS;

struct Table {
    const Kernels* kernels[COUNT + 1] = {};
    Table() {
        int count = 0;
        for (const Variant& variant : VARIANTS)
            if (variant.permitted()) kernels[count++] = variant.kernels;
    }
};

const Table TABLE;  // filled when the library is loaded

}  // namespace

const Kernels* const* permitted() { return TABLE.kernels; }

}  // namespace vistream
