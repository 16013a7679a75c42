// Runs the self-test of every variant of the kernels that there is here: driver CASES THREADS
#include <stdio.h>
#include <stdlib.h>

#include "interface.h"

int main(int count, char** arguments) {
    const int cases = count > 1 ? atoi(arguments[1]) : 100, threads = count > 2 ? atoi(arguments[2]) : 1;
    int wrong = 0;
    for (int number = 0; const vistream::Kernels* kernels = vistream_kernels(number); ++number) {
        const int seed = vistream_selftest(kernels, 1, cases, threads);
        printf("%s %s\n", kernels->name, seed ? "wrong" : "ok");
        wrong += seed != 0;
    }
    return wrong != 0;
}
