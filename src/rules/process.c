/*
 * process.c: the parent's end of the rule process: started, asked, watched, ended, started again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/process.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/record_json.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CALL_CPU_MS = 1000,
    CALL_WALL_MS = 5000,
    START_MS = 30000,      /* for loading, on a busy machine */
    START_AGAIN_MS = 1000, /* after one that failed */
    KILLS_IN_A_ROW = 3,
    CPU_AHEAD_S = 20, /* processor time left to it in case we no longer watch */
    RECORD_MOST = 96 << 20
};

typedef struct custom { /* one condition */
    struct ptv_rule_process *process;
    const ptv_cond *cond;
    int kills;   /* in a row */
    bool failed; /* on the record sent last: it is not asked again about that one */
    char why[400];
} custom;

struct ptv_rule_process {
    const ptv_ruleset *rs;
    ptv_process_options how;
    ptv_buf load; /* LOAD without the files */
    custom *customs;
    size_t count;
    ptv_sections sections; /* that they read */
    pid_t pid;             /* 0: none */
    int fd;
    clockid_t clock; /* its processor time */
    int64_t renewed_s;
    int64_t failed_at_ms;  /* the last start; 0: it went well */
    ptv_buf record, fresh; /* sent last; to be sent */
    int64_t now;
    bool sent; /* it has the record */
    ptv_process_state state;
};

/* -------------------------------------------------------------------------------------------- deadlines */

typedef struct deadline {
    int64_t end_ms, end_cpu_ns;
} deadline;

