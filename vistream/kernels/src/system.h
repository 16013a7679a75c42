// What the thread pool needs of the operating system: threads, locks, a process's number.
#pragma once
#include <stdint.h>
#include <stdlib.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>
#endif

namespace vistream {

#ifdef _WIN32
struct Mutex {
    SRWLOCK handle = SRWLOCK_INIT;
    void lock() { AcquireSRWLockExclusive(&handle); }
    bool try_lock() { return TryAcquireSRWLockExclusive(&handle); }
    void unlock() { ReleaseSRWLockExclusive(&handle); }
};
struct Condition {
    CONDITION_VARIABLE handle = CONDITION_VARIABLE_INIT;
    void wait(Mutex& mutex) { SleepConditionVariableSRW(&handle, &mutex.handle, INFINITE, 0); }
    void wait_at_most(Mutex& mutex, int milliseconds) {
        SleepConditionVariableSRW(&handle, &mutex.handle, DWORD(milliseconds), 0);
    }
    void wake_all() { WakeAllConditionVariable(&handle); }
};
inline int64_t process_id() { return GetCurrentProcessId(); }
inline void yield() { SwitchToThread(); }
#else
struct Mutex {
    pthread_mutex_t handle = PTHREAD_MUTEX_INITIALIZER;
    void lock() { pthread_mutex_lock(&handle); }
    bool try_lock() { return pthread_mutex_trylock(&handle) == 0; }
    void unlock() { pthread_mutex_unlock(&handle); }
};
struct Condition {
    pthread_cond_t handle = PTHREAD_COND_INITIALIZER;
    void wait(Mutex& mutex) { pthread_cond_wait(&handle, &mutex.handle); }
    void wait_at_most(Mutex& mutex, int milliseconds) {
        timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_nsec += milliseconds * 1000000L;
        end.tv_sec += end.tv_nsec / 1000000000L, end.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&handle, &mutex.handle, &end);
    }
    void wake_all() { pthread_cond_broadcast(&handle); }
};
inline int64_t process_id() { return getpid(); }
inline void yield() { sched_yield(); }
#endif

// Wait for some tens of cycles, kindly to whatever else runs on this core.
inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

struct Start {
    void (*function)(void*);
    void* argument;
};

#ifdef _WIN32
inline DWORD WINAPI start(void* argument) {
#else
inline void* start(void* argument) {
#endif
    const Start order = *static_cast<Start*>(argument);
    free(argument);
    order.function(order.argument);
    return 0;
}

// Starts a thread that nobody waits for; whether the system gave one.
inline bool start_thread(void (*function)(void*), void* argument) {
    auto* order = static_cast<Start*>(malloc(sizeof(Start)));
    *order = {function, argument};
#ifdef _WIN32
    HANDLE thread = CreateThread(nullptr, 0, start, order, 0, nullptr);
    if (thread) CloseHandle(thread);
    if (thread) return true;
#else
    pthread_t thread;
    if (pthread_create(&thread, nullptr, start, order) == 0) {
        pthread_detach(thread);
        return true;
    }
#endif
    free(order);
    return false;
}

// A value at a multiple of its alignment, never given back; without the C++ runtime, which the library does not need.
template <class T> T* new_aligned() {
    const auto memory = reinterpret_cast<uintptr_t>(malloc(sizeof(T) + alignof(T)));
    auto* at = reinterpret_cast<T*>((memory + alignof(T) - 1) / alignof(T) * alignof(T));
    const T fresh = {};
    __builtin_memcpy(static_cast<void*>(at), &fresh, sizeof(T));
    return at;
}

}  // namespace vistream
