/* The program's surroundings, made hostile: a clock that is wrong, a disk that fills up, and a
 * record of what was written and what was synced, from which power_loss.py rebuilds the disk.
 *
 * Preloaded (LD_PRELOAD) into a process that calls environment_begin() when it is ready. Only
 * files under `root` are watched. A record is written after its call has succeeded, so a kill
 * between the two loses the record of something that the program has not built upon yet.
 *
 * Records, each a line, some with bytes behind it:
 *   O <inode> <created> <length> path     opened for writing
 *   W <inode> <offset> <length> bytes     written
 *   T <inode> <length>                    cut or grown
 *   S <inode>                             file synced
 *   D <length> path                       folder synced
 *   R|L <length> <length> old new         renamed, linked
 *   U|M|X <length> path                   unlinked, folder made, folder removed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))
#define INODES 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int record = -1;
static long long disk_left = -1;     /* bytes that still fit; -1: no end */
static long long free_told = -1;     /* what statvfs says; -1: the truth */
static long long clock_shift;        /* nanoseconds */
static long long jump_shift;         /* added once jump_at has come */
static long long jump_at;            /* CLOCK_MONOTONIC, nanoseconds; 0: never */
static unsigned long long watched[INODES];

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

void environment_begin(const char *folder, const char *record_path, long long bytes_left,
                       long long bytes_told, long long shift, long long jump, long long after) {
    struct timespec now;
    disk_left = bytes_left;
    free_told = bytes_told;
    clock_shift = shift;
    jump_shift = jump;
    if (jump) {
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
        jump_at = now.tv_sec * 1000000000LL + now.tv_nsec + after;
    }
    if (record_path[0])
        record = (int)syscall(SYS_openat, AT_FDCWD, record_path,
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
}

static int absolute(int folder, const char *path, char *out) {
    char base[PATH_MAX];
    if (!root_length || !path) return 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
        if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    } else {
        char link[64];
        ssize_t length;
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
        if (snprintf(out, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    return strncmp(out, root, root_length) == 0 && (out[root_length] == '/' || !out[root_length]);
}

static void note(const char *head, const void *one, size_t one_length, const void *two,
                 size_t two_length) {
    struct iovec parts[4] = {{(void *)head, strlen(head)},
                             {(void *)one, one_length},
                             {(void *)two, two_length},
                             {"\n", 1}};
    if (record < 0) return;
    syscall(SYS_writev, record, parts, 4);
}

static int is_watched(int descriptor, struct stat *about) {
    unsigned long long slot;
    if (!root_length || fstat(descriptor, about) || !S_ISREG(about->st_mode)) return 0;
    for (slot = about->st_ino % INODES; watched[slot]; slot = (slot + 1) % INODES)
        if (watched[slot] == about->st_ino) return 1;
    return 0;
}

static void watch(unsigned long long inode) {
    unsigned long long slot;
    for (slot = inode % INODES; watched[slot]; slot = (slot + 1) % INODES)
        if (watched[slot] == inode) return;
    watched[slot] = inode;
}

/* ---- opening ---- */

static int opened(int descriptor, int existed, int flags, const char *path) {
    struct stat about;
    char head[128];
    if (descriptor < 0 || (flags & O_ACCMODE) == O_RDONLY) return descriptor;
    if (fstat(descriptor, &about) || !S_ISREG(about.st_mode)) return descriptor;
    pthread_mutex_lock(&lock);
    watch(about.st_ino);
    snprintf(head, sizeof head, "O %llu %d %zu ", (unsigned long long)about.st_ino, !existed,
             strlen(path));
    note(head, path, strlen(path), NULL, 0);
    if (flags & O_TRUNC) {
        snprintf(head, sizeof head, "T %llu 0", (unsigned long long)about.st_ino);
        note(head, NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return descriptor;
}

#define OPEN(name, prefix, first, folder, call)                                                \
    int name prefix {                                                                          \
        char whole[PATH_MAX];                                                                  \
        struct stat before;                                                                    \
        int mode = 0, ours, existed, kept, descriptor;                                         \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                   \
            va_list more;                                                                      \
            va_start(more, flags);                                                             \
            mode = va_arg(more, int);                                                          \
            va_end(more);                                                                      \
        }                                                                                      \
        ours = absolute(folder, path, whole);                                                  \
        existed = ours && stat(whole, &before) == 0;                                           \
        descriptor = REAL(name) call;                                                          \
        kept = errno;                                                                          \
        if (ours) opened(descriptor, existed, flags, whole);                                   \
        errno = kept;                                                                          \
        return descriptor;                                                                     \
    }

OPEN(open, (const char *path, int flags, ...), path, AT_FDCWD, (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), path, AT_FDCWD, (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), at, at, (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), at, at, (at, path, flags, mode))

/* ---- writing ---- */

/* Whether `length` bytes still fit; a disk takes a write whole or refuses it. */
static int fits(size_t length) {
    int room = 1;
    pthread_mutex_lock(&lock);
    if (disk_left >= 0) {
        room = disk_left >= (long long)length;
        if (room) disk_left -= (long long)length;
    }
    pthread_mutex_unlock(&lock);
    if (!room) errno = ENOSPC;
    return room;
}

static void written(struct stat *about, long long offset, const void *bytes, ssize_t length) {
    char head[128];
    if (length <= 0) return;
    pthread_mutex_lock(&lock);
    snprintf(head, sizeof head, "W %llu %lld %zd ", (unsigned long long)about->st_ino, offset,
             length);
    note(head, bytes, (size_t)length, NULL, 0);
    pthread_mutex_unlock(&lock);
}

static long long position(int descriptor, struct stat *about) {
    if (fcntl(descriptor, F_GETFL) & O_APPEND) return about->st_size;
    return lseek(descriptor, 0, SEEK_CUR);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    struct stat about;
    long long offset;
    ssize_t done;
    if (!is_watched(descriptor, &about))
        return (ssize_t)syscall(SYS_write, descriptor, bytes, length);
    offset = position(descriptor, &about);
    if (!fits(length)) return -1;
    done = (ssize_t)syscall(SYS_write, descriptor, bytes, length);
    written(&about, offset, bytes, done);
    return done;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    struct stat about;
    ssize_t done = 0, each;
    if (!is_watched(descriptor, &about))
        return (ssize_t)syscall(SYS_writev, descriptor, parts, count);
    for (int n = 0; n < count; n++) {
        each = write(descriptor, parts[n].iov_base, parts[n].iov_len);
        if (each < 0) return done ? done : each;
        done += each;
    }
    return done;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    struct stat about;
    ssize_t done;
    if (!is_watched(descriptor, &about))
        return (ssize_t)syscall(SYS_pwrite64, descriptor, bytes, length, offset);
    if (!fits(length)) return -1;
    done = (ssize_t)syscall(SYS_pwrite64, descriptor, bytes, length, offset);
    written(&about, offset, bytes, done);
    return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return pwrite64(descriptor, bytes, length, offset);
}

int ftruncate64(int descriptor, off64_t length) {
    struct stat about;
    char head[128];
    int ours = is_watched(descriptor, &about), done;
    done = (int)syscall(SYS_ftruncate, descriptor, length);
    if (!done && ours) {
        pthread_mutex_lock(&lock);
        snprintf(head, sizeof head, "T %llu %lld", (unsigned long long)about.st_ino,
                 (long long)length);
        note(head, NULL, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }

/* ---- syncing ---- */

static int synced(int descriptor, int done) {
    struct stat about;
    char head[128], link[64], path[PATH_MAX];
    int kept = errno;
    if (done || !root_length || fstat(descriptor, &about)) return done;
    pthread_mutex_lock(&lock);
    if (S_ISDIR(about.st_mode)) {
        ssize_t length;
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        length = readlink(link, path, sizeof path - 1);
        if (length > 0) {
            path[length] = 0;
            snprintf(head, sizeof head, "D %zd ", length);
            note(head, path, (size_t)length, NULL, 0);
        }
    } else if (S_ISREG(about.st_mode)) {
        snprintf(head, sizeof head, "S %llu", (unsigned long long)about.st_ino);
        note(head, NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int fsync(int descriptor) { return synced(descriptor, (int)syscall(SYS_fsync, descriptor)); }

int fdatasync(int descriptor) {
    return synced(descriptor, (int)syscall(SYS_fdatasync, descriptor));
}

/* ---- names ---- */

static int two_names(char what, int done, int from, const char *old, int to, const char *new) {
    char one[PATH_MAX], two[PATH_MAX], head[128];
    int kept = errno;
    if (done || !absolute(from, old, one) || !absolute(to, new, two)) return done;
    pthread_mutex_lock(&lock);
    snprintf(head, sizeof head, "%c %zu %zu ", what, strlen(one), strlen(two));
    note(head, one, strlen(one), two, strlen(two));
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

static int one_name(char what, int done, int folder, const char *path) {
    char whole[PATH_MAX], head[128];
    int kept = errno;
    if (done || !absolute(folder, path, whole)) return done;
    pthread_mutex_lock(&lock);
    snprintf(head, sizeof head, "%c %zu ", what, strlen(whole));
    note(head, whole, strlen(whole), NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = kept;
    return done;
}

int rename(const char *old, const char *new) {
    return two_names('R', REAL(rename)(old, new), AT_FDCWD, old, AT_FDCWD, new);
}

int renameat(int from, const char *old, int to, const char *new) {
    return two_names('R', REAL(renameat)(from, old, to, new), from, old, to, new);
}

int link(const char *old, const char *new) {
    return two_names('L', REAL(link)(old, new), AT_FDCWD, old, AT_FDCWD, new);
}

int linkat(int from, const char *old, int to, const char *new, int flags) {
    return two_names('L', REAL(linkat)(from, old, to, new, flags), from, old, to, new);
}

static int removed(const char *path, int folder, int flags) {
    char whole[PATH_MAX];
    struct stat about;
    int ours = absolute(folder, path, whole) && stat(whole, &about) == 0;
    int done = (int)syscall(SYS_unlinkat, folder, path, flags);
    if (!done && ours && disk_left >= 0 && about.st_nlink == 1) {
        pthread_mutex_lock(&lock);
        disk_left += about.st_size;
        pthread_mutex_unlock(&lock);
    }
    return one_name(flags & AT_REMOVEDIR ? 'X' : 'U', done, folder, path);
}

int unlink(const char *path) { return removed(path, AT_FDCWD, 0); }
int unlinkat(int folder, const char *path, int flags) { return removed(path, folder, flags); }
int rmdir(const char *path) { return removed(path, AT_FDCWD, AT_REMOVEDIR); }
int remove(const char *path) { return removed(path, AT_FDCWD, 0); }

int mkdir(const char *path, mode_t mode) {
    return one_name('M', REAL(mkdir)(path, mode), AT_FDCWD, path);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    return one_name('M', REAL(mkdirat)(folder, path, mode), folder, path);
}

/* ---- clock and free space ---- */

static long long shift_now(void) {
    struct timespec now;
    if (!jump_at) return clock_shift;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return clock_shift + (now.tv_sec * 1000000000LL + now.tv_nsec >= jump_at ? jump_shift : 0);
}

int clock_gettime(clockid_t which, struct timespec *time) {
    int done = (int)syscall(SYS_clock_gettime, which, time);
    if (!done && which == CLOCK_REALTIME && (clock_shift || jump_at)) {
        long long at = time->tv_sec * 1000000000LL + time->tv_nsec + shift_now();
        time->tv_sec = at / 1000000000LL;
        time->tv_nsec = at % 1000000000LL;
    }
    return done;
}

int statvfs(const char *restrict path, struct statvfs *restrict about) {
    int done = REAL(statvfs)(path, about);
    if (!done && free_told >= 0)
        about->f_bavail = about->f_bfree = (fsblkcnt_t)free_told / about->f_frsize;
    return done;
}

int statvfs64(const char *restrict path, struct statvfs64 *restrict about) {
    int done = REAL(statvfs64)(path, about);
    if (!done && free_told >= 0)
        about->f_bavail = about->f_bfree = (fsblkcnt64_t)free_told / about->f_frsize;
    return done;
}
