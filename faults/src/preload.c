/* Stands between the server and the C library: strikes at the Nth write or sync, moves the wall clock, records what
 * reaches the file system. Compiled by the harness when it is needed (see preload.rs, which mirrors `struct control`).
 *
 * FAULTS_CONTROL names the file both share, FAULTS_DIR the directory whose files are meant, FAULTS_TRACE the file that
 * a recording goes to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t clock_offset_ns;
    uint64_t kind;        /* what happens; 0 is nothing */
    uint64_t files;       /* classes of files it happens to */
    uint64_t calls;       /* CALL_ bits */
    int64_t countdown;    /* happens to the call that takes it to zero */
    int64_t times;        /* and to this many calls in all */
    uint64_t fired;       /* how often it happened */
    uint64_t fired_at_ns; /* when first, CLOCK_MONOTONIC */
    uint64_t delay_us;
    uint64_t no_direct; /* 1: O_DIRECT is refused, as by file systems without it */
    uint64_t min_offset; /* writes before it are spared */
    uint64_t recorded;   /* operations in the trace */
    uint64_t seen;       /* calls that matched files and calls */
    uint64_t freeze;     /* 1: stop between two recorded operations, for ever */
    uint64_t frozen;     /* 1: it stopped */
};

enum { EIO_BEFORE = 1, ENOSPC_BEFORE, EIO_HALF, EIO_AFTER, ENOSPC_AFTER, SHORT, INTERRUPTED, SLOW, ENOSPC_HALF };
enum { CALL_WRITE = 1, CALL_SYNC = 2 };
enum { FILE_WAL = 1, FILE_MANIFEST = 2, FILE_SEALED = 4, FILE_OTHER = 8, FILE_WAL_NEW = 16 };
enum { OP_CREATE = 1, OP_WRITE, OP_WRITE_THROUGH, OP_SYNC_BEGIN, OP_SYNC_END, OP_RENAME, OP_UNLINK, OP_TRUNCATE, OP_MKDIR, OP_LINK };

static struct control *control;
static const char *dir;
static size_t dir_len;
static int trace = -1;
static uint64_t syncs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real)                                                 \
        *(void **)&real = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS_CONTROL");
    dir = getenv("FAULTS_DIR");
    if (!path || !dir)
        return;
    dir_len = strlen(dir);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at == MAP_FAILED)
        return;
    control = at;
    const char *to = getenv("FAULTS_TRACE");
    if (to)
        trace = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
}

/* ---- names ---- */

static int inside(const char *path) {
    return control && strncmp(path, dir, dir_len) == 0 && (path[dir_len] == '/' || path[dir_len] == 0);
}

static int path_of(int fd, char *path, size_t size) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, size - 1);
    if (len <= 0)
        return 0;
    path[len] = 0;
    return inside(path);
}

/* A path relative to a directory handle, made absolute. */
static int path_at(int at, const char *name, char *path, size_t size) {
    if (name[0] == '/') {
        snprintf(path, size, "%s", name);
        return inside(path);
    }
    char base[2048];
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base))
            return 0;
    } else {
        char link[40];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t len = readlink(link, base, sizeof base - 1);
        if (len <= 0)
            return 0;
        base[len] = 0;
    }
    snprintf(path, size, "%s/%s", base, name);
    return inside(path);
}

static uint64_t class_of(const char *path) {
    if (strstr(path, "/log/wal-"))
        return strstr(path, ".tmp") ? FILE_WAL_NEW : FILE_WAL;
    if (strstr(path, "/log/MANIFEST"))
        return FILE_MANIFEST;
    if (strstr(path, "/log/seg-"))
        return FILE_SEALED;
    return FILE_OTHER;
}

/* ---- faults ---- */

