/*
 * http_words.c: a failed transfer in words that name the host and say what to do. libcurl's own text is read, never shown
 * whole: it may hold a proxy's password.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "net/http_parts.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* X509_V_ERR_* of OpenSSL, as CURLINFO_SSL_VERIFYRESULT reports them; the numbers are part of its ABI. */
enum { NOT_YET_VALID = 9, EXPIRED = 10 };

#define AT       "%s port %ld"
#define PLACE(r) (r)->place.host, (r)->place.port

static long info(const ptv_http_request *r, CURLINFO what)
{
    long value = 0;
    if (r->easy)
        curl_easy_getinfo(r->easy, what, &value);
    return value;
}

static double seconds(long ms)
{
    return (double)ms / 1000;
}

static bool says(const ptv_http_request *r, const char *text)
{
    return strstr(r->detail, text) != NULL;
}

/* Who could not be reached: the host, or a proxy before it ("Failed to connect to HOST port N after ..."). */
static ptv_place peer(const ptv_http_request *r, const char **what)
{
    ptv_place p = r->place;
    char host[256];
    long port;
    *what = "";
    if (sscanf(r->detail, "Failed to connect to %255s port %ld", host, &port) == 2 &&
        (port != p.port || (!ptv_text_equal_fold(host, p.host) && p.host[0] != '['))) {
        memcpy(p.host, host, sizeof host);
        p.port = port;
        *what = "the proxy ";
    }
    return p;
}

static bool no_connection(const ptv_http_request *r, ptv_error *err)
{
    const char *what;
    ptv_place p = peer(r, &what);
    int reason = (int)info(r, CURLINFO_OS_ERRNO);
    if (says(r, "Unsupported proxy")) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "the proxy setting has a scheme that is not supported: write http://host:port");
        return false;
    }
    if (reason == ECONNREFUSED)
        ptv_fail_detail(err, PTV_ENET, r->result, "connection refused by %s" AT, what, p.host, p.port);
    else if (reason == ENETUNREACH || reason == EHOSTUNREACH)
        ptv_fail_detail(err, PTV_ENET, r->result, "no route to %s" AT ": is this machine on the network, is a proxy needed?",
                        what, p.host, p.port);
    else
        ptv_fail_detail(err, PTV_ENET, r->result, "no connection to %s" AT "%s%s", what, p.host, p.port, reason ? ": " : "",
                        reason ? strerror(reason) : "");
    return true;
}

static bool no_proxy_name(const ptv_http_request *r, ptv_error *err)
{
    static const char prefix[] = "Could not resolve proxy: ";
    if (ptv_text_starts(r->detail, prefix)) {
        ptv_fail_detail(err, PTV_ENET, r->result, "the name of the proxy, %s, was not found (DNS): check the proxy setting",
                        r->detail + sizeof prefix - 1);
        return true;
    }
    ptv_fail_detail(err, PTV_ENET, r->result, "the proxy setting cannot be read: write http://host:port");
    return false;
}

static bool not_trusted(const ptv_http_request *r, ptv_error *err)
{
    long verify = info(r, CURLINFO_SSL_VERIFYRESULT);
    if (info(r, CURLINFO_PROXY_SSL_VERIFYRESULT)) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the certificate of the proxy is not trusted: set verify = /path/ca.pem");
    } else if (verify == EXPIRED) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the certificate of " AT " has expired: its owner must renew it (or this "
                        "machine's clock is wrong)",
                        PLACE(r));
    } else if (verify == NOT_YET_VALID) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the certificate of " AT " is not valid yet: is this machine's clock right?", PLACE(r));
    } else if (says(r, "target host name")) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the certificate of " AT " is for another name: use the name it was made for", PLACE(r));
    } else {
        static const char prefix[] = "SSL certificate problem: ";
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the certificate of " AT " is not trusted (%s): for a private CA set verify = /path/ca.pem",
                        PLACE(r), ptv_text_starts(r->detail, prefix) ? r->detail + sizeof prefix - 1 : "no reason given");
    }
    return false;
}

/* Some servers ask for a certificate only after the handshake, so this may come as a read error. */
static bool wants_certificate(const ptv_http_request *r, ptv_error *err)
{
    if (!says(r, "alert certificate required") && !says(r, "alert handshake failure") && !says(r, "alert bad certificate") &&
        !says(r, "alert unknown ca") && !says(r, "alert certificate unknown"))
        return false;
    if (r->http->setup.options.client_cert)
        ptv_fail_detail(err, PTV_ENET, r->result, "TLS: " AT " does not accept our client certificate (client_auth_cert)",
                        PLACE(r));
    else
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: " AT " wants a client certificate, it seems: set client_auth_cert and client_auth_key",
                        PLACE(r));
    return true;
}

