/*
 * pool.c: a ring of stretches between one reader and many workers.
 *
 *     take here ▼                 ▼ read here
 *          [done][busy][done][waiting][free]
 *
 * The first stretch, and whatever comes while nothing is under way and the input makes us wait, is judged in the main
 * thread: a short input starts no thread, and an answer never waits for a question that has not come yet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/pool.h"

#include "base/file.h"
#include "base/mem.h"
#include "cli/batch.h"
#include "cli/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_JOBS = 256, PLACES_EACH = 3, KEPT_BYTES = 4 << 20 };

typedef struct worker {
    cli_pool *pool;
    void *own;
    pthread_t thread;
    bool started;
} worker;

struct cli_pool {
    const cli_work *work;
    worker *workers; /* [0] is the main thread's */
    size_t jobs, threads;
    cli_chunk *ring;
    size_t size, first, used; /* used: places that are not free, from `first` on */
    size_t waiting;           /* places that no worker has taken yet; the oldest is found by state */
    uint64_t done, skip;
    bool began, interrupted, closing;
    pthread_mutex_t lock;
    pthread_cond_t work_came, work_done;
};

static size_t cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? (size_t)n : 1;
}

/* ------------------------------------------------------------------------------------------- one stretch */

cli_cutter cli_chunk_begin(cli_chunk *c)
{
    c->subjects = 0;
    return (cli_cutter){ .at = c->in.data, .end = c->in.data + c->in.len, .line = c->line };
}

bool cli_chunk_next(cli_record *out, cli_chunk *c, cli_cutter *cut)
{
    bool one = c->too_long || *c->broken;
    if (one)
        *out = (cli_record){ .text = c->in.data ? c->in.data : "", .len = c->in.len, .line = c->line };
    bool found = one ? c->subjects == 0 : cli_cut(cut, out);
    c->subjects += found;
    return found;
}

ptv_code cli_chunk_refusal(const cli_chunk *c, ptv_error *why)
{
    return c->too_long  ? ptv_fail(why, PTV_EINVAL, "longer than %zu bytes", CLI_RECORD_LIMIT)
           : *c->broken ? ptv_fail(why, PTV_EINVAL, "%s", c->broken)
                        : PTV_OK;
}

/* ----------------------------------------------------------------------------------------------- workers */

static void judge(const cli_pool *p, void *own, cli_chunk *c)
{
    ptv_buf_clear(&c->out);
    ptv_buf_clear(&c->talk);
    c->subjects = 0;
    c->err = (ptv_error){ 0 };
    ptv_code rc = p->work->judge(own, c, &c->err);
    if (!rc)
        rc = ptv_buf_check(&c->out, &c->err);
    if (!rc)
        rc = ptv_buf_check(&c->talk, &c->err);
    if (rc)
        c->err.code = rc;
}

static cli_chunk *oldest_waiting(cli_pool *p)
{
    for (size_t i = 0; p->waiting && i < p->used; i++) {
        cli_chunk *c = &p->ring[(p->first + i) % p->size];
        if (c->state == CLI_CHUNK_WAITING)
            return c;
    }
    return NULL;
}

static void *work_on(void *arg)
{
    worker *w = arg;
    cli_pool *p = w->pool;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        cli_chunk *c = oldest_waiting(p);
        if (!c && p->closing)
            break;
        if (!c) {
            pthread_cond_wait(&p->work_came, &p->lock);
            continue;
        }
        c->state = CLI_CHUNK_BUSY;
        p->waiting--;
        pthread_mutex_unlock(&p->lock);
        judge(p, w->own, c);
        pthread_mutex_lock(&p->lock);
        c->state = CLI_CHUNK_DONE;
        pthread_cond_signal(&p->work_done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals are the main thread's business. */
static ptv_code start_workers(cli_pool *p, ptv_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 1; i <= p->jobs; i++) {
        worker *w = &p->workers[i];
        ptv_code rc = p->work->open(&w->own, p->work->self, err);
        if (rc)
            return rc;
        w->pool = p;
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(&w->thread, NULL, work_on, w);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failed && p->threads == 0)
            return ptv_fail_detail(err, PTV_ENOMEM, failed, "starting a worker: %s", strerror(failed));
        if (failed)
            break; /* with fewer, then */
        w->started = true;
        p->threads++;
    }
    return PTV_OK;
}

/* -------------------------------------------------------------------------------------------- the main thread */

static void forget(ptv_buf *b)
{
    if (b->cap > KEPT_BYTES)
        ptv_buf_release(b);
}

/* Hand out what is done, in order; with `all` wait for everything under way. */
static ptv_code take_done(cli_pool *p, bool all, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    while (p->used && !rc) {
        cli_chunk *c = &p->ring[p->first];
        pthread_mutex_lock(&p->lock);
        while (c->state != CLI_CHUNK_DONE && (all || p->used == p->size))
            pthread_cond_wait(&p->work_done, &p->lock);
        bool is_done = c->state == CLI_CHUNK_DONE;
        pthread_mutex_unlock(&p->lock);
        if (!is_done)
            break;
        if (c->err.code) {
            *err = c->err;
            rc = err->code;
        } else {
            p->work->take(p->work->self, c);
            p->done += c->subjects;
        }
        forget(&c->in);
        forget(&c->out);
        forget(&c->talk);
        pthread_mutex_lock(&p->lock);
        c->state = CLI_CHUNK_FREE;
        p->first = (p->first + 1) % p->size;
        p->used--;
        pthread_mutex_unlock(&p->lock);
    }
    return rc;
}

