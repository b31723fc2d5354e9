/*
 * worker.c: see worker.h for the life of a call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "soar/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "soar/call.h"

enum {
    MOST_TOGETHER = 100,
    MOST_SENDS = 3,
    LINGER_MS = 10 * 60 * 1000,
    COMMIT_MS = 1000,
    RECEIPT_BYTES = 32,
    STARTING_MS = 20
};
#define BODY_LIMIT ((size_t)512 << 20)

typedef enum state {
    QUEUED,  /* waits for its turn */
    RUNNING, /* a lookup is under way */
    DONE,    /* `reply` is to be sent; without an ack id when the connection it came by is gone */
    SENT,    /* in a transaction whose receipt has not come */
    GONE     /* only its lookup is still out */
} state;

typedef struct call {
    ptv_lookup_tag tag; /* first: what a report comes back with */
    ptv_worker *worker;
    struct call *prev, *next;
    state state;
    char *key; /* message id and correlation id */
    char *reply_to, *correlation, *ack;
    const ptv_soar_call *asked;    /* NULL once done, and for what was never a call */
    ptv_buf reply;                 /* empty: the broker has it already, only the ACK is missing */
    bool is_out;                   /* submitted, no report yet */
    bool is_begun;                 /* counted by the store */
    bool is_kept;                  /* the store has the reply */
    bool is_trivial;               /* not worth keeping: malformed, foreign */
    bool says_starting;            /* the status "Starting" was not sent yet */
    bool says_finished;            /* the status "Finished running" goes before the reply */
    char *remark;                  /* a status between the two; may be NULL */
    unsigned long transaction;     /* while SENT */
    int sends;                     /* transactions with it that were not confirmed */
    int64_t since_ms, received_ms; /* of this state where it matters */
} call;

struct ptv_worker {
    ptv_worker_options options; /* its text is `function` */
    ptv_worker_hooks hooks;
    ptv_store *store;
    ptv_client *client;
    ptv_session *session; /* NULL: down */
    char *broken;         /* why nothing can be looked up; NULL: it can */
    char *function;
    call *first, *last;
    size_t counts[GONE + 1];
    unsigned long transactions;
    size_t acks; /* on this connection */
    bool is_holding;
    int64_t commit_at_ms; /* of the store; 0: nothing finished since */
};

/* ------------------------------------------------------------------------------------------------ the list */

static void set_state(call *c, state s)
{
    c->worker->counts[c->state]--;
    c->state = s;
    c->worker->counts[s]++;
}

static void release(call *c)
{
    ptv_soar_call_free(c->asked);
    ptv_buf_release(&c->reply);
    ptv_free(c->key);
    ptv_free(c->reply_to);
    ptv_free(c->correlation);
    ptv_free(c->ack);
    ptv_free(c->remark);
    c->asked = NULL;
    c->key = c->reply_to = c->correlation = c->ack = c->remark = NULL;
}

static void forget(call *c)
{
    ptv_worker *w = c->worker;
    release(c);
    if (c->is_out) { /* its report will ask for it */
        set_state(c, GONE);
        return;
    }
    *(c->prev ? &c->prev->next : &w->first) = c->next;
    *(c->next ? &c->next->prev : &w->last) = c->prev;
    w->counts[c->state]--;
    ptv_free(c);
}

static call *find(const ptv_worker *w, const char *key)
{
    for (call *c = w->first; c; c = c->next)
        if (c->key && strcmp(c->key, key) == 0)
            return c;
    return NULL;
}

static void lookup_done(ptv_lookup_tag *tag, ptv_report *report);

