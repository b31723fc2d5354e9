/*
 * cmd_test.c: test: run the cases beside the rules; with --watch, again whenever a file is saved.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { QUIET_MS = 30 }; /* an editor saves in several steps: run when it has been quiet for so long */

static ptv_test_options test_options(const cli_options *o)
{
    ptv_test_options t = { .run = o->run, .fail_fast = o->fail_fast, .explain = o->explain, .now_utc = o->now };
    t.paths = o->operand_count ? o->operands : o->rules;
    t.path_count = o->operand_count ? o->operand_count : o->rules_count;
    t.coverage = o->coverage_percent >= 0 || o->strict;
    t.coverage_percent = o->strict && o->coverage_percent < 0 ? 100 : o->coverage_percent > 0 ? o->coverage_percent : 0;
    t.invert = o->invert || o->strict;
    t.fail_sections = o->fail_sections || o->strict;
    return t;
}

static cli_exit run_once(const cli_options *o, const ptv_test_options *options)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_findings *findings = NULL;
    ptv_test_report *report = NULL;
    cli_exit code = cli_session_configure(&session, o);
    if (code)
        goto out;
    ptv_code rc = ptv_findings_new(&findings, &err);
    if (!rc)
        rc = ptv_test(&report, session.config, options, findings, &err);
    if (!rc) {
        cli_findings_say(findings, o->quiet ? PTV_ERROR : PTV_WARNING);
        rc = ptv_test_write(report, cli_format(o->format ? o->format : "text"), o->color ? PTV_WRITE_COLOR : 0, cli_write,
                            NULL, &err);
    }
    if (rc)
        code = cli_fail(&err);
    else
        code = ptv_test_passed(report) ? CLI_OK : CLI_PROBLEMS;
out:
    ptv_test_free(report);
    ptv_findings_free(findings);
    cli_session_close(&session);
    return code;
}

/* ---------------------------------------------------------------------------------------------------- watch */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

typedef struct watched {
    const char *folder; /* as named */
    int id;
    bool of_lists; /* rules/lists: any change there concerns every rule */
} watched;

typedef struct watcher {
    int fd;
    ptv_arena mem;
    watched *folders;
    size_t count;
    const char *changed; /* the one rule or test file that was saved; NULL: several, or a list */
    bool several;
} watcher;

static ptv_code watch_folder(watcher *w, const char *folder, bool of_lists, ptv_error *err)
{
    int id = inotify_add_watch(w->fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE);
    if (id < 0)
        return of_lists ? PTV_OK : ptv_fail(err, PTV_EIO, "cannot watch %s: %s", folder, strerror(errno));
    w->folders[w->count++] = (watched){ folder, id, of_lists };
    return PTV_OK;
}

static ptv_code watch_paths(watcher *w, const ptv_test_options *options, ptv_error *err)
{
    w->folders = ptv_arena_calloc(&w->mem, 2 * options->path_count + 2, sizeof *w->folders);
    if (!w->folders)
        return ptv_arena_fail(&w->mem, err);
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < options->path_count && !rc; i++) {
        const char *path = options->paths[i];
        const char *slash = strrchr(path, '/');
        const char *folder = ptv_is_dir(path) ? path
                             : slash          ? ptv_arena_strndup(&w->mem, path, (size_t)(slash - path))
                                              : ".";
        const char *lists = folder ? ptv_path_join(&w->mem, folder, "lists") : NULL;
        if (!lists)
            return ptv_arena_fail(&w->mem, err);
        rc = watch_folder(w, folder, false, err);
        if (!rc)
            rc = watch_folder(w, lists, true, err);
    }
    return rc;
}

static void note_change(watcher *w, const struct inotify_event *event)
{
    for (size_t i = 0; i < w->count; i++) {
        const watched *f = &w->folders[i];
        if (f->id != event->wd || !event->len)
            continue;
        bool lua = ptv_text_ends(event->name, ".lua") && event->name[0] != '.';
        if (!lua && !f->of_lists)
            return; /* an editor's own file */
        char *path = lua && !f->of_lists ? ptv_path_join(&w->mem, f->folder, event->name) : NULL;
        w->several |= !path || (w->changed && strcmp(w->changed, path) != 0);
        w->changed = path ? path : w->changed;
        return;
    }
}

/* Read what happened; true when something concerns us and it has been quiet since. */
static bool wait_for_change(watcher *w)
{
    w->changed = NULL;
    w->several = false;
    while (!interrupted) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        bool pending = w->changed || w->several;
        int ready = poll(&p, 1, pending ? QUIET_MS : -1);
        if (ready == 0 && pending)
            return true;
        if (ready <= 0)
            continue;
        char events[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t len = read(w->fd, events, sizeof events);
        for (char *at = events; len > 0 && at < events + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            note_change(w, event);
            at += sizeof *event + event->len;
        }
    }
    return false;
}

static cli_exit watch(const cli_options *o, const ptv_test_options *options)
{
    ptv_error err = { 0 };
    watcher w = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .mem = PTV_ARENA(16 << 20) };
    ptv_code rc =
        w.fd < 0 ? ptv_fail(&err, PTV_EIO, "cannot watch files: %s", strerror(errno)) : watch_paths(&w, options, &err);
    cli_exit code = rc ? cli_fail(&err) : CLI_OK;
    struct sigaction act = { .sa_handler = on_interrupt };
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    ptv_test_options now = *options;
    const char *only[1];
    while (!rc) {
        int64_t start = ptv_clock_ms();
        code = run_once(o, &now);
        cli_flush();
        if (!o->quiet)
            cli_say("ran in %lld ms; waiting for a file to be saved", (long long)(ptv_clock_ms() - start));
        if (!wait_for_change(&w))
            break;
        now = *options;
        if (!w.several) { /* one file: its own cases alone */
            only[0] = w.changed;
            now.paths = only;
            now.path_count = 1;
        }
    }
    if (w.fd >= 0)
        close(w.fd);
    ptv_arena_release(&w.mem);
    return code;
}

static cli_exit run_test(const cli_options *o)
{
    static const char *const here[] = { "rules" };
    ptv_test_options options = test_options(o);
    if (!o->watch)
        return run_once(o, &options);
    if (!options.path_count) {
        options.paths = here;
        options.path_count = 1;
    }
    return watch(o, &options);
}

const cli_command cli_cmd_test = {
    .name = "test",
    .operands = "[RULES...]",
    .summary = "Run the cases beside the rules (NAME.test.lua); no network, no key, no settings file",
    .about = "RULES are rule folders, rule files or test files; without any, those that lookup would use. A case that fails "
             "shows what\n"
             "was expected, what came, and the conditions of the rule in question. Exit code 1 when a case or a gate fails.",
    .example = "  ptverdict test rules/\n  ptverdict test --strict rules/\n  ptverdict test --run 'other letter case' "
               "rules/10-flagged-tags.lua",
    .formats = "text json junit",
    .flags = CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_EXPLAIN) | CLI_BIT(FLAG_NOW) | CLI_BIT(FLAG_RUN) | CLI_BIT(FLAG_FAIL_FAST) |
             CLI_BIT(FLAG_COVERAGE) | CLI_BIT(FLAG_INVERT) | CLI_BIT(FLAG_FAIL_SECTIONS) | CLI_BIT(FLAG_STRICT) |
             CLI_BIT(FLAG_WATCH),
    .least = 0,
    .most = SIZE_MAX,
    .run = run_test,
};