static bool no_handshake(const ptv_http_request *r, ptv_error *err)
{
    if (wants_certificate(r, err))
        return false;
    if (says(r, "wrong version number") || says(r, "packet length too long") || says(r, "http request")) {
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: " AT " does not speak TLS: is the port right, or should the URL say http?", PLACE(r));
        return false;
    }
    bool lost = says(r, "SYSCALL") || says(r, "reset") || says(r, "unexpected eof");
    const char *reason =
        strrchr(r->detail, ':'); /* "OpenSSL/3.0: error:0A000126:SSL routines::unexpected eof while reading" */
    if (lost)
        ptv_fail_detail(err, PTV_ENET, r->result, "TLS: " AT " closed the connection during the handshake", PLACE(r));
    else
        ptv_fail_detail(err, PTV_ENET, r->result, "TLS: no common ground with " AT " (%s)", PLACE(r),
                        reason && reason[1] ? reason + 1 : "handshake failed");
    return lost;
}

static bool connection_lost(const ptv_http_request *r, ptv_error *err)
{
    long status = info(r, CURLINFO_HTTP_CONNECTCODE);
    if (status >= 300) {
        ptv_fail_detail(err, PTV_ENET, r->result, "the proxy refused a tunnel to " AT ": HTTP %ld%s", PLACE(r), status,
                        status == 407 ? ", it wants a login: https_proxy = http://user:password@host:port" : "");
        return status >= 500;
    }
    if (wants_certificate(r, err))
        return false;
    if (r->header_bytes)
        ptv_fail_detail(err, PTV_ENET, r->result, "connection to " AT " cut after %zu bytes of the answer", PLACE(r),
                        r->body.len);
    else
        ptv_fail_detail(err, PTV_ENET, r->result, "connection to " AT " closed before an answer came", PLACE(r));
    return true;
}

static bool timed_out(const ptv_http_request *r, ptv_error *err)
{
    if (r->stopped != PTV_ETIMEOUT) { /* libcurl watches the connecting only */
        const char *doing = says(r, "Resolving") ? "no address (DNS) for" : "no connection to";
        ptv_fail_detail(err, PTV_ETIMEOUT, r->result, "%s " AT " within %g s (connect_timeout)", doing, PLACE(r),
                        seconds(r->connect_timeout_ms));
        return true;
    }
    if (r->body.len) {
        ptv_fail_detail(err, PTV_ETIMEOUT, r->result,
                        "the answer of " AT " was not complete within %g s: %zu bytes had come (timeout)", PLACE(r),
                        seconds(r->timeout_ms), r->body.len);
        return false;
    }
    ptv_fail_detail(err, PTV_ETIMEOUT, r->result, "no answer from " AT " within %g s (timeout)", PLACE(r),
                    seconds(r->timeout_ms));
    return true;
}

bool ptv_http_explain(const ptv_http_request *r, ptv_error *err)
{
    if (r->stopped == PTV_ENOMEM) {
        ptv_fail_nomem(err);
        err->detail = r->result;
        return false;
    }
    if (r->headers_too_long || r->result == CURLE_OUT_OF_MEMORY) { /* no memory was refused: a line over libcurl's 100 KB */
        ptv_fail_detail(err, PTV_ETOOBIG, r->result, "the answer of " AT " has headers that are too long", PLACE(r));
        return false;
    }
    if (r->stopped == PTV_ETOOBIG || r->result == CURLE_FILESIZE_EXCEEDED) {
        ptv_fail_detail(err, PTV_ETOOBIG, r->result, "the answer of " AT " is over %zu bytes (max_body)", PLACE(r),
                        r->body_limit_bytes);
        return false;
    }
    switch (r->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        ptv_fail_detail(err, PTV_ENET, r->result, "the name %s was not found (DNS): check the URL, or set a proxy",
                        r->place.host);
        return true;
    case CURLE_COULDNT_RESOLVE_PROXY:
        return no_proxy_name(r, err);
    case CURLE_COULDNT_CONNECT:
        return no_connection(r, err);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(r, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return not_trusted(r, err);
    case CURLE_SSL_CONNECT_ERROR:
        return no_handshake(r, err);
    case CURLE_SSL_CERTPROBLEM:
        ptv_fail_detail(err, PTV_ENET, r->result,
                        "TLS: the client certificate or its key cannot be used: see client_auth_cert, "
                        "client_auth_key");
        return false;
    case CURLE_SSL_CACERT_BADFILE:
        ptv_fail_detail(err, PTV_ENET, r->result, "TLS: %s holds no certificate that can be read (verify)",
                        r->http->setup.ca_file ? r->http->setup.ca_file : "the CA folder");
        return false;
    case CURLE_UNSUPPORTED_PROTOCOL: /* what libcurl calls HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
        ptv_fail_detail(err, PTV_ENET, r->result, AT " does not answer in HTTP: is the port right?", PLACE(r));
        return !info(r, CURLINFO_NUM_CONNECTS); /* on a connection used before: bytes that an earlier answer left behind */
    case CURLE_BAD_CONTENT_ENCODING:
        ptv_fail_detail(err, PTV_ENET, r->result, "the answer of " AT " cannot be unpacked", PLACE(r));
        return true;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return connection_lost(r, err);
    default:
        ptv_fail_detail(err, PTV_ENET, r->result, "asking " AT " failed: %s", PLACE(r), curl_easy_strerror(r->result));
        return false;
    }
}
