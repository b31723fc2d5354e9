/*
 * call.h: a function call of the platform and the bodies that answer it. Pure. Reading is public: ptv_soar_call_read().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOAR_CALL_H
#define PTV_SOAR_CALL_H
#include "base/buf.h"

/* {"message_type": 0, "message": "…", "complete": false}; an empty text becomes "(No status)". */
void ptv_call_status(ptv_buf *out, const char *text);
/* The final message around a result of ptv_report_write_soar(); `inputs` stand in for those the result has. */
void ptv_call_result(ptv_buf *out, const char *result, size_t len, const char *inputs);
/* The final message that ends a workflow or playbook with an error. */
void ptv_call_error(ptv_buf *out, const char *text);
/* The same for a customer who set trap_exception: the playbook goes on, its script sees success false. */
void ptv_call_trapped(ptv_buf *out, const char *function, const char *text);
/* The final message for a message that is no function call. */
void ptv_call_action(ptv_buf *out);

#endif
