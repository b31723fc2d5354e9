/*
 * reply.h: what the files that make replies share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_REPLY_H
#define PTV_HTTPD_REPLY_H
#include "base/json.h"
#include "httpd/parts.h"

#define PTV_JSON_TYPE    "application/json"
#define PTV_BUSY_RETRY_S 10
#define PTV_BODY_MEMORY  ((size_t)4 << 20) /* of the tree of one artifact */

void ptv_reply_begin(ptv_exchange *r, int status, const char *type);
ptv_step ptv_reply_busy(ptv_exchange *r, const ptv_error *err); /* 503, come again */
ptv_step ptv_reply_no_memory(ptv_exchange *r);
void ptv_exchange_drop_job(ptv_exchange *r);

/* cts.c */
ptv_step ptv_cts_step(ptv_exchange *r, int64_t now_ms);
void ptv_cts_deliver(ptv_httpd *h, ptv_job *job, int64_t now_ms);
/* rest.c */
ptv_step ptv_verdict_step(ptv_exchange *r, int64_t now_ms);

#endif
