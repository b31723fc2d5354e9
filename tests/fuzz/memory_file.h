/*
 * memory_file.h: a file of memory with a path, for parsers that open what they read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_FUZZ_MEMORY_FILE_H
#define PTV_FUZZ_MEMORY_FILE_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Its descriptor; close() it. */
static inline int memory_file(char path[64], const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