/* NULL: no memory; the message is then left unanswered, and delivered again after the next connect. */
static call *remember(ptv_worker *w, const char *key, const ptv_frame *f, int64_t now_ms)
{
    call *c = ptv_calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->tag.done = lookup_done;
    c->worker = w;
    c->reply = (ptv_buf)PTV_BUF(BODY_LIMIT);
    c->since_ms = c->received_ms = now_ms;
    c->prev = w->last;
    *(w->last ? &w->last->next : &w->first) = c;
    w->last = c;
    w->counts[QUEUED]++;
    c->key = ptv_strdup(key);
    c->reply_to = ptv_strdup(ptv_frame_get(f, "reply-to"));
    c->correlation = ptv_strdup(ptv_frame_get(f, "correlation-id"));
    c->ack = ptv_strdup(ptv_frame_get(f, "ack"));
    if (c->key && c->reply_to && c->correlation && c->ack)
        return c;
    forget(c);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------- ends */

static void store_failed(ptv_worker *w, const ptv_error *why)
{
    if (w->hooks.store_failed)
        w->hooks.store_failed(w->hooks.owner, why);
}

static void count(const call *c, ptv_call_end how)
{
    const ptv_worker *w = c->worker;
    if (w->hooks.ended)
        w->hooks.ended(w->hooks.owner, how, ptv_clock_ms() - c->received_ms);
}

/* The reply stands in c->reply. It is kept before it is sent: should the line break in between, the next one who gets the
 * message need not run it again. */
static void done(call *c, ptv_call_end how, int64_t now_utc)
{
    ptv_worker *w = c->worker;
    ptv_error err = { 0 };
    count(c, how);
    ptv_soar_call_free(c->asked); /* first: storing takes a copy of the reply, and of 20 MB there shall not be four */
    c->asked = NULL;
    if (c->reply.failed) { /* too large, or no memory: say that much */
        ptv_code why = c->reply.failed;
        ptv_buf_release(&c->reply);
        c->reply = (ptv_buf)PTV_BUF(BODY_LIMIT);
        ptv_call_error(&c->reply, why == PTV_ENOMEM ? "out of memory" : "the result is too large to be sent");
    }
    if (!c->is_kept && !c->is_trivial) {
        if (ptv_store_call_finish(w->store, c->key, now_utc, c->reply.data, c->reply.len, &err))
            store_failed(w, &err);
        else
            c->is_kept = true;
        if (!w->commit_at_ms)
            w->commit_at_ms = ptv_clock_ms() + COMMIT_MS;
    }
    set_state(c, DONE);
}

static int append(void *to, const char *bytes, size_t len)
{
    ptv_buf *b = to;
    ptv_buf_append(b, bytes, len);
    return b->failed != PTV_OK;
}

/* What is not said by the time the reply is there goes in its transaction. */
static void say(const call *c, const char *text, const char *transaction)
{
    ptv_session *s = c->worker->session;
    ptv_buf body = PTV_BUF(64 << 10);
    ptv_call_status(&body, text);
    if (s && !body.failed)
        ptv_session_send(s, c->reply_to, c->correlation, transaction, body.data, body.len);
    ptv_buf_release(&body);
}

static void say_of_function(const call *c, const char *what, const char *transaction)
{
    char text[256];
    snprintf(text, sizeof text, "%s App Function: '%s'", what, c->worker->function);
    say(c, text, transaction);
}

static void fail(call *c, const char *text, int64_t now_utc)
{
    ptv_log(PTV_LOG_ERROR, "worker", "[%s] failed: %s", c->correlation, text);
    if (c->worker->options.trap_exception)
        ptv_call_trapped(&c->reply, c->worker->function, text);
    else
        ptv_call_error(&c->reply, text);
    done(c, PTV_CALL_FAILED, now_utc);
}

/* Success false with a reason: the playbook goes on, and can say why. */
static void refuse(call *c, const char *reason, int64_t now_utc)
{
    ptv_error err = { 0 };
    ptv_buf result = PTV_BUF(BODY_LIMIT);
    ptv_log(PTV_LOG_WARNING, "worker", "[%s] refused: %s", c->correlation, reason);
    if (ptv_soar_refusal(NULL, reason, append, &result, &err)) {
        fail(c, err.msg, now_utc);
    } else {
        c->says_finished = true;
        ptv_call_result(&c->reply, result.data, result.len, c->asked->inputs);
        done(c, PTV_CALL_REFUSED, now_utc);
    }
    ptv_buf_release(&result);
}

/* "tags outage 503;passive_dns quota 429;": one cause, whatever the artifact. */
static void describe_cause(ptv_buf *out, const ptv_report *r)
{
    const char *outcome, *id;
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        ptv_section_view v;
        ptv_report_section(r, (ptv_section)i, &v);
        if (v.wanted && v.cause)
            ptv_buf_printf(out, "%s %s %d;", ptv_section_name((ptv_section)i), v.cause, v.http);
    }
    for (size_t i = 0; (id = ptv_report_rule(r, i, &outcome)) != NULL; i++)
        if (strcmp(outcome, "error") == 0)
            ptv_buf_printf(out, "rule %s;", id);
}

