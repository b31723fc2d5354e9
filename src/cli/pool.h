/*
 * pool.h: many records judged on all cores. Stretches of the input go to workers, each with clients of its own; what they
 * make comes back in the order of the input. Memory is bounded by a fixed number of stretches.
 *
 *     read ──► [stretch] ──► worker ──► [stretch, text and counts] ──► in order ──► stdout
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_POOL_H
#define PTV_CLI_POOL_H
#include "cli/chunks.h"

typedef struct cli_chunk {
    ptv_buf in, out, talk; /* talk: lines for stderr */
    char name[256];        /* of the file; the end of a longer one */
    uint64_t line;         /* the number of its first line */
    bool too_long;         /* the start of one subject that is too long */
    char broken[96];       /* why there is no subject where one had to be: counts as one that is damaged; "" */
    uint64_t skip;         /* subjects to leave out at the start */
    uint64_t subjects;     /* found, skipped ones included; set by the worker */
    void *tally;           /* the command's counts of this stretch */
    ptv_error err;         /* code other than PTV_OK: the run ends */
    enum { CLI_CHUNK_FREE, CLI_CHUNK_WAITING, CLI_CHUNK_BUSY, CLI_CHUNK_DONE } state;
} cli_chunk;

/* The subjects of a stretch, one after the other; `c->subjects` counts them. Begin with cli_chunk_begin(). */
cli_cutter cli_chunk_begin(cli_chunk *c);
bool cli_chunk_next(cli_record *out, cli_chunk *c, cli_cutter *cut);
/* A subject that need not be read to be refused: PTV_EINVAL with the reason, else PTV_OK. */
ptv_code cli_chunk_refusal(const cli_chunk *c, ptv_error *why);

typedef struct cli_work { /* what a command does; `self` is its own */
    void *self;
    /* One worker more; called in the main thread. The first one works in the main thread too. */
    ptv_code (*open)(void **worker, void *self, ptv_error *err);
    void (*close)(void *worker);
    /* Counts of one stretch, made once for each place; zeroed by judge(). NULL: no memory. */
    void *(*tally)(void *self);
    void (*tally_free)(void *tally);
    /* In the worker's thread: subjects of `in` become `out`, `talk`, `tally`. */
    ptv_code (*judge)(void *worker, cli_chunk *c, ptv_error *err);
    /* In the main thread, in order of the input. */
    void (*take)(void *self, cli_chunk *c);
    void (*progress)(void *self, uint64_t done, uint64_t bytes, int64_t size);
} cli_work;

typedef struct cli_pool cli_pool;

/* jobs: workers at most; 0: as many as there are cores for us. skip: subjects to leave out. */
ptv_code cli_pool_open(cli_pool **out, const cli_work *work, uint64_t jobs, uint64_t skip, ptv_error *err);
/* Judge files, folders (their files in byte order of names) and "-". Ends early, and without an error, on an interrupt or
 * when stdout fails; what was under way is finished. */
ptv_code cli_pool_run(cli_pool *p, const char *const *paths, size_t count, ptv_error *err);
uint64_t cli_pool_done(const cli_pool *p); /* subjects whose outcome was handed out, skipped ones included */
/* "there is no record in archive" when nothing at all was found: an empty folder is more likely a mistake than a wish. */
void cli_pool_say_nothing(const char *const *paths, size_t count);
bool cli_pool_interrupted(const cli_pool *p); /* before the end of the input */
void cli_pool_close(cli_pool *p);             /* NULL is fine */

#endif
