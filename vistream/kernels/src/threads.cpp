// See threads.h. Waking a sleeping thread takes longer than many a layer. So helpers look for work for a bounded moment
// before they sleep, and nobody waits for a helper that has not come: the caller takes every chunk that nobody took.
//
// The ticket holds the number of the job and how many chunks are left; a chunk is taken by replacing the ticket, which
// fails if anything happened in between. A job is written only while no chunk of the one before is left, so whoever got
// a chunk had read a sound job. One thread at a time leads; others meanwhile work alone. A forked child starts afresh.
//
// Where threads of the program wait for one another, those that wait can help in place of helpers of our own, of which there
// would be too many for the processors: see `lend`. The number of a helper, and with it its room to work in, is a seat, which
// one thread has at a time.
#include "threads.h"

#include <stdlib.h>

#include "system.h"

namespace vistream {
namespace {

constexpr int64_t WORTH_SHARING = 1 << 19;  // of a chunk's cost; less is not worth a second thread's attention
constexpr int NAP = 50;       // milliseconds that a lent thread sleeps at the most: its owner may have to know of something
constexpr int SPINS = 2000;  // looks for work before a helper sleeps: some 50 to 100 microseconds

template <class T> T read(const T& from) { return __atomic_load_n(&from, __ATOMIC_SEQ_CST); }
template <class T> void write(T& to, T value) { __atomic_store_n(&to, value, __ATOMIC_SEQ_CST); }

struct Job {
    Work work;
    void* context;
    int64_t count, size, chunks, threads;
};

struct alignas(64) Pool {
    uint64_t ticket = 0;  // number of the job << 32 | chunks that nobody has taken
    alignas(64) int64_t done = 0;
    alignas(64) int64_t total = 0;
    alignas(64) Job job = {};
    int64_t seats[MOST_THREADS] = {};  // whether a helper of that number is at work
    int64_t borrowers = 0;             // who want no helpers but those that are lent
    int64_t sleepers = 0;
    int helpers = 0;
    int64_t process = 0;
    Mutex leading, sleeping;
    Condition wake;
};

Pool* current = nullptr;

// What a helper may read while the leader writes the next job: each field by itself, judged by the ticket afterwards.
Job copy_of(const Job& job) {
    return {read(job.work), read(job.context), read(job.count), read(job.size), read(job.chunks), read(job.threads)};
}

// Takes chunks of the job that the ticket names until none is left; whether it took any.
bool take_chunks(Pool* pool, int thread) {
    bool took = false;
    for (;;) {
        uint64_t ticket = read(pool->ticket);
        const int64_t left = int64_t(ticket & 0xffffffff);
        if (left == 0) return took;
        const Job job = copy_of(pool->job);
        if (thread >= job.threads) return took;
        if (!__atomic_compare_exchange_n(&pool->ticket, &ticket, ticket - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            continue;
        const int64_t begin = (job.chunks - left) * job.size;
        const int64_t end = begin + job.size < job.count ? begin + job.size : job.count;
        __atomic_fetch_add(&pool->total, job.work(job.context, begin, end, thread), __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&pool->done, 1, __ATOMIC_SEQ_CST);
        took = true;
    }
}

struct Helper {
    Pool* pool;
    int thread;
};

bool sit(Pool* pool, int thread) {
    int64_t nobody = 0;
    return __atomic_compare_exchange_n(&pool->seats[thread], &nobody, int64_t(1), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void rise(Pool* pool, int thread) { write(pool->seats[thread], int64_t(0)); }

// Whether there is something for a helper to take.
bool calls(Pool* pool) { return (read(pool->ticket) & 0xffffffff) != 0; }

void help(void* argument) {
    const Helper self = *static_cast<Helper*>(argument);
    Pool* const pool = self.pool;
    free(argument);
    for (;;) {
        for (int idle = 0; idle < SPINS && !read(pool->borrowers); ++idle) {
            if (sit(pool, self.thread)) {
                if (take_chunks(pool, self.thread)) idle = 0;
                rise(pool, self.thread);
            }
            pause();
        }
        pool->sleeping.lock();
        __atomic_fetch_add(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
        while (!calls(pool) || read(pool->borrowers)) pool->wake.wait(pool->sleeping);
        __atomic_fetch_sub(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
        pool->sleeping.unlock();
    }
}

// The pool of this process: a child has the memory of its parent's, but none of its threads.
Pool* pool_of_process() {
    Pool* pool = read(current);
    if (pool && pool->process == process_id()) return pool;
    Pool* fresh = new_aligned<Pool>();
    fresh->process = process_id();
    if (__atomic_compare_exchange_n(&current, &pool, fresh, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return fresh;
    return pool;  // another thread was first; its pool serves, and a few hundred bytes are lost once
}

void call_helpers(Pool* pool, int wanted) {
    while (pool->helpers < wanted && !read(pool->borrowers)) {
        auto* self = static_cast<Helper*>(malloc(sizeof(Helper)));
        *self = {pool, pool->helpers + 1};
        if (!start_thread(help, self)) {  // the system gives no more: the caller does the work
            free(self);
            return;
        }
        ++pool->helpers;
    }
    if (read(pool->sleepers) == 0) return;
    pool->sleeping.lock();
    pool->wake.wake_all();
    pool->sleeping.unlock();
}

}  // namespace

void borrow(int64_t more) { __atomic_fetch_add(&pool_of_process()->borrowers, more, __ATOMIC_SEQ_CST); }

void lend(const int64_t* until) {
    Pool* const pool = pool_of_process();
    int thread = 1;
    while (thread < MOST_THREADS && !sit(pool, thread)) ++thread;
    if (thread == MOST_THREADS) return;
    for (int idle = 0; idle < SPINS && !read(*until); ++idle) {
        if (take_chunks(pool, thread)) idle = 0;
        pause();
    }
    rise(pool, thread);
    pool->sleeping.lock();
    __atomic_fetch_add(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
    if (!calls(pool) && !read(*until)) pool->wake.wait_at_most(pool->sleeping, NAP);
    __atomic_fetch_sub(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
    pool->sleeping.unlock();
}

void recall(int64_t* until) {
    Pool* const pool = pool_of_process();
    pool->sleeping.lock();
    write(*until, int64_t(1));
    pool->wake.wake_all();
    pool->sleeping.unlock();
}

Shares shares_of(int64_t count, int64_t cost, int64_t unit, int threads) {
    const int64_t worth = count * cost / WORTH_SHARING + 1;
    if (worth < threads) threads = int(worth);
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    const int64_t chunks = CHUNKS * threads < worth ? CHUNKS * threads : worth;
    return {count, ((count + chunks - 1) / chunks + unit - 1) / unit * unit, threads};
}

int64_t share(Work work, void* context, Shares shares) {
    const auto [count, size, threads] = shares;
    if (threads < 2 || count <= size) return work(context, 0, count, 0);
    Pool* pool = pool_of_process();
    if (!pool->leading.try_lock()) return work(context, 0, count, 0);
    const int64_t chunks = (count + size - 1) / size;
    write(pool->done, int64_t(0));
    write(pool->total, int64_t(0));
    write(pool->job.work, work);
    write(pool->job.context, context);
    write(pool->job.count, count);
    write(pool->job.size, size);
    write(pool->job.chunks, chunks);
    write(pool->job.threads, int64_t(threads));
    write(pool->ticket, ((read(pool->ticket) >> 32) + 1) << 32 | uint64_t(chunks));
    call_helpers(pool, threads - 1);
    take_chunks(pool, 0);
    for (int64_t looks = 0; read(pool->done) < chunks; ++looks) {
        if (looks < SPINS) pause();
        else yield();  // a helper was put aside in the middle of a chunk
    }
    const int64_t total = read(pool->total);
    pool->leading.unlock();
    return total;
}

}  // namespace vistream