/* How this unknown reaches the playbook: told once for a cause and an incident, else quietly. */
static ptv_soar_unknown policy(const call *c, const ptv_report *r, int64_t now_utc)
{
    ptv_worker *w = c->worker;
    bool due = true;
    ptv_error err = { 0 };
    ptv_buf cause = PTV_BUF(64 << 10);
    if (w->options.unknown != PTV_UNKNOWN_ONCE_EACH)
        return w->options.unknown == PTV_UNKNOWN_IS_EMPTY ? PTV_SOAR_UNKNOWN_EMPTY : PTV_SOAR_UNKNOWN_FAIL;
    describe_cause(&cause, r);
    if (ptv_store_note_due(w->store, &due, cause.data ? cause.data : "", c->asked->incident_id, now_utc,
                           w->options.note_every_s, &err))
        store_failed(w, &err);
    ptv_buf_release(&cause);
    return due ? PTV_SOAR_UNKNOWN_ONCE : PTV_SOAR_UNKNOWN_EMPTY;
}

static void answer(call *c, ptv_report *r, int64_t now_utc)
{
    ptv_worker *w = c->worker;
    ptv_error err = { 0 };
    ptv_buf result = PTV_BUF(BODY_LIMIT), why = PTV_BUF(64 << 10);
    ptv_verdict verdict = ptv_report_verdict(r);
    if (verdict == PTV_VERDICT_UNKNOWN) {
        ptv_soar_unknown how = policy(c, r, now_utc);
        ptv_report_soar_unknown(r, how);
        ptv_report_why(r, append, &why, &err);
        if (how == PTV_SOAR_UNKNOWN_EMPTY)
            c->remark = ptv_strdup(why.data ? why.data : "");
    }
    ptv_log(PTV_LOG_INFO, "worker", "[%s] %s is %s, decision %s%s%s", c->correlation, c->asked->value,
            ptv_verdict_name(verdict), ptv_report_decision_id(r), why.len ? ": " : "", why.len ? why.data : "");
    if (w->hooks.decided)
        w->hooks.decided(w->hooks.owner, r, c->asked);
    if (ptv_report_write(r, PTV_FORMAT_SOAR, 0, append, &result, &err)) {
        fail(c, err.msg, now_utc);
    } else {
        c->says_finished = true;
        ptv_call_result(&c->reply, result.data, result.len, c->asked->inputs);
        done(c, PTV_CALL_ANSWERED, now_utc);
    }
    ptv_buf_release(&why);
    ptv_buf_release(&result);
}

static void lookup_done(ptv_lookup_tag *tag, ptv_report *report)
{
    call *c = (call *)tag;
    c->is_out = false;
    if (c->state == RUNNING)
        answer(c, report, ptv_clock_utc());
    else if (c->state == GONE)
        forget(c);
    ptv_report_free(report);
}

/* ------------------------------------------------------------------------------------------------- running */

/* What the store knows of it. True: it was finished before, and is done. */
static bool begin(call *c, int64_t now_utc)
{
    ptv_worker *w = c->worker;
    ptv_error err = { 0 };
    ptv_call_state before = PTV_CALL_NEW;
    int attempts = 1;
    char *reply = NULL, text[160];
    size_t len = 0;
    c->is_begun = true;
    if (ptv_store_call_begin(w->store, c->key, now_utc, &before, &attempts, &reply, &len, &err))
        store_failed(w, &err);
    if (before == PTV_CALL_FINISHED) {
        ptv_log(PTV_LOG_INFO, "worker", "[%s] was finished before: %s", c->correlation,
                reply ? "its result is sent again" : "only acknowledged again");
        c->is_kept = true;
        if (reply)
            ptv_buf_append(&c->reply, reply, len);
        ptv_free(reply);
        done(c, PTV_CALL_REPEATED, now_utc);
        return true;
    }
    const ptv_soar_call *a = c->asked;
    ptv_log(PTV_LOG_INFO, "worker", "[%s] %s(%s, %s) for %s by %s%s", c->correlation, w->function, a->type ? a->type : "?",
            a->value ? a->value : "?", a->workflow ? a->workflow : "a playbook", a->principal ? a->principal : "somebody",
            before == PTV_CALL_INTERRUPTED ? ", begun before and interrupted" : "");
    if (attempts > w->options.attempts) {
        snprintf(text, sizeof text, "given up: it was begun %d times and never came to an end", attempts - 1);
        fail(c, text, now_utc);
        return true;
    }
    c->says_starting = true;
    return false;
}

