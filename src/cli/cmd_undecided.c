/*
 * cmd_undecided.c: undecided: the artifacts of the decision log that are still unknown, for another look at them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"

#define LINE_LIMIT ((size_t)1 << 30)
#define MOST_BYTES ((size_t)2 << 30)

/* The last decision on one artifact. Text in the arena. */
typedef struct last {
    const char *artifact, *type, *id, *kind, *incident, *artifact_id, *summary;
    int64_t now;
    uint64_t number; /* of its line */
    bool unknown;
} last;

typedef struct reading {
    int64_t since;
    ptv_arena mem, scratch;
    last **slots; /* by hash of the artifact; NULL: free */
    size_t room, used;
    uint64_t lines, damaged;
    ptv_code failed;
} reading;

static uint64_t hash_of(const char *text) /* FNV-1a */
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return h;
}

static last **slot_of(last **slots, size_t room, const char *artifact)
{
    size_t i = (size_t)hash_of(artifact) & (room - 1);
    while (slots[i] && strcmp(slots[i]->artifact, artifact) != 0)
        i = (i + 1) & (room - 1);
    return &slots[i];
}

static bool grow(reading *r)
{
    size_t room = r->room ? r->room * 2 : 1024;
    last **slots = ptv_calloc(room, sizeof(last *));
    if (!slots)
        return false;
    for (size_t i = 0; i < r->room; i++)
        if (r->slots[i])
            *slot_of(slots, room, r->slots[i]->artifact) = r->slots[i];
    ptv_free(r->slots);
    r->slots = slots;
    r->room = room;
    return true;
}

static last *entry_of(reading *r, const char *artifact)
{
    if (r->used * 2 >= r->room && !grow(r))
        return NULL;
    last **slot = slot_of(r->slots, r->room, artifact);
    if (*slot)
        return *slot;
    last *fresh = ptv_arena_calloc(&r->mem, 1, sizeof *fresh);
    if (!fresh || !(fresh->artifact = ptv_arena_strdup(&r->mem, artifact)))
        return NULL;
    r->used++;
    return *slot = fresh;
}

static const char *copy(reading *r, const ptv_json *line, const char *key)
{
    const char *text = ptv_json_text(ptv_json_find(line, key));
    const char *kept = ptv_arena_strdup(&r->mem, text);
    if (text && !kept)
        r->failed = PTV_ENOMEM;
    return kept;
}

static void note(reading *r, const ptv_json *line)
{
    const char *artifact = ptv_json_text(ptv_json_find(line, "artifact"));
    const char *verdict = ptv_json_text(ptv_json_find(line, "verdict")), *when = ptv_json_text(ptv_json_find(line, "now"));
    int64_t now;
    if (!artifact || !verdict || !when || !ptv_time_parse(&now, when, 0)) {
        r->damaged++;
        return;
    }
    last *e = entry_of(r, artifact);
    if (!e) {
        r->failed = PTV_ENOMEM;
        return;
    }
    e->unknown = strcmp(verdict, "unknown") == 0;
    e->now = now;
    e->number = r->lines;
    if (!e->unknown)
        return;
    e->type = copy(r, line, "type");
    e->id = copy(r, line, "decision_id");
    e->kind = copy(r, line, "unknown_kind");
    e->incident = copy(r, line, "incident_id");
    e->artifact_id = copy(r, line, "artifact_id");
    e->summary = copy(r, line, "summary");
}

static int take_line(void *to, const char *line, size_t len)
{
    reading *r = to;
    const ptv_json *json;
    ptv_error err;
    r->lines++;
    ptv_arena_reset(&r->scratch);
    ptv_code rc = ptv_json_parse(&json, &r->scratch, line, len, &err);
    if (rc == PTV_ENOMEM)
        r->failed = rc;
    else if (rc)
        r->damaged++;
    else
        note(r, json);
    return r->failed != PTV_OK;
}

static int by_number(const void *a, const void *b)
{
    const last *x = *(last *const *)a, *y = *(last *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

static void print_json(const last *e)
{
    ptv_buf line = PTV_BUF(LINE_LIMIT);
    ptv_json_out o = { .buf = &line };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.undecided/1");
    ptv_json_put_text(&o, "value", e->artifact);
    ptv_json_put_text(&o, "type", e->type);
    ptv_json_put_time(&o, "now", e->now);
    ptv_json_put_text(&o, "decision_id", e->id);
    ptv_json_put_text(&o, "unknown_kind", e->kind);
    ptv_json_put_text(&o, "incident_id", e->incident);
    ptv_json_put_text(&o, "artifact_id", e->artifact_id);
    ptv_json_put_text(&o, "summary", e->summary);
    ptv_json_close(&o, '}');
    ptv_buf_putc(&line, '\n');
    if (!line.failed)
        cli_write(NULL, line.data, line.len);
    ptv_buf_release(&line);
}

/* In the order of their last decision. */
static void print_all(reading *r, const cli_options *o)
{
    size_t count = 0;
    bool json = o->format && strcmp(o->format, "json") == 0;
    for (size_t i = 0; i < r->room; i++) /* the table has served: its front becomes the list */
        if (r->slots[i] && r->slots[i]->unknown && (r->since == PTV_NO_TIME || r->slots[i]->now >= r->since))
            r->slots[count++] = r->slots[i];
    if (count)
        qsort(r->slots, count, sizeof(last *), by_number);
    for (size_t i = 0; i < count; i++) {
        if (json)
            print_json(r->slots[i]);
        else
            cli_print("%s\n", r->slots[i]->artifact);
    }
    if (o->verbose)
        cli_say("%zu undecided of %zu artifacts in %llu decisions", count, r->used, (unsigned long long)r->lines);
}

static cli_exit run_undecided(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    reading r = { .since = o->since, .mem = PTV_ARENA(MOST_BYTES), .scratch = PTV_ARENA(LINE_LIMIT) };
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        ptv_code rc = ptv_decision_log_read(session.config, take_line, &r, &err);
        if (!rc && r.failed)
            rc = ptv_fail(&err, r.failed, "out of memory");
        if (rc)
            code = cli_fail(&err);
    }
    if (!code) {
        if (r.damaged)
            cli_say("%llu damaged lines of the log were passed over", (unsigned long long)r.damaged);
        print_all(&r, o);
    }
    ptv_free(r.slots);
    ptv_arena_release(&r.mem);
    ptv_arena_release(&r.scratch);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_undecided = {
    .name = "undecided",
    .operands = "",
    .summary = "List the artifacts whose last decision in the log is unknown",
    .about =
        "Needs the setting `state`. One artifact a line, in the order of their last decisions: what lookup - reads. An\n"
        "artifact that was decided since is not listed.",
    .example = "  ptverdict undecided --since 24h | ptverdict lookup - --set decision_log=yes",
    .formats = "text json",
    .flags = CLI_BIT(FLAG_SINCE),
    .run = run_undecided,
};