static uint64_t strike(int fd, uint64_t call, off_t offset) {
    if (!control || !control->kind || !(control->calls & call))
        return 0;
    char path[2048];
    if (!path_of(fd, path, sizeof path) || !(control->files & class_of(path)))
        return 0;
    if (call == CALL_WRITE && (uint64_t)offset < control->min_offset)
        return 0;
    __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    int64_t left = __atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST);
    if (left > 0 || left <= -control->times)
        return 0;
    if (__atomic_add_fetch(&control->fired, 1, __ATOMIC_SEQ_CST) == 1) {
        struct timespec now;
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        control->fired_at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    }
    if (control->kind == SLOW) {
        usleep((useconds_t)control->delay_us);
        return 0;
    }
    return control->kind;
}

/* ---- the recorder ---- */

struct head {
    uint32_t op;
    uint32_t path_len;
    uint64_t inode;
    uint64_t offset;
    uint64_t len;
};

static void all(const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = syscall(SYS_write, trace, at, len);
        if (n <= 0)
            abort();
        at += n;
        len -= (size_t)n;
    }
}

static void note(uint32_t op, const char *path, uint64_t inode, uint64_t offset, const void *data, size_t len) {
    struct head head = {op, (uint32_t)strlen(path), inode, offset, len};
    all(&head, sizeof head);
    all(path, head.path_len);
    all(data, len);
    __atomic_add_fetch(&control->recorded, 1, __ATOMIC_SEQ_CST);
}

static void begin(void) {
    pthread_mutex_lock(&lock);
    if (trace >= 0 && control->freeze) {
        control->frozen = 1;
        for (;;)
            pause();
    }
}

static uint64_t inode_of(int fd) {
    struct stat stat;
    return fstat(fd, &stat) == 0 ? stat.st_ino : 0;
}

static int recorded(int fd, char *path, size_t size) {
    return control && trace >= 0 && path_of(fd, path, size);
}

/* ---- writes ---- */

static ssize_t write_at(int fd, const void *bytes, size_t len, off_t offset) {
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, offset);
}