/* False: nobody can be started now. */
static bool start(call *c, int64_t now_ms, int64_t now_utc)
{
    ptv_worker *w = c->worker;
    ptv_error err = { 0 };
    if (!c->is_begun && begin(c, now_utc))
        return true;
    const char *refusal = c->asked->refusal ? c->asked->refusal : w->broken;
    if (!refusal && !w->client)
        refusal = "out of memory";
    if (refusal) {
        refuse(c, refusal, now_utc);
        return true;
    }
    char *expanded = w->hooks.expand ? w->hooks.expand(w->hooks.owner, c->asked->value) : NULL;
    ptv_code rc =
        ptv_submit_named(w->client, expanded ? expanded : c->asked->value, c->asked->type, c->correlation, &c->tag, &err);
    if (rc == PTV_EINVAL && expanded && strcmp(expanded, c->asked->value) != 0) /* it may be a secret */
        ptv_fail(&err, rc, "what %.200s stands for is not an artifact", c->asked->value);
    ptv_free(expanded);
    if (rc == PTV_EFULL)
        return false;
    c->since_ms = now_ms;
    set_state(c, RUNNING);
    if (rc == PTV_EINVAL)
        refuse(c, err.msg, now_utc);
    else if (rc)
        fail(c, err.msg, now_utc);
    else
        c->is_out = true;
    return true;
}

/* INT64_MAX: said already, or nobody is there to hear it. */
static int64_t starting_due(const call *c)
{
    return c->says_starting && c->worker->session ? c->since_ms + STARTING_MS : INT64_MAX;
}

static void say_starting(call *c)
{
    say_of_function(c, "Starting", NULL);
    c->says_starting = false;
}

void ptv_worker_pump(ptv_worker *w, int64_t now_ms, int64_t now_utc)
{
    ptv_error err = { 0 };
    bool may_start = !w->is_holding;
    for (call *c = w->first, *next; c; c = next) {
        next = c->next;
        if (c->state == QUEUED && may_start && w->counts[RUNNING] < (size_t)w->options.at_once)
            may_start = start(c, now_ms, now_utc);
        else if (c->state == RUNNING && now_ms - c->since_ms > w->options.give_up_ms)
            fail(c, "the lookup did not come to an end", now_utc);
        else if (c->state == RUNNING && starting_due(c) <= now_ms)
            say_starting(c);
        else if (c->state == DONE && !c->ack && now_ms - c->since_ms > LINGER_MS)
            forget(c);
    }
    if (w->commit_at_ms && now_ms >= w->commit_at_ms) {
        w->commit_at_ms = 0;
        if (ptv_store_commit(w->store, &err))
            store_failed(w, &err);
    }
}

int64_t ptv_worker_next_ms(const ptv_worker *w)
{
    int64_t next = w->commit_at_ms ? w->commit_at_ms : INT64_MAX;
    for (const call *c = w->first; c && w->counts[RUNNING]; c = c->next) {
        int64_t give_up = c->since_ms + w->options.give_up_ms + 1, starting = starting_due(c);
        int64_t due = starting < give_up ? starting : give_up;
        if (c->state == RUNNING && due < next)
            next = due;
    }
    return next;
}

/* ------------------------------------------------------------------------------------------------- messages */

/* Never a call, or not ours: answered at once, and not remembered. */
static void answer_strange(call *c, ptv_code rc, const char *why, int64_t now_utc)
{
    char text[700];
    ptv_call_end how = PTV_CALL_FOREIGN;
    c->is_trivial = true;
    if (rc) {
        snprintf(text, sizeof text, "the message cannot be read: %s", why);
        how = PTV_CALL_MALFORMED;
    } else if (!c->asked->is_function) {
        ptv_log(PTV_LOG_WARNING, "worker", "[%s] no function call, but an action's message: answered that nobody handles it",
                c->correlation);
        ptv_call_action(&c->reply);
        done(c, how, now_utc);
        return;
    } else if (!c->asked->function || !*c->asked->function) {
        snprintf(text, sizeof text,
                 "the call names no function (function.name is missing or not a text): this worker runs '%s'",
                 c->worker->function);
        how = PTV_CALL_MALFORMED;
    } else {
        snprintf(text, sizeof text, "the function '%.200s' is not known here: this worker runs '%s'", c->asked->function,
                 c->worker->function);
    }
    ptv_log(PTV_LOG_ERROR, "worker", "[%s] %s", c->correlation, text);
    ptv_call_error(&c->reply, text);
    done(c, how, now_utc);
}

