/* Preloaded: a disk that takes BASCULE_SYNC_MS for each file it makes durable, so that a test can
   look at a save while it goes on. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd) {
  const char* milliseconds = getenv("BASCULE_SYNC_MS");
  if (milliseconds) usleep((useconds_t)atoi(milliseconds) * 1000);
  return (int)syscall(SYS_fsync, fd);
}
