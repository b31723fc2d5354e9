/*
 * fuzz_process.c: what a rule process that was taken over may send: it is an answer in every part, or its sender is as good
 * as gone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/process.c" /* what reads the answers is nobody else's business */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ptv_error err = { 0 };
    int ends[2];
    if (size > 1 << 14 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return 0;
    must(write(ends[1], data, size) == (ssize_t)size && !shutdown(ends[1], SHUT_WR));
    ptv_rule_process process = { .fd = ends[0],
                                 .clock = CLOCK_MONOTONIC,
                                 .renewed_s = INT64_MAX / 2, /* there is no child whose limit could be moved */
                                 .sent = true,
                                 .how = { .wall_ms = 1000, .cpu_ms = 1000 } };
    static const ptv_cond cond = { .file = "x.lua", .line = 1 };
    custom c = { .process = &process, .cond = &cond };
    ptv_frame_answer answer;
    if (ask(&process, &c, &answer) == MOVED) {
        ptv_arena mem = PTV_ARENA(1 << 16);
        ptv_truth truth = PTV_UNSURE;
        const char *reason = NULL;
        ptv_code rc = read_answer(&c, &answer, &truth, &reason, &mem, &err);
        must(rc ? err.code == rc : truth <= PTV_UNSURE && (!reason || strlen(reason) <= PTV_TEXT_MOST));
        ptv_arena_release(&mem);
    }
    close(ends[0]);
    close(ends[1]);
    return 0;
}