static void receive(ptv_worker *w, const char *key, const ptv_frame *f, int64_t now_ms, int64_t now_utc)
{
    int sends = 0;
    ptv_error err = { 0 };
    call *c = find(w, key);
    if (c && (c->state != DONE || c->reply.len)) { /* delivered again: where it came from now is what counts */
        char *ack = ptv_strdup(ptv_frame_get(f, "ack"));
        if (!ack)
            return;
        ptv_log(PTV_LOG_INFO, "worker", "[%s] delivered again while it is %s", c->correlation,
                c->state == RUNNING ? "running" : "waiting");
        ptv_free(c->ack);
        c->ack = ack;
        if (c->state == SENT)
            set_state(c, DONE);
        return;
    }
    if (c) { /* its reply is in the store only */
        sends = c->sends;
        forget(c);
    }
    c = remember(w, key, f, now_ms);
    if (!c)
        return;
    c->sends = sends;
    ptv_code rc = ptv_soar_call_read(&c->asked, f->body, f->body_len, &err);
    if (rc == PTV_ENOMEM)
        fail(c, err.msg, now_utc);
    else if (rc || !c->asked->is_function || !ptv_text_equal(c->asked->function, w->function))
        answer_strange(c, rc, err.msg, now_utc);
}

void ptv_worker_message(ptv_worker *w, const ptv_frame *f, int64_t now_ms, int64_t now_utc)
{
    const char *ack = ptv_frame_get(f, "ack"), *id = ptv_frame_get(f, "message-id");
    const char *reply_to = ptv_frame_get(f, "reply-to"), *correlation = ptv_frame_get(f, "correlation-id");
    if (!ack) {
        ptv_log(PTV_LOG_ERROR, "worker", "a message without ack header cannot be acknowledged: left alone");
        return;
    }
    if (!reply_to || !correlation) {
        ptv_log(PTV_LOG_ERROR, "worker", "message %s has no %s: nobody can be answered, dropped", id ? id : "without id",
                reply_to ? "correlation-id" : "reply-to");
        ptv_session_ack(w->session, ack, NULL);
        if (w->hooks.ended)
            w->hooks.ended(w->hooks.owner, PTV_CALL_MALFORMED, 0);
        return;
    }
    ptv_buf key = PTV_BUF(256 << 10);
    ptv_buf_puts(&key, id ? id : "");
    ptv_buf_putc(&key, '\n');
    ptv_buf_puts(&key, correlation);
    if (!key.failed)
        receive(w, key.data, f, now_ms, now_utc);
    ptv_buf_release(&key);
    ptv_worker_pump(w, now_ms, now_utc);
}

/* ------------------------------------------------------------------------------------------------- delivery */

typedef struct transaction {
    unsigned long number;
    char name[RECEIPT_BYTES];
    int count; /* 0: not begun */
} transaction;

static void name_transaction(char out[RECEIPT_BYTES], unsigned long number)
{
    snprintf(out, RECEIPT_BYTES, "t%lu", number);
}

static void commit(ptv_worker *w, transaction *t)
{
    if (t->count)
        ptv_session_commit(w->session, t->name, t->name);
    t->count = 0;
}

static void send_reply(call *c, transaction *t)
{
    ptv_worker *w = c->worker;
    if (!t->count++) {
        t->number = ++w->transactions;
        name_transaction(t->name, t->number);
        ptv_session_begin(w->session, t->name);
    }
    if (c->sends >= MOST_SENDS && c->reply.len) { /* or it would come back for ever */
        ptv_log(PTV_LOG_ERROR, "worker", "[%s] the broker took its result %d times and never confirmed it: given up",
                c->correlation, c->sends);
        ptv_buf_clear(&c->reply);
    }
    if (c->reply.len) {
        if (c->says_starting)
            say_of_function(c, "Starting", t->name);
        if (c->remark)
            say(c, c->remark, t->name);
        if (c->says_finished)
            say_of_function(c, "Finished running", t->name);
        ptv_session_send(w->session, c->reply_to, c->correlation, t->name, c->reply.data, c->reply.len);
    }
    ptv_session_ack(w->session, c->ack, t->name);
    w->acks++;
    c->transaction = t->number;
    set_state(c, SENT);
    if (c->is_kept)
        ptv_buf_release(&c->reply);
}

