/*
 * httpd.h: our own HTTP doors, for whoever has a client to answer them with: the custom threat service of the SOAR platform
 * (docs/threat-service.md), the REST API (docs/rest-api.md), and /healthz, /readyz, /metrics.
 *
 * The server has a thread of its own. A request that needs a lookup waits there while its job stands in a queue:
 *
 *     HTTP thread                          the loop's thread
 *     request ──► job ──► queue ──wake()──► ptv_httpd_take() ──► ptv_submit(c, job->value, job->type, job, err)
 *     response ◄── rendered answer ◄─────── ptv_httpd_answer() ◄── ptv_next()
 *
 * All functions here belong to the loop's thread. The callbacks, and the sink of ptv_log_to(), are called from the HTTP
 * thread: they must be safe there and must not wait.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_HTTPD_H
#define PTV_HTTPD_HTTPD_H
#include "base/buf.h"

typedef struct ptv_httpd ptv_httpd;

typedef struct ptv_httpd_hooks {
    void *to;
    void (*wake)(void *to);                                           /* a job waits: ptv_wakeup() */
    bool (*healthy)(void *to, ptv_buf *why);                          /* /healthz; `why`: one line of text, in either case */
    bool (*ready)(void *to, ptv_buf *why);                            /* /readyz */
    void (*metrics)(void *to, ptv_buf *out);                          /* /metrics, the Prometheus text */
    void (*served)(void *to, int status, bool is_lookup, int64_t ms); /* a response was queued; is_lookup: of /cts or /v1 */
} ptv_httpd_hooks;                                                    /* all but wake may be NULL */

/* Texts are copied. Times and sizes of 0 mean the default of the setting named. */
typedef struct ptv_httpd_options {
    const char *listen;             /* http_listen: "127.0.0.1:9000", "[::1]:9000", "*:9000"; port 0: a free one */
    const char *tls_cert, *tls_key; /* http_tls_cert, http_tls_key: PEM files; NULL: plain HTTP */
    const char *user, *password;    /* http_user, http_password: for /cts */
    const char *token;              /* http_token: for /v1 and /metrics */
    const char *cts_name;           /* cts_name */
    int64_t cts_wait_ms;            /* cts_wait; 0: not at all */
    int64_t cts_keep_ms;            /* cts_keep */
    size_t cts_max;                 /* cts_max */
    int64_t deadline_ms;            /* http_deadline */
    int64_t lookup_ms;              /* deadline: of one lookup; a job unanswered well after that is given up */
    size_t max_body_bytes;          /* http_max_body */
    unsigned max_connections;       /* http_max_connections */
    unsigned max_per_address;       /* http_max_per_address */
    uint64_t *requests;             /* how many came before, counted on: doors opened anew give no number twice; NULL: 0 */
    ptv_httpd_hooks hooks;
} ptv_httpd_options;

/*
 * Listen and serve. A door without its credential (user and password, token) is open to this machine alone: on any other
 * address it stays shut, with a warning. Errors: PTV_ESETTINGS (address, certificate), PTV_EIO (detail errno), PTV_ENOMEM.
 */
ptv_code ptv_httpd_start(ptv_httpd **out, const ptv_httpd_options *options, ptv_error *err);
int ptv_httpd_port(const ptv_httpd *h);
/* Accept no further connection, and close each after the response it waits for. */
void ptv_httpd_drain(ptv_httpd *h);
size_t ptv_httpd_waiting(ptv_httpd *h); /* requests not yet answered, jobs queued or taken: 0 says that all is done */
void ptv_httpd_stop(ptv_httpd *h);      /* NULL is fine; open requests are dropped, jobs that were taken are gone with it */
/* Other rules or settings are in force: kept results of the threat service are no longer true. Lookups under way go on. */
void ptv_httpd_forget(ptv_httpd *h);

typedef enum ptv_httpd_kind {
    PTV_HTTPD_LOOKUP, /* look up `value` as `type`, then ptv_httpd_answer() */
    PTV_HTTPD_RECALL  /* a poll for a query that this process never saw: ptv_httpd_recalled() says what it was about */
} ptv_httpd_kind;

typedef struct ptv_httpd_job {
    ptv_httpd_kind kind;
    uint64_t number;   /* of the request it began with: names it in log lines, "[http:12]" */
    const char *value; /* as it came */
    const char *type;  /* "net.name", "DNS Name" …; NULL: to be seen from the value */
    /* Threat service only, else NULL. LOOKUP: keep value and type under it before the work begins, so that a poll after
     * a restart finds them (the store's cached answers will do). RECALL: what to find. */
    const char *id;
} ptv_httpd_job; /* borrowed until answered */

/* The next job, or NULL. With no room for a lookup (max_in_flight) only RECALLs are handed out. Each one taken must be
 * answered in the end, whatever became of it. */
ptv_httpd_job *ptv_httpd_take(ptv_httpd *h, bool room);
/* The report is read before this returns and stays yours. NULL: there is none, and `err` says why (PTV_EINVAL: the artifact
 * was refused). */
void ptv_httpd_answer(ptv_httpd *h, ptv_httpd_job *job, const ptv_report *report, const ptv_error *err);
void ptv_httpd_recalled(ptv_httpd *h, ptv_httpd_job *job, const char *type, const char *value); /* value NULL: not known */

#endif