static void submit(cli_pool *p, cli_chunk *c, bool to_worker)
{
    pthread_mutex_lock(&p->lock);
    p->used++;
    p->waiting += to_worker;
    c->state = to_worker ? CLI_CHUNK_WAITING : CLI_CHUNK_BUSY;
    pthread_cond_signal(&p->work_came);
    pthread_mutex_unlock(&p->lock);
    if (!to_worker) {
        judge(p, p->workers[0].own, c);
        c->state = CLI_CHUNK_DONE;
    }
}

/* How many of the stretch are to be left out is known only when those before it are counted: here, while skipping. */
static bool skip(cli_pool *p, cli_chunk *c)
{
    cli_cutter cut = cli_chunk_begin(c);
    cli_record record;
    c->skip = 0;
    while (p->skip && cli_chunk_next(&record, c, &cut)) {
        c->skip++;
        p->skip--;
    }
    bool all = c->skip && !cli_chunk_next(&record, c, &cut);
    if (all)
        p->done += c->skip;
    return all;
}

/* Read, while workers are busy; where the input makes us wait, hand out first what is under way. */
static cli_got read_chunk(cli_pool *p, cli_source *source, cli_chunk *c, bool *is_short, ptv_error *err)
{
    cli_got got = cli_source_next(source, &c->in, &c->line, &c->too_long, is_short, false, err);
    if (got != CLI_GOT_NOTHING_YET || cli_interrupted())
        return got;
    if (take_done(p, true, err))
        return CLI_GOT_FAILURE;
    cli_flush();
    return cli_source_next(source, &c->in, &c->line, &c->too_long, is_short, true, err);
}

static ptv_code judge_chunk(cli_pool *p, cli_chunk *c, bool is_short, ptv_error *err)
{
    c->skip = 0;
    if (p->skip && skip(p, c))
        return PTV_OK;
    bool to_worker = p->jobs > 1 && p->began && !(is_short && p->used == 0);
    p->began = true;
    if (to_worker && !p->threads) {
        ptv_code rc = start_workers(p, err);
        if (rc)
            return rc;
    }
    submit(p, c, to_worker);
    return take_done(p, false, err);
}

static bool has_subject(const cli_chunk *c)
{
    cli_cutter cut = { .at = c->in.data, .end = c->in.data + c->in.len };
    cli_record record;
    return c->too_long || cli_cut(&cut, &record);
}

static cli_chunk *free_chunk(cli_pool *p)
{
    cli_chunk *c = &p->ring[(p->first + p->used) % p->size];
    c->broken[0] = '\0';
    return c;
}

static void name_chunk(cli_chunk *c, const char *name)
{
    size_t len = strlen(name);
    snprintf(c->name, sizeof c->name, "%s", len < sizeof c->name ? name : name + len - sizeof c->name + 1);
}

static ptv_code judge_broken(cli_pool *p, const char *name, const char *why, ptv_error *err)
{
    cli_chunk *c = free_chunk(p);
    ptv_buf_clear(&c->in);
    c->line = 1;
    c->too_long = false;
    snprintf(c->broken, sizeof c->broken, "%s", why);
    name_chunk(c, name);
    return judge_chunk(p, c, true, err);
}

/* Standard input and pipes are lists, which may be empty; a file is there because of what is in it. */
static ptv_code judge_file(cli_pool *p, int fd, const char *name, ptv_error *err)
{
    cli_source source;
    ptv_code rc = PTV_OK;
    bool found = false, is_list = fd == STDIN_FILENO;
    cli_source_open(&source, fd, name);
    while (!rc && !cli_output_failed()) {
        bool is_short;
        cli_chunk *c = free_chunk(p);
        cli_got got = read_chunk(p, &source, c, &is_short, err);
        if (got == CLI_GOT_END) {
            if (!found && !is_list && source.size >= 0)
                rc = judge_broken(p, name, "the file is empty", err);
            break;
        }
        p->interrupted = cli_interrupted();
        if (p->interrupted)
            break;
        if (got == CLI_GOT_NOTHING_YET)
            continue;
        if (got == CLI_GOT_FAILURE) {
            rc = err->code;
            break;
        }
        found = found || has_subject(c);
        name_chunk(c, name);
        rc = judge_chunk(p, c, is_short, err);
        p->work->progress(p->work->self, p->done, source.bytes, source.size);
    }
    cli_source_close(&source);
    return rc;
}

/* A FIFO or a device named on the command line is the user's wish, as with any filter. */
static ptv_code judge_path(cli_pool *p, const char *path, ptv_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", path, strerror(errno));
    ptv_code rc = judge_file(p, fd, path, err);
    close(fd);
    return rc;
}

