/* Preloaded: of what a program writes to a file of weights, one bit reaches the disk turned over. It
   says so by making the file "flipped" in the folder that BASCULE_FLIP names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int flipped;

static int of_weights(int fd) {
  char link[64], name[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return 0;
  name[length] = 0;
  const char* end = strrchr(name, '.');
  return end && (!strcmp(end, ".distcp") || !strcmp(end, ".safetensors"));
}

static ssize_t really_write(int fd, const void* bytes, size_t size, off_t at) {
  return at < 0 ? syscall(SYS_write, fd, bytes, size) : syscall(SYS_pwrite64, fd, bytes, size, at);
}

/* Only in the midst of a large piece, which is a tensor's and no header's. */
static ssize_t flip(int fd, const void* bytes, size_t size, off_t at) {
  const char* folder = getenv("BASCULE_FLIP");
  if (!folder || size < 65536 || !of_weights(fd) || __sync_lock_test_and_set(&flipped, 1))
    return really_write(fd, bytes, size, at);
  char* copy = malloc(size);
  memcpy(copy, bytes, size);
  copy[size / 2] ^= 1;
  const ssize_t done = really_write(fd, copy, size, at);
  free(copy);
  char name[4096];
  snprintf(name, sizeof name, "%s/flipped", folder);
  close(open(name, O_CREAT | O_WRONLY, 0644));
  return done;
}

ssize_t write(int fd, const void* bytes, size_t size) { return flip(fd, bytes, size, -1); }
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  return flip(fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
  return flip(fd, bytes, size, at);
}
