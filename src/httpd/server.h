/*
 * server.h: the library's side of the server, for httpd.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_SERVER_H
#define PTV_HTTPD_SERVER_H
#include "httpd/listen.h"
#include "httpd/parts.h"

#define PTV_HEAD_BYTES 32768 /* of a connection's memory in the library: what a request's head may need of it */

/* cert, key: PEM text; NULL: plain HTTP. The socket is the library's from here on, also when it fails. */
ptv_code ptv_server_start(ptv_httpd *h, const ptv_listener *at, const char *cert, const char *key, ptv_error *err);
/* The thread; stopping and the event end it, and it ends the library. When it does not begin the library is ended here. */
ptv_code ptv_server_run(ptv_httpd *h, ptv_error *err);

#endif