void ptv_worker_flush(ptv_worker *w)
{
    transaction t = { 0 };
    if (!w->session || !w->counts[DONE])
        return;
    for (call *c = w->first, *next; c; c = next) {
        next = c->next;
        if (c->state != DONE)
            continue;
        if (!c->ack) { /* came by a line that is gone: the broker gives it to somebody again */
            if (c->is_kept && !c->sends)
                forget(c);
            continue;
        }
        bool alone = c->sends > 0; /* one that failed may not fail others */
        if (alone || t.count >= MOST_TOGETHER)
            commit(w, &t);
        send_reply(c, &t);
        if (alone)
            commit(w, &t);
    }
    commit(w, &t);
}

void ptv_worker_receipt(ptv_worker *w, const char *receipt_id, int64_t now_utc)
{
    char name[RECEIPT_BYTES];
    ptv_error err = { 0 };
    for (call *c = w->first, *next; c; c = next) {
        next = c->next;
        if (c->state != SENT)
            continue;
        name_transaction(name, c->transaction);
        if (strcmp(name, receipt_id) != 0)
            continue;
        if (c->is_kept && ptv_store_call_delivered(w->store, c->key, now_utc, &err))
            store_failed(w, &err);
        forget(c);
    }
}

void ptv_worker_up(ptv_worker *w, ptv_session *s)
{
    w->session = s;
}

void ptv_worker_lost(ptv_worker *w)
{
    w->session = NULL;
    w->acks = 0;
    for (call *c = w->first, *next; c; c = next) {
        next = c->next;
        ptv_free(c->ack);
        c->ack = NULL;
        if (c->state == SENT) {
            c->sends++;
            c->since_ms = ptv_clock_ms();
            set_state(c, DONE);
        } else if (c->state == QUEUED || (c->state == DONE && (c->is_trivial || (c->is_kept && !c->sends)))) {
            forget(c);
        }
    }
}

void ptv_worker_hold(ptv_worker *w)
{
    w->is_holding = true;
}

void ptv_worker_go_on(ptv_worker *w)
{
    w->is_holding = false;
}

size_t ptv_worker_running(const ptv_worker *w)
{
    return w->counts[RUNNING];
}

size_t ptv_worker_undelivered(const ptv_worker *w)
{
    size_t count = 0;
    for (const call *c = w->first; c && w->session; c = c->next)
        count += c->state == SENT || (c->state == DONE && c->ack);
    return count;
}

size_t ptv_worker_acks(const ptv_worker *w)
{
    return w->acks;
}

/* ------------------------------------------------------------------------------------- birth and death */

void ptv_worker_use(ptv_worker *w, const ptv_worker_options *options, ptv_client *client, const char *broken)
{
    w->options = *options;
    w->options.function = w->function;
    for (call *c = w->first, *next; c && client != w->client; c = next) { /* no reports of the one before will come */
        next = c->next;
        c->is_out = false;
        if (c->state == GONE)
            forget(c);
    }
    ptv_free(w->broken);
    w->broken = broken ? ptv_strdup(broken) : NULL;
    w->client = broken && !w->broken ? NULL : client;
}

ptv_worker *ptv_worker_new(const ptv_worker_options *options, const ptv_worker_hooks *hooks, ptv_store *store)
{
    ptv_worker *w = ptv_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->options = *options;
    w->hooks = *hooks;
    w->store = store;
    w->function = ptv_strdup(options->function);
    if (!w->function) {
        ptv_free(w);
        return NULL;
    }
    w->options.function = w->function;
    return w;
}

void ptv_worker_move(ptv_worker *w, ptv_store *store)
{
    w->store = store;
}

void ptv_worker_free(ptv_worker *w)
{
    if (!w)
        return;
    for (call *c = w->first, *next; c; c = next) {
        next = c->next;
        c->is_out = false;
        forget(c);
    }
    ptv_free(w->broken);
    ptv_free(w->function);
    ptv_free(w);
}
