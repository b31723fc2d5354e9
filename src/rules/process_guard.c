/*
 * process_guard.c: what the rule process gives up before it reads the first byte of a rule: files, network, other processes,
 * new code. What is left is memory, and reading and writing one socket.
 *
 * The filter is written out by hand: it is one list, and a library for it would be one more thing to trust.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/err.h"
#include "rules/process.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define OWN_ARCH AUDIT_ARCH_S390X
#else
#define OWN_ARCH 0 /* nobody has tried */
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    LOAD_CPU_S = 20, /* the parent moves it on while calls are answered */
    MOST_MEMORY = 2000 << 20
};

static bool limit(int what, rlim_t soft, rlim_t hard)
{
    const struct rlimit l = { soft, hard };
    return setrlimit((unsigned)what, &l) == 0;
}

static bool limit_all(void)
{
    /* A sanitizer reserves terabytes of addresses. */
    return limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_FSIZE, 0, 0) && limit(RLIMIT_NOFILE, 1, 1) &&
           limit(RLIMIT_NPROC, 0, 0) && (SANITIZED || limit(RLIMIT_AS, MOST_MEMORY, MOST_MEMORY)) &&
           limit(RLIMIT_CPU, LOAD_CPU_S, RLIM_INFINITY);
}

static const int allowed[] = {
    __NR_read,         __NR_write,           __NR_exit_group, __NR_exit,   __NR_brk,
    __NR_munmap,       __NR_mremap,          __NR_madvise,    __NR_futex,  __NR_clock_gettime,
    __NR_rt_sigreturn, __NR_restart_syscall, __NR_getrandom, /* seeds of hash tables */
#if SANITIZED
    __NR_sigaltstack,  __NR_sched_yield,     __NR_getpid,     __NR_gettid,
#endif
};
/* Memory yes, but none that can be run. */
static const int without_exec[] = { __NR_mmap, __NR_mprotect };

enum { ALLOWED = sizeof allowed / sizeof *allowed, CHECKED = sizeof without_exec / sizeof *without_exec };
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_HALF 4
#else
#define LOW_HALF 0
#endif

static bool filter(void)
{
    struct sock_filter code[ALLOWED + CHECKED + 9];
    unsigned n = 0, kill_at = 4 + ALLOWED + CHECKED + 2, allow_at = kill_at + 1;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < ALLOWED; i++, n++)
        code[n] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)allowed[i], (uint8_t)(allow_at - n - 1), 0);
    for (unsigned i = 0; i < CHECKED; i++, n++) { /* the last one that is not it is killed */
        unsigned to_check = 4 + ALLOWED + CHECKED - n - 1;
        uint8_t otherwise = (uint8_t)(i + 1 < CHECKED ? 0 : kill_at - n - 1);
        code[n] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)without_exec[i], (uint8_t)to_check, otherwise);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + LOW_HALF);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = { .len = (unsigned short)n, .filter = code };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool fail(ptv_error *err, const char *what)
{
    char text[128];
    int number = errno;
    ptv_fail_detail(err, PTV_EIO, number, "%s: %s", what, strerror_r(number, text, sizeof text));
    return false;
}

bool ptv_process_guard(ptv_error *err)
{
    /* Who stops the whole group (a terminal, a service manager) means the parent: it finishes its calls first. */
    static const int left_to_parent[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
    for (size_t i = 0; i < sizeof left_to_parent / sizeof *left_to_parent; i++)
        signal(left_to_parent[i], SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return fail(err, "prctl");
    if (!limit_all())
        return fail(err, "setrlimit");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail(err, "no_new_privs");
    if (!OWN_ARCH) {
        ptv_fail(err, PTV_EIO, "no filter of system calls is written for this processor");
        return false;
    }
    return filter() || fail(err, "seccomp");
}
