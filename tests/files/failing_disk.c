/* Make reads of a range of one file fail with an error. Loaded by LD_PRELOAD; reads through a map are not affected.
   Set by the environment: FAIL_FILE (the end of the file's path), FAIL_FROM, FAIL_TO (offsets) and FAIL_ERRNO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd, off_t at, size_t size) {
  const char *name = getenv("FAIL_FILE");
  char link[64], path[4096];
  if (!name || at + (off_t)size <= atol(getenv("FAIL_FROM")) || at >= atol(getenv("FAIL_TO"))) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  size_t wanted = strlen(name);
  if (length < (ssize_t)wanted) return 0;
  path[length] = 0;
  if (strcmp(path + length - wanted, name)) return 0;
  errno = atoi(getenv("FAIL_ERRNO"));
  return 1;
}

static size_t total(const struct iovec *parts, int count) {
  size_t size = 0;
  for (int at = 0; at < count; at++) size += parts[at].iov_len;
  return size;
}

#define READ(NAME)                                                                 \
  ssize_t NAME(int fd, void *into, size_t size, off_t at) {                        \
    ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, #NAME);         \
    return fails(fd, at, size) ? -1 : real(fd, into, size, at);                    \
  }
READ(pread)
READ(pread64)

#define READV(NAME)                                                                \
  ssize_t NAME(int fd, const struct iovec *parts, int count, off_t at) {           \
    ssize_t (*real)(int, const struct iovec *, int, off_t) = dlsym(RTLD_NEXT, #NAME); \
    return fails(fd, at, total(parts, count)) ? -1 : real(fd, parts, count, at);   \
  }
READV(preadv)
READV(preadv64)

#define READV2(NAME)                                                               \
  ssize_t NAME(int fd, const struct iovec *parts, int count, off_t at, int flags) { \
    ssize_t (*real)(int, const struct iovec *, int, off_t, int) = dlsym(RTLD_NEXT, #NAME); \
    return fails(fd, at, total(parts, count)) ? -1 : real(fd, parts, count, at, flags); \
  }
READV2(preadv2)
READV2(preadv64v2)
