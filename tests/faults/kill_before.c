/* Kills the process before its Nth call that changes a file: KILL_BEFORE=N.
   Without it the number of such calls goes to the file KILL_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int calls, limit, on;

__attribute__((constructor)) static void begin(void) {
    limit = getenv("KILL_BEFORE") ? atoi(getenv("KILL_BEFORE")) : 0;
    unsetenv("LD_PRELOAD");
    on = 1;
}

__attribute__((destructor)) static void end(void) {
    on = 0;
    FILE *file = getenv("KILL_COUNT") ? fopen(getenv("KILL_COUNT"), "w") : 0;
    if (file) { fprintf(file, "%d", calls); fclose(file); }
}

static void note(void) {
    if (on && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == limit)
        kill(getpid(), SIGKILL);
}

#define WRAP(type, name, params, args) \
    type name params { \
        static type (*real) params; \
        if (!real) real = (type (*) params)dlsym(RTLD_NEXT, #name); \
        note(); return real args; }

WRAP(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o))
WRAP(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (f, b, n, o))
WRAP(int, fsync, (int f), (f))
WRAP(int, fdatasync, (int f), (f))
WRAP(int, ftruncate64, (int f, off64_t n), (f, n))
WRAP(int, ftruncate, (int f, off_t n), (f, n))
WRAP(int, unlink, (const char *p), (p))
WRAP(int, unlinkat, (int f, const char *p, int g), (f, p, g))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, mkdir, (const char *p, mode_t m), (p, m))
WRAP(int, fchmod, (int f, mode_t m), (f, m))
