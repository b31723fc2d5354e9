/*
 * clock.c: clocks that jump: preloaded into a worker, they are off by the seconds that stand in the file $CLOCK_FILE, as
 * eight bytes for the wall clock and eight for the monotonic one, which may only go forward.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *off_s; /* [0] wall, [1] monotonic */

__attribute__((constructor)) static void look_for_file(void)
{
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof *off_s, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        off_s = at;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (!rc && off_s)
        now->tv_sec += off_s[clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE];
    return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    *now = (struct timeval){ .tv_sec = exact.tv_sec, .tv_usec = exact.tv_nsec / 1000 };
    return 0;
}

time_t time(time_t *now)
{
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now)
        *now = exact.tv_sec;
    return exact.tv_sec;
}
