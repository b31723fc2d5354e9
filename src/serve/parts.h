/*
 * parts.h: what the files of serve share. All of it belongs to the loop's thread.
 *
 *   serve.c       birth, loop, signals, stopping and reloading
 *   generation.c  one reading of settings and rules
 *   rules.c       the rules while it runs
 *   platform.c    REST login, then the broker
 *   doors.c       the HTTP server
 *   process.c     lock file, status file, the service manager
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SERVE_PARTS_H
#define PTV_SERVE_PARTS_H
#include "httpd/httpd.h"
#include "serve/metrics.h"
#include "serve/serve.h"
#include "serve/settings.h"

/* ---- one reading of settings and rules */
typedef struct ptv_generation {
    ptv_config *config;
    ptv_serve_settings settings;
    ptv_client *client;
    char *broken; /* why rules do not load; NULL: they do. The client then has none */
} ptv_generation;
/* now: the one in use; NULL: none yet. Errors: PTV_ESETTINGS, PTV_EIO, PTV_ENOMEM. Rules that do not load are none. */
ptv_code ptv_generation_new(ptv_generation **out, const ptv_serve_options *options, const ptv_generation *now,
                            ptv_error *err);
void ptv_generation_free(ptv_generation *g);                 /* NULL is fine */
const char *ptv_generation_refused(const ptv_generation *g); /* why its rules are not those on disk; NULL: they are */

/* ---- rules */
void ptv_rules_watch(ptv_serve *s); /* now and then: look at the files, take them over where the settings say so */
void ptv_rules_show(ptv_serve *s);

/* ---- platform */
typedef enum ptv_platform_state {
    PTV_PLATFORM_OFF,     /* no [resilient], or stopped */
    PTV_PLATFORM_LOGIN,   /* REST */
    PTV_PLATFORM_WAITING, /* until retry_at_ms, then again */
    PTV_PLATFORM_BROKER   /* the consumer lives; up or trying */
} ptv_platform_state;

typedef struct ptv_platform {
    ptv_platform_state state;
    ptv_transport net; /* of REST, while logging in */
    ptv_rest *rest;
    ptv_consumer *consumer;
    int64_t retry_at_ms, down_since_ms;
    int64_t tries_left;  /* -1: no limit */
    bool was_up;         /* logged in once: failures are waited out from then on */
    bool is_renewing;    /* the connection is given up, for another one to the same broker */
    int64_t login_at_ms; /* the broker refused the login: ask REST then; 0: it did not */
    int64_t deaf_at_ms;  /* the broker refused the subscription: try again then; 0: it did not */
} ptv_platform;
void ptv_platform_begin(ptv_serve *s, int64_t now_ms);
/* An error is for good: the process should end with err->detail. */
ptv_code ptv_platform_step(ptv_serve *s, int64_t now_ms, ptv_error *err);
int ptv_platform_fd(const ptv_serve *s);
int64_t ptv_platform_next_ms(const ptv_serve *s);
bool ptv_platform_is_asking(const ptv_serve *s); /* REST: its transport must be polled */
void ptv_platform_stop(ptv_serve *s, int64_t now_ms);
bool ptv_platform_is_stopped(const ptv_serve *s);
void ptv_platform_end(ptv_serve *s); /* at once */

/* ---- HTTP doors */
ptv_code ptv_doors_open(ptv_serve *s, ptv_error *err);
void ptv_doors_take(ptv_serve *s); /* lookups that wait */
size_t ptv_doors_busy(const ptv_serve *s);
void ptv_doors_close(ptv_serve *s);
bool ptv_doors_wanted(const ptv_config *c);
bool ptv_doors_same(const ptv_config *a, const ptv_config *b);

/* ---- process */
/* *fd -1: done without. PTV_EFULL: another instance holds it. */
ptv_code ptv_lock_take(int *fd, const char *path, bool is_ours, ptv_error *err);
void ptv_lock_keep(ptv_serve *s); /* somebody may have cleaned it away: then nobody would find us any more */
void ptv_status_write(ptv_serve *s, int64_t now_ms);
void ptv_notify(const char *what); /* the service manager: "READY=1" */

/* ---- serve.c */
void ptv_serve_wakeup(const ptv_serve *s); /* any thread */
void ptv_serve_store_failed(ptv_serve *s, const ptv_error *why);
void ptv_serve_decided(ptv_serve *s, const ptv_report *r, const char *incident_id, const char *artifact_id);

typedef enum ptv_serve_phase {
    PTV_SERVING,
    PTV_DRAINING, /* a new generation waits until nothing runs on the old one */
    PTV_MOVING,   /* the broker connection is being given up for another one */
    PTV_STOPPING, /* what runs comes to its end */
    PTV_LEAVING   /* DISCONNECT is on its way */
} ptv_serve_phase;

struct ptv_serve {
    ptv_arena mem;
    ptv_serve_options options; /* text in `mem` */
    ptv_serve_phase phase;
    ptv_generation *now, *next;
    ptv_store *store;
    ptv_metrics *metrics;
    ptv_worker *worker;
    ptv_platform platform;
    ptv_httpd *httpd;
    size_t http_lookups; /* under way for it */
    uint64_t http_requests;
    bool has_worked;     /* since memory was last given back */
    int lock, next_lock; /* the latter with `next`, when it wants another one; -1 */
    int quiet;           /* never readable: watched while there is no broker */
    int64_t stop_by_ms, status_at_ms, look_at_ms;
    int64_t doors_by_ms; /* they are closed for others to open: until then what waits at them is answered; 0: they are not */
    struct ptv_file_mark { /* the settings file, to see when it changes */
        int64_t size, mtime_ns;
        uint64_t inode; /* 0: it is not there */
    } mark;
    char refused[512];    /* why the settings on disk are not those in force; "": they are */
    int64_t said_ms;      /* when that was said last */
    bool waits_for_rules; /* they are good, but read together with rules that were refused */
};

#endif
