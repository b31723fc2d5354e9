/*
 * cmd_test.c: test: run the cases beside the rules; with --watch, again whenever a file is saved.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "config/config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { QUIET_MS = 30 }; /* an editor saves in several steps: run when it has been quiet for so long */
enum { CHANGES = IN_CLOSE_WRITE | IN_CREATE | IN_MOVE | IN_DELETE | IN_MOVE_SELF };

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

typedef struct watcher {
    int fd;   /* a new one a run: what was watched and has gone or moved away leaves nothing behind */
    int last; /* the newest watch */
    ptv_arena mem;
} watcher;

/* What a run reads lies in the folder of rules and cases itself and in these, whole. */
static bool is_read(const char *name)
{
    return strcmp(name, "lists") == 0 || strcmp(name, "fixtures") == 0 || strcmp(name, "archive") == 0;
}

static ptv_code watch_folder(watcher *w, const char *folder, bool whole, ptv_error *err)
{
    const char **names;
    size_t count;
    int id = inotify_add_watch(w->fd, folder, CHANGES | IN_ONLYDIR);
    if (id < 0 && whole && errno == ENOENT) /* it has just gone, and its parent is watched */
        return PTV_OK;
    if (id < 0)
        return ptv_fail(err, PTV_EIO, "cannot watch %s: %s", folder, strerror(errno));
    if (id <= w->last) /* numbers grow: this one is watched, a link leads back to it */
        return PTV_OK;
    w->last = id;
    ptv_code rc = ptv_dir_list(&names, &count, &w->mem, folder, err);
    if (rc == PTV_EIO && whole)
        return PTV_OK;
    for (size_t i = 0; !rc && i < count; i++) {
        const char *path = ptv_path_join(&w->mem, folder, names[i]);
        if (!path)
            return ptv_arena_fail(&w->mem, err);
        if (names[i][0] != '.' && (whole || is_read(names[i])) && ptv_is_dir(path))
            rc = watch_folder(w, path, true, err);
    }
    return rc;
}

static ptv_code watch_paths(watcher *w, const ptv_test_options *options, const char *settings, ptv_error *err)
{
    ptv_arena_reset(&w->mem);
    w->last = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ptv_code rc = w->fd < 0 ? ptv_fail(err, PTV_EIO, "cannot watch files: %s", strerror(errno)) : PTV_OK;
    for (size_t i = 0; i < options->path_count && !rc; i++) {
        const char *path = options->paths[i];
        const char *slash = strrchr(path, '/');
        const char *folder = ptv_is_dir(path) ? path
                             : slash          ? ptv_arena_strndup(&w->mem, path, (size_t)(slash - path) + 1)
                                              : ".";
        rc = folder ? watch_folder(w, folder, false, err) : ptv_arena_fail(&w->mem, err);
    }
    if (!rc && settings) /* not there: none was read */
        inotify_add_watch(w->fd, settings, CHANGES);
    return rc;
}

/* Until something has changed and it has been quiet since; false: interrupted. */
static bool wait_for_change(const watcher *w, const sigset_t *unblocked)
{
    static const struct timespec quiet = { .tv_nsec = QUIET_MS * 1000000L };
    bool changed = false;
    while (!interrupted) {
        struct pollfd p = { .fd = w->fd, .events = POLLIN };
        int ready = ppoll(&p, 1, changed ? &quiet : NULL, unblocked);
        if (ready == 0)
            return true;
        char events[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t len = ready > 0 ? read(w->fd, events, sizeof events) : 0;
        for (char *at = events; len > 0 && at < events + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            changed |= !event->len || event->name[0] != '.'; /* else an editor's own file */
            at += sizeof *event + event->len;
        }
    }
    return false;
}

/* Everything again at each change: a rule is also tested by the cases of other files (scope = "all"), and what reads a list,
 * fixture or archive is known only when it has run. 200 cases take about 40 ms. */
static cli_exit watch(const cli_options *o, const ptv_test_options *options, const char *settings)
{
    ptv_error err = { 0 };
    watcher w = { .fd = -1, .mem = PTV_ARENA(16 << 20) };
    struct sigaction act = { .sa_handler = on_interrupt };
    sigset_t ends, unblocked;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &unblocked);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    cli_exit code = CLI_OK;
    bool begun = false;
    do { /* watched before it is read: no change falls between */
        int64_t start = ptv_clock_ms();
        if (watch_paths(&w, options, settings, &err)) {
            code = cli_fail(&err);
            break;
        }
        code = run_once(o, options);
        cli_flush();
        if (!begun && code != CLI_OK && code != CLI_PROBLEMS) /* nothing that saving a file would mend */
            break;
        begun = true;
        if (!o->quiet)
            cli_say("ran in %lld ms; waiting for a file to be saved", (long long)(ptv_clock_ms() - start));
    } while (!cli_output_failed() && wait_for_change(&w, &unblocked));
    if (w.fd >= 0)
        close(w.fd);
    ptv_arena_release(&w.mem);
    return code;
}

static cli_exit run_test(const cli_options *o)
{
    ptv_test_options options = test_options(o);
    if (!o->watch)
        return run_once(o, &options);
    cli_session session = { 0 };
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        const char *configured = ptv_config_text(session.config, PTV_OPT_RULES);
        const char *folder = configured && *configured ? configured : "rules";
        if (!options.path_count) {
            options.paths = &folder;
            options.path_count = 1;
        }
        code = watch(o, &options, ptv_config_file(session.config));
    }
    cli_session_close(&session);
    return code;
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
