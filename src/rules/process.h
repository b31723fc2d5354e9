/*
 * process.h: the rule process: where custom conditions run when a set is separated. Shared by both of its ends; internal to
 * this folder. The door is ptv_ruleset_separate() in rules.h.
 *
 *     parent                                   child: this program, started as "rule-process"
 *     LOAD   options, settings, files  ──────► guards itself, loads the same set from the texts
 *            ◄──────  READY  digests, number of conditions
 *     CALL   condition, now, record    ──────► runs one custom function; no record: the one sent last
 *            ◄──────  ANSWER truth, reason or error
 *
 * Numbers are as the machine has them: both ends are the same program. What the child answers is believed only after it was
 * looked at: its rules may have taken it over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_PROCESS_H
#define PTV_RULES_PROCESS_H
#include "base/buf.h"
#include "rules/sandbox.h"

enum { PTV_FRAME_LOAD = 1, PTV_FRAME_READY, PTV_FRAME_CALL, PTV_FRAME_ANSWER };
enum {
    PTV_FRAME_MOST = 1 << 30, /* bytes of a LOAD */
    PTV_TEXT_MOST = 1000      /* bytes of a text in READY and ANSWER */
};

typedef struct ptv_frame {
    uint32_t kind, len; /* of what follows */
} ptv_frame;

/* LOAD: this, then `settings` times name and value, then `files` times path, folder, name and text. */
typedef struct ptv_frame_load {
    int64_t now;
    uint32_t supported, shadow_fetch, part, settings, files;
} ptv_frame_load;

typedef struct ptv_frame_ready {
    uint32_t code; /* ptv_code; not PTV_OK: text says why */
    uint32_t nodes;
    char digest[PTV_DIGEST_HEX], settings_digest[PTV_DIGEST_HEX];
    char text[PTV_TEXT_MOST];
} ptv_frame_ready;

/* CALL: this, then the compact record, or nothing. */
typedef struct ptv_frame_call {
    int64_t now;
    uint32_t node;
} ptv_frame_call;

typedef struct ptv_frame_answer {
    uint32_t code;  /* ptv_code; not PTV_OK: text says why */
    uint32_t truth; /* ptv_truth */
    uint32_t has_text, len;
    char text[PTV_TEXT_MOST]; /* only its first `len` bytes are sent */
} ptv_frame_answer;

/* A text on its way: its length, its bytes, a NUL. */
void ptv_wire_put(ptv_buf *out, const char *text, size_t len);
typedef struct ptv_wire {
    const char *at, *end;
    bool bad; /* what was read is not what was written */
} ptv_wire;
const char *ptv_wire_text(ptv_wire *in, size_t *len); /* "" when bad */
void ptv_wire_bytes(ptv_wire *in, void *to, size_t len);

/* Give everything up but memory and descriptor 0. false: the system does not know how; `err` says what. */
bool ptv_process_guard(ptv_error *err);

/* A custom condition that runs elsewhere from now on. */
typedef ptv_code ptv_custom_run_fn(void *self, ptv_truth *out, const char **reason, ptv_arena *mem, const ptv_record *r,
                                   ptv_error *err);
void ptv_custom_move(ptv_custom *c, ptv_custom_run_fn *run, void *self);

typedef struct ptv_rule_process ptv_rule_process; /* the parent's end */
void ptv_rule_process_free(ptv_rule_process *p);  /* NULL is fine */

#endif
