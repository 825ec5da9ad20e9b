/* Kills the process before its Nth call of the system: KILL_BEFORE=N.
   Without it the names of all such calls go to the file KILL_LIST, one a line.
   Only what happens between the calls of begin and end by the program counts, and what
   its children do does not: it is the program that is killed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls, limit, list = -1;
static pid_t self; /* a forked child has another, and counts nothing */

static ssize_t (*real_write)(int, const void *, size_t);

/* The program says from where on: what Python loads before is all the same. */
void kill_before_begin(void) {
    limit = getenv("KILL_BEFORE") ? atoi(getenv("KILL_BEFORE")) : 0;
    if (getenv("KILL_LIST"))
        list = open(getenv("KILL_LIST"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    real_write = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    self = getpid();
}

void kill_before_end(void) { self = 0; }

__attribute__((constructor)) static void begin(void) { unsetenv("LD_PRELOAD"); }

static void note(const char *name) {
    if (!self || self != getpid()) return;
    int number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (list >= 0) {
        char line[64];
        int length = snprintf(line, sizeof line, "%s\n", name);
        if (real_write(list, line, length) < 0) abort();
    }
    if (number == limit) kill(self, SIGKILL);
}

#define WRAP(type, name, params, args) \
    type name params { \
        static type (*real) params; \
        if (!real) real = (type (*) params)dlsym(RTLD_NEXT, #name); \
        note(#name); return real args; }

/* Looking at processes changes nothing, and is most of all calls. */
static char looks[4096];

static int is_look(int fd) { return fd >= 0 && fd < (int)sizeof looks && looks[fd]; }

ssize_t read(int fd, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    if (!is_look(fd)) note("read");
    return real(fd, buffer, size);
}

int close(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (!is_look(fd)) note("close");
    else looks[fd] = 0;
    return real(fd);
}

WRAP(ssize_t, write, (int f, const void *b, size_t n), (f, b, n))
WRAP(ssize_t, pread64, (int f, void *b, size_t n, off64_t o), (f, b, n, o))
WRAP(ssize_t, pread, (int f, void *b, size_t n, off_t o), (f, b, n, o))
WRAP(ssize_t, pwrite64, (int f, const void *b, size_t n, off64_t o), (f, b, n, o))
WRAP(ssize_t, pwrite, (int f, const void *b, size_t n, off_t o), (f, b, n, o))
WRAP(int, fsync, (int f), (f))
WRAP(int, fdatasync, (int f), (f))
WRAP(int, ftruncate64, (int f, off64_t n), (f, n))
WRAP(int, ftruncate, (int f, off_t n), (f, n))
WRAP(int, flock, (int f, int o), (f, o))
WRAP(int, unlink, (const char *p), (p))
WRAP(int, unlinkat, (int f, const char *p, int g), (f, p, g))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, renameat, (int d, const char *a, int e, const char *b), (d, a, e, b))
WRAP(int, mkdir, (const char *p, mode_t m), (p, m))
WRAP(int, mkdirat, (int d, const char *p, mode_t m), (d, p, m))
WRAP(int, fchmod, (int f, mode_t m), (f, m))
WRAP(int, kill, (pid_t p, int s), (p, s))
WRAP(int, killpg, (pid_t p, int s), (p, s))
WRAP(pid_t, fork, (void), ())
WRAP(pid_t, vfork, (void), ())
WRAP(int, execve, (const char *p, char *const a[], char *const e[]), (p, a, e))
WRAP(pid_t, waitpid, (pid_t p, int *s, int o), (p, s, o))
WRAP(int, waitid, (idtype_t t, id_t i, siginfo_t *s, int o), (t, i, s, o))
WRAP(int, posix_spawn, (pid_t *p, const char *f, const posix_spawn_file_actions_t *a,
    const posix_spawnattr_t *t, char *const v[], char *const e[]), (p, f, a, t, v, e))
WRAP(int, posix_spawnp, (pid_t *p, const char *f, const posix_spawn_file_actions_t *a,
    const posix_spawnattr_t *t, char *const v[], char *const e[]), (p, f, a, t, v, e))

/* The mode is there only where a file may be made. */
#define WRAP_OPEN(name, params, last, with) \
    int name params { \
        static int (*real)(); \
        mode_t mode = 0; \
        if (!real) real = (int (*)())dlsym(RTLD_NEXT, #name); \
        if (last & (O_CREAT | O_TMPFILE)) { \
            va_list more; va_start(more, last); mode = va_arg(more, mode_t); \
            va_end(more); } \
        int look = !strncmp(p, "/proc/", 6); \
        if (!look) note(#name); \
        int fd = real with; \
        if (fd >= 0 && fd < (int)sizeof looks) looks[fd] = look; \
        return fd; }

WRAP_OPEN(open, (const char *p, int g, ...), g, (p, g, mode))
WRAP_OPEN(open64, (const char *p, int g, ...), g, (p, g, mode))
WRAP_OPEN(openat, (int d, const char *p, int g, ...), g, (d, p, g, mode))
WRAP_OPEN(openat64, (int d, const char *p, int g, ...), g, (d, p, g, mode))