/* Of a folder: one that cannot be read is damaged, and costs only itself; a link that leads nowhere is one. */
static ptv_code judge_entry(cli_pool *p, const char *path, ptv_error *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return PTV_OK;
    if (there && !S_ISREG(st.st_mode))
        return judge_broken(p, path, "not a regular file", err);
    int fd = there ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return judge_broken(p, path, strerror(errno), err);
    ptv_code rc = judge_file(p, fd, path, err);
    close(fd);
    return rc;
}

/* A folder stands for its files, in byte order of their names: what fetch --save wrote. */
static ptv_code judge_folder(cli_pool *p, const char *folder, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA((size_t)1 << 30);
    const char **names;
    size_t count;
    ptv_code rc = ptv_dir_list(&names, &count, &mem, folder, err);
    if (rc)
        ptv_wrap(err, "%s", folder);
    for (size_t i = 0; !rc && i < count && !p->interrupted && !cli_output_failed(); i++) {
        char *path = ptv_path_join(&mem, folder, names[i]);
        if (!path)
            rc = ptv_arena_fail(&mem, err);
        else if (*names[i] != '.')
            rc = judge_entry(p, path, err);
    }
    ptv_arena_release(&mem);
    return rc;
}

ptv_code cli_pool_run(cli_pool *p, const char *const *paths, size_t count, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    for (size_t i = 0; !rc && i < count && !p->interrupted && !cli_output_failed(); i++) {
        if (strcmp(paths[i], "-") == 0)
            rc = judge_file(p, STDIN_FILENO, "stdin", err);
        else
            rc = ptv_is_dir(paths[i]) ? judge_folder(p, paths[i], err) : judge_path(p, paths[i], err);
    }
    ptv_error unheard;
    ptv_code finished = take_done(p, true, rc ? &unheard : err);
    if (!rc && !finished && p->skip && p->done && !p->interrupted)
        cli_say("--skip leaves out everything: there are only %llu records", (unsigned long long)p->done);
    return rc ? rc : finished;
}

/* ------------------------------------------------------------------------------------------ opening, closing */

ptv_code cli_pool_open(cli_pool **out, const cli_work *work, uint64_t jobs, uint64_t skipped, ptv_error *err)
{
    cli_pool *p = ptv_calloc(1, sizeof *p);
    if (!p)
        return ptv_fail_nomem(err);
    p->work = work;
    p->jobs = jobs ? (size_t)jobs : cores();
    if (p->jobs > MOST_JOBS)
        p->jobs = MOST_JOBS;
    p->size = p->jobs > 1 ? p->jobs * PLACES_EACH : 1;
    p->skip = skipped;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work_came, NULL);
    pthread_cond_init(&p->work_done, NULL);
    p->workers = ptv_calloc(p->jobs + 1, sizeof *p->workers);
    p->ring = ptv_calloc(p->size, sizeof *p->ring);
    ptv_code rc = p->workers && p->ring ? PTV_OK : ptv_fail_nomem(err);
    for (size_t i = 0; !rc && p->ring && i < p->size; i++) {
        p->ring[i].in = p->ring[i].talk = (ptv_buf)PTV_BUF(2 * CLI_RECORD_LIMIT);
        p->ring[i].out = (ptv_buf)PTV_BUF((size_t)1 << 30);
        if (!(p->ring[i].tally = work->tally(work->self)))
            rc = ptv_fail_nomem(err);
    }
    if (!rc && p->workers)
        rc = work->open(&p->workers[0].own, work->self, err);
    if (rc) {
        cli_pool_close(p);
        return rc;
    }
    *out = p;
    return PTV_OK;
}

void cli_pool_close(cli_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    p->waiting = 0; /* after a failure: what nobody began is not begun */
    pthread_cond_broadcast(&p->work_came);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; p->workers && i <= p->jobs; i++) {
        if (p->workers[i].started)
            pthread_join(p->workers[i].thread, NULL);
        if (p->workers[i].own)
            p->work->close(p->workers[i].own);
    }
    for (size_t i = 0; p->ring && i < p->size; i++) {
        ptv_buf_release(&p->ring[i].in);
        ptv_buf_release(&p->ring[i].out);
        ptv_buf_release(&p->ring[i].talk);
        if (p->ring[i].tally)
            p->work->tally_free(p->ring[i].tally);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work_came);
    pthread_cond_destroy(&p->work_done);
    ptv_free(p->workers);
    ptv_free(p->ring);
    ptv_free(p);
}

uint64_t cli_pool_done(const cli_pool *p)
{
    return p->done;
}

void cli_pool_say_nothing(const char *const *paths, size_t count)
{
    ptv_buf names = PTV_BUF(1 << 16);
    for (size_t i = 0; i < count; i++) {
        ptv_buf_puts(&names, i ? ", " : "");
        ptv_buf_puts(&names, strcmp(paths[i], "-") == 0 ? "stdin" : paths[i]);
    }
    cli_say("there is no record in %s", names.data && !names.failed ? names.data : "what was named");
    ptv_buf_release(&names);
}

bool cli_pool_interrupted(const cli_pool *p)
{
    return p->interrupted;
}
