// Runs the self-test of every variant of the kernels that there is here, once with their own helpers and once with a
// thread that is lent: driver CASES THREADS
#include <stdio.h>
#include <stdlib.h>

#include "interface.h"
#include "system.h"

static int64_t until = 0;

static void lend(void*) {
    while (!__atomic_load_n(&until, __ATOMIC_SEQ_CST)) vistream_lend(&until);
}

static int test(int cases, int threads) {
    int wrong = 0;
    for (int number = 0; const vistream::Kernels* kernels = vistream_kernels(number); ++number) {
        const int seed = vistream_selftest(kernels, 1, cases, threads);
        printf("%s %s\n", kernels->name, seed ? "wrong" : "ok");
        wrong += seed != 0;
    }
    return wrong;
}

int main(int count, char** arguments) {
    const int cases = count > 1 ? atoi(arguments[1]) : 100, threads = count > 2 ? atoi(arguments[2]) : 1;
    const int wrong = test(cases, threads);
    vistream_borrow(1);
    if (!vistream::start_thread(lend, nullptr)) return 2;
    const int lent = test(cases, threads);
    vistream_recall(&until);
    vistream_borrow(-1);
    return wrong + lent != 0;
}