static int64_t cpu_ns(const ptv_rule_process *p)
{
    struct timespec t;
    return clock_gettime(p->clock, &t) ? 0 : t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static deadline within(const ptv_rule_process *p, int wall_ms, int cpu_ms)
{
    return (deadline){ ptv_clock_ms() + wall_ms, cpu_ns(p) + cpu_ms * INT64_C(1000000) };
}

typedef enum moved { MOVED, OVER_TIME, GONE } moved;

/* The socket waits a short while for either side, so that the deadline is looked at now and then. */
static moved look(const ptv_rule_process *p, const deadline *d, ssize_t done)
{
    if (done == 0 || (done < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        return GONE;
    return ptv_clock_ms() >= d->end_ms || cpu_ns(p) >= d->end_cpu_ns ? OVER_TIME : MOVED;
}

/* A head and what follows it, in one go where they fit: the child wakes once. */
static moved put(const ptv_rule_process *p, const void *head, size_t head_len, const void *body, size_t body_len,
                 const deadline *d)
{
    struct iovec parts[2] = { { (void *)(uintptr_t)head, head_len }, { (void *)(uintptr_t)body, body_len } };
    while (parts[0].iov_len + parts[1].iov_len) {
        const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
        ssize_t done = sendmsg(p->fd, &message, MSG_NOSIGNAL);
        size_t gone = done > 0 ? (size_t)done : 0;
        for (int i = 0; i < 2 && gone; i++) {
            size_t part = gone < parts[i].iov_len ? gone : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            gone -= part;
        }
        moved m = parts[0].iov_len + parts[1].iov_len ? look(p, d, done) : MOVED;
        if (m)
            return m;
    }
    return MOVED;
}

/* Whatever has come, up to `room` bytes in all. */
static moved get_some(const ptv_rule_process *p, char *to, size_t room, size_t *got, const deadline *d)
{
    ssize_t done = recv(p->fd, to + *got, room - *got, 0);
    if (done > 0) {
        *got += (size_t)done;
        return *got < room && ptv_clock_ms() >= d->end_ms ? OVER_TIME : MOVED;
    }
    return look(p, d, done);
}

static moved get(const ptv_rule_process *p, void *to, size_t len, const deadline *d)
{
    moved m = MOVED;
    for (size_t got = 0; !m && got < len;)
        m = get_some(p, to, len, &got, d);
    return m;
}

/* ------------------------------------------------------------------------------------------ start, end */

/* How it ended, in words; `status` of waitpid. */
static const char *ending(char *text, size_t room, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return "it asked the system for something that rules may not have (seccomp) and was ended";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return "it used up its processor time";
    if (WIFSIGNALED(status))
        snprintf(text, room, "it was ended by signal %d (SIG%s)", WTERMSIG(status),
                 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
    else
        snprintf(text, room, "it ended with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return text;
}

/* Its status; of one that has ended by itself, as it was. */
static int end(ptv_rule_process *p)
{
    int status = 0;
    if (!p->pid)
        return 0;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(p->fd);
    p->pid = 0;
    p->sent = false;
    return status;
}

static ptv_code spawn(ptv_rule_process *p, ptv_error *err)
{
    int ends[2], rc;
    char text[128];
    const char *program = p->how.program ? p->how.program : "/proc/self/exe";
    char *const argv[] = { (char *)(uintptr_t) "ptverdict",
                           (char *)(uintptr_t)(p->how.command ? p->how.command : "rule-process"), NULL };
    char *const environment[] = { NULL };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return ptv_fail_detail(err, PTV_EIO, errno, "socketpair: %s", strerror_r(errno, text, sizeof text));
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawn_file_actions_init(&files);
    if (!rc && (rc = posix_spawnattr_init(&how)))
        posix_spawn_file_actions_destroy(&files);
    if (!rc) {
        rc = posix_spawn_file_actions_adddup2(&files, ends[1], 0);
        rc = rc ? rc : posix_spawn_file_actions_addclosefrom_np(&files, 1);
        rc = rc ? rc : posix_spawnattr_setsigmask(&how, &none);
        rc = rc ? rc : posix_spawnattr_setsigdefault(&how, &all);
        rc = rc ? rc : posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
        rc = rc ? rc : posix_spawn(&p->pid, program, &files, &how, argv, environment);
        posix_spawnattr_destroy(&how);
        posix_spawn_file_actions_destroy(&files);
    }
    close(ends[1]);
    if (rc) {
        close(ends[0]);
        p->pid = 0;
        return rc == ENOMEM ? ptv_fail_nomem(err)
                            : ptv_fail_detail(err, PTV_EIO, rc, "%s: %s", program, strerror_r(rc, text, sizeof text));
    }
    int slice_ms = p->how.cpu_ms / 4 < 50 ? p->how.cpu_ms / 4 + 1 : 50;
    const struct timeval slice = { 0, slice_ms * 1000 };
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &slice, sizeof slice);
    p->fd = ends[0];
    if (clock_getcpuclockid(p->pid, &p->clock))
        p->clock = CLOCK_MONOTONIC; /* stricter: the time of the wall counts */
    p->renewed_s = 0;
    p->state.starts++;
    return PTV_OK;
}

static ptv_code put_load(ptv_rule_process *p, const deadline *d, moved *m, ptv_error *err)
{
    ptv_frame head = { PTV_FRAME_LOAD, 0 };
    size_t len = p->load.len;
    for (size_t i = 0; i < p->rs->file_count; i++) {
        const ptv_rule_file *f = &p->rs->covered[i];
        len += strlen(f->path) + strlen(f->folder) + strlen(f->name) + f->len + 4 * (sizeof(uint32_t) + 1);
    }
    if (len > PTV_FRAME_MOST)
        return ptv_fail(err, PTV_ETOOBIG, "rules and lists of over 1 GB");
    head.len = (uint32_t)len;
    *m = put(p, &head, sizeof head, p->load.data, p->load.len, d);
    ptv_buf part = PTV_BUF(PTV_FRAME_MOST);
    for (size_t i = 0; i < p->rs->file_count && !*m && !part.failed; i++) {
        const ptv_rule_file *f = &p->rs->covered[i];
        ptv_buf_clear(&part);
        ptv_wire_put(&part, f->path, strlen(f->path));
        ptv_wire_put(&part, f->folder, strlen(f->folder));
        ptv_wire_put(&part, f->name, strlen(f->name));
        ptv_wire_put(&part, f->text, f->len);
        if (!part.failed)
            *m = put(p, part.data, part.len, NULL, 0, d);
    }
    ptv_code rc = ptv_buf_check(&part, err);
    ptv_buf_release(&part);
    return rc;
}

static ptv_code check_ready(const ptv_rule_process *p, const ptv_frame *head, ptv_frame_ready *ready, ptv_error *err)
{
    ready->text[sizeof ready->text - 1] = '\0';
    if (head->kind != PTV_FRAME_READY || head->len != sizeof *ready)
        return ptv_fail(err, PTV_EIO, "%s is not a program that can be one",
                        p->how.program ? p->how.program : "this program");
    if (ready->code)
        return ptv_fail(err, PTV_EIO, "%s", ready->text);
    if (ready->nodes != p->rs->node_count || memcmp(ready->digest, p->rs->digest, sizeof ready->digest) != 0 ||
        memcmp(ready->settings_digest, p->rs->settings_digest, sizeof ready->settings_digest) != 0)
        return ptv_fail(err, PTV_EBUG, "it understands the rules differently");
    return PTV_OK;
}

static ptv_code start(ptv_rule_process *p, ptv_error *err)
{
    if (p->failed_at_ms && ptv_clock_ms() - p->failed_at_ms < START_AGAIN_MS)
        return ptv_fail(err, PTV_EIO, "the rule process could not be started a moment ago");
    moved m = MOVED;
    ptv_frame head;
    ptv_frame_ready ready;
    ptv_code rc = spawn(p, err);
    if (!rc) {
        const deadline d = within(p, START_MS, START_MS);
        rc = put_load(p, &d, &m, err);
        /* One that failed at once has said why, and may be gone before it read everything. */
        if (!rc && m != OVER_TIME)
            m = get(p, &head, sizeof head, &d);
        if (!rc && !m && head.len == sizeof ready)
            m = get(p, &ready, sizeof ready, &d);
        if (!rc && !m)
            rc = check_ready(p, &head, &ready, err);
        if (!rc && m) {
            char text[80];
            int status = end(p);
            rc = ptv_fail(err, PTV_EIO, "%s",
                          m == OVER_TIME ? "it did not load the rules in time" : ending(text, sizeof text, status));
        }
        if (rc)
            end(p);
    }
    p->failed_at_ms = rc ? ptv_clock_ms() : 0;
    return rc ? ptv_wrap(err, "the rule process cannot be started") : PTV_OK;
}

/* ------------------------------------------------------------------------------------------------- call */

/* What custom conditions may read of the record; what else is in it stays here. */
static ptv_code put_record(ptv_rule_process *p, const ptv_record *r, ptv_error *err)
{
    ptv_record view = *r;
    view.fetched_at = PTV_NO_TIME; /* set between planning and judging, which are to count as one record */
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (!(p->sections & PTV_BIT(s)))
            view.sections[s] =
                (ptv_section_info){ .state = PTV_STATE_NOT_ASKED, .fetched_at = PTV_NO_TIME, .retry_after_s = -1 };
    ptv_buf_clear(&p->fresh);
    ptv_record_write_compact(&p->fresh, &view);
    if (ptv_buf_check(&p->fresh, err))
        return err->code;
    if (p->now == r->now && p->record.len == p->fresh.len && memcmp(p->record.data, p->fresh.data, p->fresh.len) == 0)
        return PTV_OK;
    const ptv_buf old = p->record;
    p->record = p->fresh;
    p->fresh = old;
    p->now = r->now;
    p->sent = false;
    for (size_t i = 0; i < p->count; i++)
        p->customs[i].failed = false;
    return PTV_OK;
}

/* Move its last limit on while we are there to watch; that one is for the time when we are not. */
static void renew(ptv_rule_process *p, const deadline *d)
{
    int64_t used_s = d->end_cpu_ns / 1000000000;
    if (used_s - p->renewed_s < CPU_AHEAD_S / 4)
        return;
    const struct rlimit limit = { (rlim_t)(used_s + CPU_AHEAD_S), RLIM_INFINITY };
    prlimit(p->pid, RLIMIT_CPU, &limit, NULL);
    p->renewed_s = used_s;
}

static moved ask(ptv_rule_process *p, const custom *c, ptv_frame_answer *answer)
{
    const size_t fixed = offsetof(ptv_frame_answer, text), least = sizeof(ptv_frame) + fixed;
    const deadline d = within(p, p->how.wall_ms, p->how.cpu_ms);
    struct {
        ptv_frame head;
        ptv_frame_call call;
    } out = { { PTV_FRAME_CALL, sizeof out.call }, { .now = p->now, .node = c->cond->node } };
    struct {
        ptv_frame head;
        ptv_frame_answer answer;
    } in;
    size_t got = 0;
    renew(p, &d);
    if (!p->sent)
        out.head.len += (uint32_t)p->record.len;
    moved m = put(p, &out, sizeof out, p->record.data, p->sent ? 0 : p->record.len, &d);
    while (!m && got < least)
        m = get_some(p, (char *)&in, sizeof in, &got, &d);
    if (!m && (in.head.kind != PTV_FRAME_ANSWER || in.head.len < fixed || in.head.len > sizeof in.answer))
        m = GONE; /* it talks nonsense: as good as gone */
    while (!m && got < sizeof in.head + in.head.len)
        m = get_some(p, (char *)&in, sizeof in.head + in.head.len, &got, &d);
    if (!m && (got != sizeof in.head + in.head.len || in.answer.len != in.head.len - fixed || in.answer.code > PTV_EBUG ||
               in.answer.truth > PTV_UNSURE))
        m = GONE;
    if (!m)
        memcpy(answer, &in.answer, in.head.len);
    p->sent = !m;
    return m;
}

/* The condition failed so that its process had to go. */
static ptv_code give_up(custom *c, const char *why, ptv_error *err)
{
    ptv_rule_process *p = c->process;
    c->kills++;
    c->failed = true;
    p->state.kills++;
    snprintf(c->why, sizeof c->why, "%s:%d: %s", c->cond->file, c->cond->line, why);
    if (c->kills < KILLS_IN_A_ROW) {
        ptv_log(PTV_LOG_WARNING, "rules", "%s; the rule process is started again", c->why);
        return ptv_fail(err, PTV_ELIMIT, "%s", c->why);
    }
    snprintf(c->why, sizeof c->why, "%s:%d: an error until the rules are loaded again: %s, three times in a row",
             c->cond->file, c->cond->line, why);
    ptv_log(PTV_LOG_ERROR, "rules", "%s", c->why);
    if (!p->state.off++)
        p->state.off_reason = c->why;
    return ptv_fail(err, PTV_ELIMIT, "%s", c->why);
}

static ptv_code read_answer(custom *c, const ptv_frame_answer *answer, ptv_truth *out, const char **reason, ptv_arena *mem,
                            ptv_error *err)
{
    if (answer->code == PTV_ENOMEM) { /* its memory, not ours */
        end(c->process);
        return give_up(c, "the rule process has no memory left", err);
    }
    c->kills = 0;
    if (answer->code)
        return ptv_fail(err, answer->code == PTV_ELIMIT ? PTV_ELIMIT : PTV_ERULES, "%.*s", (int)answer->len, answer->text);
    *reason = NULL;
    if (answer->has_text && !(*reason = ptv_arena_strndup(mem, answer->text, answer->len)))
        return ptv_arena_fail(mem, err);
    *out = (ptv_truth)answer->truth;
    return PTV_OK;
}

static ptv_code run(void *self, ptv_truth *out, const char **reason, ptv_arena *mem, const ptv_record *r, ptv_error *err)
{
    custom *c = self;
    ptv_rule_process *p = c->process;
    ptv_frame_answer answer;
    ptv_code rc = put_record(p, r, err);
    if (rc)
        return rc;
    if (c->failed || c->kills >= KILLS_IN_A_ROW)
        return ptv_fail(err, PTV_ELIMIT, "%s", c->why);
    for (bool again = false;; again = true) {
        rc = p->pid ? PTV_OK : start(p, err);
        if (rc)
            return rc == PTV_ENOMEM ? rc : ptv_wrap(err, "%s:%d", c->cond->file, c->cond->line);
        moved m = ask(p, c, &answer);
        if (!m)
            return read_answer(c, &answer, out, reason, mem, err);
        int status = end(p);
        char text[80], why[200];
        if (m == OVER_TIME)
            snprintf(why, sizeof why, "over the limit of %d ms of processor time (%d ms in all)", p->how.cpu_ms,
                     p->how.wall_ms);
        else
            snprintf(why, sizeof why, "the rule process is gone: %s", ending(text, sizeof text, status));
        bool its_own =
            m == OVER_TIME || (WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGXCPU));
        if (its_own || again)
            return give_up(c, why, err);
        ptv_log(PTV_LOG_WARNING, "rules", "%s; it is started and asked again", why);
    }
}

/* ------------------------------------------------------------------------------------------------ whole */

static bool is_used(const ptv_ruleset *rs, const char *name)
{
    for (size_t i = 0; i < rs->setting_count; i++)
        if (strcmp(rs->settings[i].name, name) == 0)
            return true;
    return false;
}

/* Only the settings that its rules read: no key goes over. */
static ptv_code write_load(ptv_rule_process *p, const ptv_rules_options *o, ptv_error *err)
{
    ptv_frame_load head = { .now = o->now,
                            .supported = o->supported,
                            .shadow_fetch = o->shadow_fetch,
                            .part = o->part,
                            .files = (uint32_t)p->rs->file_count };
    for (size_t i = 0; i < o->setting_count; i++)
        head.settings += is_used(p->rs, o->settings[i].name);
    ptv_buf_append(&p->load, (const char *)&head, sizeof head);
    for (size_t i = 0; i < o->setting_count; i++) {
        if (!is_used(p->rs, o->settings[i].name))
            continue;
        ptv_wire_put(&p->load, o->settings[i].name, strlen(o->settings[i].name));
        ptv_wire_put(&p->load, o->settings[i].value, strlen(o->settings[i].value));
    }
    return ptv_buf_check(&p->load, err);
}

static ptv_code name_customs(ptv_rule_process *p, const ptv_ruleset *rs, size_t count, ptv_error *err)
{
    custom *customs = ptv_calloc(count, sizeof *customs);
    if (!customs)
        return ptv_fail_nomem(err);
    p->customs = customs;
    for (size_t i = 0; i < rs->node_count; i++) {
        if (!rs->nodes[i]->custom)
            continue;
        customs[p->count++] = (custom){ .process = p, .cond = rs->nodes[i] };
        p->sections |= rs->nodes[i]->sections;
    }
    return PTV_OK;
}

/* From here on its Lua states are not needed. */
static void move_customs(ptv_ruleset *rs, ptv_rule_process *p)
{
    for (size_t i = 0; i < p->count; i++)
        ptv_custom_move(p->customs[i].cond->custom, run, &p->customs[i]);
    for (size_t i = 0; i < rs->sandbox_count; i++)
        ptv_sandbox_free(rs->sandboxes[i]);
    rs->sandbox_count = 0;
    rs->process = p;
}

ptv_code ptv_ruleset_separate(ptv_ruleset *rs, const ptv_rules_options *loaded, const ptv_process_options *how,
                              ptv_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < rs->node_count; i++)
        count += rs->nodes[i]->custom != NULL;
    if (!count)
        return PTV_OK;
    if (!loaded->keep_text)
        return ptv_fail(err, PTV_EBUG, "rules to be separated are loaded with keep_text");
    ptv_rule_process *p = ptv_calloc(1, sizeof *p);
    if (!p)
        return ptv_fail_nomem(err);
    p->rs = rs;
    p->how = how ? *how : (ptv_process_options){ 0 };
    p->how.cpu_ms = p->how.cpu_ms ? p->how.cpu_ms : CALL_CPU_MS;
    p->how.wall_ms = p->how.wall_ms ? p->how.wall_ms : CALL_WALL_MS;
    p->load = (ptv_buf)PTV_BUF(PTV_FRAME_MOST);
    p->record = (ptv_buf)PTV_BUF(RECORD_MOST);
    p->fresh = (ptv_buf)PTV_BUF(RECORD_MOST);
    ptv_code rc = name_customs(p, rs, count, err);
    if (!rc)
        rc = write_load(p, loaded, err);
    if (!rc)
        rc = start(p, err);
    if (rc)
        ptv_rule_process_free(p);
    else
        move_customs(rs, p);
    return rc;
}

ptv_process_state ptv_ruleset_process(const ptv_ruleset *rs)
{
    if (!rs->process)
        return (ptv_process_state){ 0 };
    ptv_process_state state = rs->process->state;
    state.pid = rs->process->pid;
    return state;
}

void ptv_rule_process_free(ptv_rule_process *p)
{
    if (!p)
        return;
    end(p);
    ptv_buf_release(&p->load);
    ptv_buf_release(&p->record);
    ptv_buf_release(&p->fresh);
    ptv_free(p->customs);
    ptv_free(p);
}
