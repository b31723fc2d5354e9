/*
 * listen.h: addresses: ours to listen on, a peer's to be logged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_LISTEN_H
#define PTV_HTTPD_LISTEN_H
#include "base/err.h"

typedef struct ptv_listener {
    int fd; /* yours; does not block */
    int port;
    bool is_v6;
    bool is_local; /* reached from this machine alone */
} ptv_listener;

/* Errors: PTV_ESETTINGS, PTV_EIO (detail errno). */
ptv_code ptv_listen(ptv_listener *out, const char *text, ptv_error *err);
void ptv_peer_text(char out[64], const void *address); /* a struct sockaddr; NULL is fine */

#endif
