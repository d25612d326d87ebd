/* Preloaded into valkey-server: writes down how much of each file is surely on disk.

   After each fdatasync or fsync that succeeds, "<inode> <size before it>\n" is appended to the file FSYNC_RECORD. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void record(const struct stat *file) {
    char line[64];
    int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)file->st_ino, (long long)file->st_size);
    int out = open(getenv("FSYNC_RECORD"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (out < 0 || write(out, line, length) != length) abort(); /* a test that cannot see must not pass */
    close(out);
}

static int sync_with(const char *name, int fd) {
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct stat before;
    int regular = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
    int result = sync(fd);
    if (result == 0 && regular) record(&before);
    return result;
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int fsync(int fd) { return sync_with("fsync", fd); }