static ssize_t faulty_write(int fd, const void *bytes, size_t len, off_t offset) {
    /* A device never cuts a direct write within a block. */
    size_t block = fcntl(fd, F_GETFL) & O_DIRECT ? 4096 : 1;
    size_t half = len / 2 / block * block;
    switch (strike(fd, CALL_WRITE, offset)) {
    case EIO_BEFORE:
        errno = EIO;
        return -1;
    case ENOSPC_BEFORE:
        errno = ENOSPC;
        return -1;
    case EIO_HALF:
        write_at(fd, bytes, half, offset);
        errno = EIO;
        return -1;
    case ENOSPC_HALF:
        write_at(fd, bytes, half, offset);
        errno = ENOSPC;
        return -1;
    case EIO_AFTER:
        write_at(fd, bytes, len, offset);
        errno = EIO;
        return -1;
    case ENOSPC_AFTER:
        write_at(fd, bytes, len, offset);
        errno = ENOSPC;
        return -1;
    case SHORT:
        return write_at(fd, bytes, half ? half : len, offset);
    case INTERRUPTED:
        errno = EINTR;
        return -1;
    default:
        return write_at(fd, bytes, len, offset);
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset) {
    char path[2048];
    if (!recorded(fd, path, sizeof path))
        return faulty_write(fd, bytes, len, offset);
    begin();
    ssize_t n = write_at(fd, bytes, len, offset);
    int error = errno;
    if (n > 0) {
        int flags = fcntl(fd, F_GETFL);
        uint32_t op = flags & O_DSYNC ? OP_WRITE_THROUGH : OP_WRITE;
        note(op, path, inode_of(fd), (uint64_t)offset, bytes, (size_t)n);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    return pwrite64(fd, bytes, len, offset);
}

/* As one write of a copy, which is as well aligned: faults and recordings need no other form then. */
ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
    if (!control)
        return (ssize_t)syscall(SYS_pwritev, fd, pieces, count, offset, 0);
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    char *bytes;
    errno = posix_memalign((void **)&bytes, 4096, len ? len : 1);
    if (errno)
        return -1;
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        memcpy(bytes + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    ssize_t n = pwrite64(fd, bytes, len, offset);
    int error = errno;
    free(bytes);
    errno = error;
    return n;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    return pwritev64(fd, pieces, count, offset);
}

/* Files of the server that are written front to back, such as snapshots. */
ssize_t write(int fd, const void *bytes, size_t len) {
    char path[2048];
    int counted = control && fd > 2 && (trace >= 0 || control->kind);
    if (!counted || !path_of(fd, path, sizeof path))
        return (ssize_t)syscall(SYS_write, fd, bytes, len);
    begin();
    struct stat stat;
    fstat(fd, &stat);
    int flags = fcntl(fd, F_GETFL);
    off_t offset = flags & O_APPEND ? stat.st_size : lseek(fd, 0, SEEK_CUR);
    ssize_t n;
    uint64_t kind = trace >= 0 ? 0 : strike(fd, CALL_WRITE, offset);
    if (kind == EIO_BEFORE || kind == ENOSPC_BEFORE) {
        errno = kind == EIO_BEFORE ? EIO : ENOSPC;
        n = -1;
    } else {
        n = (ssize_t)syscall(SYS_write, fd, bytes, len);
    }
    int error = errno;
    if (n > 0 && trace >= 0)
        note(flags & O_DSYNC ? OP_WRITE_THROUGH : OP_WRITE, path, stat.st_ino, (uint64_t)offset, bytes, (size_t)n);
    pthread_mutex_unlock(&lock);
    errno = error;
    return n;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    char path[2048];
    if (!control || trace < 0 || !path_of(fd, path, sizeof path))
        return (ssize_t)syscall(SYS_writev, fd, pieces, count);
    /* A short write is always allowed. */
    for (int i = 0; i < count; i++)
        if (pieces[i].iov_len > 0)
            return write(fd, pieces[i].iov_base, pieces[i].iov_len);
    return 0;
}

static int synced(int fd, long number) {
    char path[2048];
    if (recorded(fd, path, sizeof path)) {
        uint64_t inode = inode_of(fd);
        begin();
        uint64_t id = ++syncs;
        note(OP_SYNC_BEGIN, path, inode, id, NULL, 0);
        pthread_mutex_unlock(&lock);
        int result = (int)syscall(number, fd);
        int error = errno;
        if (result == 0) {
            begin();
            note(OP_SYNC_END, path, inode, id, NULL, 0);
            pthread_mutex_unlock(&lock);
        }
        errno = error;
        return result;
    }
    switch (strike(fd, CALL_SYNC, 0)) {
    case EIO_BEFORE:
    case EIO_HALF:
        errno = EIO;
        return -1;
    case ENOSPC_BEFORE:
    case ENOSPC_HALF:
        errno = ENOSPC;
        return -1;
    case EIO_AFTER:
        syscall(number, fd);
        errno = EIO;
        return -1;
    case ENOSPC_AFTER:
        syscall(number, fd);
        errno = ENOSPC;
        return -1;
    default:
        return (int)syscall(number, fd);
    }
}

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int fsync(int fd) { return synced(fd, SYS_fsync); }

/* ---- names that come and go ---- */

static int opened(int at, const char *name, int flags, mode_t mode) {
    char path[2048];
    if (!control || !path_at(at, name, path, sizeof path))
        return (int)syscall(SYS_openat, at, name, flags, mode);
    if (control->no_direct && (flags & O_DIRECT)) {
        errno = EINVAL;
        return -1;
    }
    if (trace < 0 || !(flags & (O_CREAT | O_TRUNC)))
        return (int)syscall(SYS_openat, at, name, flags, mode);
    begin();
    struct stat stat;
    int there = lstat(path, &stat) == 0;
    int fd = (int)syscall(SYS_openat, at, name, flags, mode);
    int error = errno;
    if (fd >= 0) {
        if (!there)
            note(OP_CREATE, path, inode_of(fd), 0, NULL, 0);
        else if (flags & O_TRUNC)
            note(OP_TRUNCATE, path, inode_of(fd), 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define OPEN(name)                                             \
    int name(const char *path, int flags, ...) {               \
        va_list more;                                          \
        va_start(more, flags);                                 \
        mode_t mode = mode_of(flags, more);                    \
        va_end(more);                                          \
        return opened(AT_FDCWD, path, flags, mode);            \
    }
#define OPENAT(name)                                           \
    int name(int at, const char *path, int flags, ...) {       \
        va_list more;                                          \
        va_start(more, flags);                                 \
        mode_t mode = mode_of(flags, more);                    \
        va_end(more);                                          \
        return opened(at, path, flags, mode);                  \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* Runs a call on names and, when it worked, notes it. */
#define NAMED(call, op, first, second)                                                   \
    if (trace < 0)                                                                       \
        return (int)(call);                                                              \
    begin();                                                           \
    int result = (int)(call);                                                            \
    int error = errno;                                                                   \
    if (result == 0)                                                                     \
        note(op, first, 0, 0, second, strlen(second));                                   \
    pthread_mutex_unlock(&lock);                                                         \
    errno = error;                                                                       \
    return result

static int moved(int at, const char *from, int to_at, const char *to, unsigned flags) {
    char a[2048], b[2048];
    if (!control || !path_at(at, from, a, sizeof a) || !path_at(to_at, to, b, sizeof b))
        return (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
    NAMED(syscall(SYS_renameat2, at, from, to_at, to, flags), OP_RENAME, a, b);
}
int rename(const char *from, const char *to) { return moved(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int at, const char *from, int to_at, const char *to) { return moved(at, from, to_at, to, 0); }
int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags) {
    return moved(at, from, to_at, to, flags);
}

static int linked(int at, const char *from, int to_at, const char *to, int flags) {
    char a[2048], b[2048];
    if (!control || !path_at(at, from, a, sizeof a) || !path_at(to_at, to, b, sizeof b))
        return (int)syscall(SYS_linkat, at, from, to_at, to, flags);
    NAMED(syscall(SYS_linkat, at, from, to_at, to, flags), OP_LINK, a, b);
}
int link(const char *from, const char *to) { return linked(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int at, const char *from, int to_at, const char *to, int flags) {
    return linked(at, from, to_at, to, flags);
}

static int removed(int at, const char *name, int flags) {
    char path[2048];
    if (!control || !path_at(at, name, path, sizeof path))
        return (int)syscall(SYS_unlinkat, at, name, flags);
    NAMED(syscall(SYS_unlinkat, at, name, flags), OP_UNLINK, path, "");
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

static int made(int at, const char *name, mode_t mode) {
    char path[2048];
    if (!control || !path_at(at, name, path, sizeof path))
        return (int)syscall(SYS_mkdirat, at, name, mode);
    NAMED(syscall(SYS_mkdirat, at, name, mode), OP_MKDIR, path, "");
}
int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return made(at, path, mode); }

int ftruncate64(int fd, off64_t len) {
    char path[2048];
    if (!recorded(fd, path, sizeof path))
        return (int)syscall(SYS_ftruncate, fd, len);
    begin();
    int result = (int)syscall(SYS_ftruncate, fd, len);
    int error = errno;
    if (result == 0)
        note(OP_TRUNCATE, path, inode_of(fd), (uint64_t)len, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

/* ---- the clock ---- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int result = real ? real(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)) {
        int64_t offset = control->clock_offset_ns;
        int64_t nanos = now->tv_nsec + offset % 1000000000;
        now->tv_sec += offset / 1000000000 + (nanos < 0 ? -1 : nanos >= 1000000000 ? 1 : 0);
        now->tv_nsec = nanos < 0 ? nanos + 1000000000 : nanos >= 1000000000 ? nanos - 1000000000 : nanos;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    if (result == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
