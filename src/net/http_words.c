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
#define PLACE(f) (f)->place->host, (f)->place->port

static long info(const ptv_http_failure *f, CURLINFO what)
{
    long value = 0;
    if (f->easy)
        curl_easy_getinfo(f->easy, what, &value);
    return value;
}

static const ptv_http_names *names(const ptv_http_failure *f)
{
    static const ptv_http_names ours = { .place = "the URL",
                                         .ca = "verify",
                                         .proxy_login = "https_proxy = http://user:password@host:port",
                                         .connect_timeout = "connect_timeout" };
    return f->setup->options.names ? f->setup->options.names : &ours;
}

static double seconds(long ms)
{
    return (double)ms / 1000;
}

static bool says(const ptv_http_failure *f, const char *text)
{
    return strstr(f->detail, text) != NULL;
}

/* Who could not be reached: the host, or a proxy before it ("Failed to connect to HOST port N after ..."). */
static ptv_place peer(const ptv_http_failure *f, const char **what)
{
    ptv_place p = *f->place;
    char host[256];
    long port;
    *what = "";
    if (sscanf(f->detail, "Failed to connect to %255s port %ld", host, &port) == 2 &&
        (port != p.port || (!ptv_text_equal_fold(host, p.host) && p.host[0] != '['))) {
        memcpy(p.host, host, sizeof host);
        p.port = port;
        *what = "the proxy ";
    }
    return p;
}

static bool no_connection(const ptv_http_failure *f, ptv_error *err)
{
    const char *what;
    ptv_place p = peer(f, &what);
    int reason = (int)info(f, CURLINFO_OS_ERRNO);
    if (says(f, "Unsupported proxy")) {
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "the proxy setting has a scheme that is not supported: write http://host:port");
        return false;
    }
    if (reason == ECONNREFUSED)
        ptv_fail_detail(err, PTV_ENET, f->result, "connection refused by %s" AT, what, p.host, p.port);
    else if (reason == ENETUNREACH || reason == EHOSTUNREACH)
        ptv_fail_detail(err, PTV_ENET, f->result, "no route to %s" AT ": is this machine on the network, is a proxy needed?",
                        what, p.host, p.port);
    else
        ptv_fail_detail(err, PTV_ENET, f->result, "no connection to %s" AT "%s%s", what, p.host, p.port, reason ? ": " : "",
                        reason ? strerror(reason) : "");
    return true;
}

static bool no_proxy_name(const ptv_http_failure *f, ptv_error *err)
{
    static const char prefix[] = "Could not resolve proxy: ";
    if (ptv_text_starts(f->detail, prefix)) {
        ptv_fail_detail(err, PTV_ENET, f->result, "the name of the proxy, %s, was not found (DNS): check the proxy setting",
                        f->detail + sizeof prefix - 1);
        return true;
    }
    ptv_fail_detail(err, PTV_ENET, f->result, "the proxy setting cannot be read: write http://host:port");
    return false;
}

static bool not_trusted(const ptv_http_failure *f, ptv_error *err)
{
    long verify = info(f, CURLINFO_SSL_VERIFYRESULT);
    if (info(f, CURLINFO_PROXY_SSL_VERIFYRESULT)) {
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: the certificate of the proxy is not trusted: set %s = /path/ca.pem",
                        names(f)->ca);
    } else if (verify == EXPIRED) {
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: the certificate of " AT " has expired: its owner must renew it (or this "
                        "machine's clock is wrong)",
                        PLACE(f));
    } else if (verify == NOT_YET_VALID) {
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: the certificate of " AT " is not valid yet: is this machine's clock right?", PLACE(f));
    } else if (says(f, "target host name")) {
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: the certificate of " AT " is for another name: use the name it was made for", PLACE(f));
    } else {
        static const char prefix[] = "SSL certificate problem: ";
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: the certificate of " AT " is not trusted (%s): for a private CA set %s = /path/ca.pem",
                        PLACE(f), ptv_text_starts(f->detail, prefix) ? f->detail + sizeof prefix - 1 : "no reason given",
                        names(f)->ca);
    }
    return false;
}

/* Some servers ask for a certificate only after the handshake, so this may come as a read error. */
static bool wants_certificate(const ptv_http_failure *f, ptv_error *err)
{
    if (!says(f, "alert certificate required") && !says(f, "alert handshake failure") && !says(f, "alert bad certificate") &&
        !says(f, "alert unknown ca") && !says(f, "alert certificate unknown"))
        return false;
    if (f->setup->options.client_cert)
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: " AT " does not accept our client certificate (client_auth_cert)",
                        PLACE(f));
    else
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: " AT " wants a client certificate, it seems: set client_auth_cert and client_auth_key",
                        PLACE(f));
    return true;
}

static bool no_handshake(const ptv_http_failure *f, ptv_error *err)
{
    if (wants_certificate(f, err))
        return false;
    if (says(f, "wrong version number") || says(f, "packet length too long") || says(f, "http request")) {
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: " AT " does not speak TLS: is the port right%s", PLACE(f),
                        f->setup->options.names ? "?" : ", or should the URL say http?");
        return false;
    }
    bool lost = says(f, "SYSCALL") || says(f, "reset") || says(f, "unexpected eof");
    const char *reason =
        strrchr(f->detail, ':'); /* "OpenSSL/3.0: error:0A000126:SSL routines::unexpected eof while reading" */
    if (lost)
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: " AT " closed the connection during the handshake", PLACE(f));
    else
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: no common ground with " AT " (%s)", PLACE(f),
                        reason && reason[1] ? reason + 1 : "handshake failed");
    return lost;
}

static bool connection_lost(const ptv_http_failure *f, ptv_error *err)
{
    long status = info(f, CURLINFO_HTTP_CONNECTCODE);
    if (status >= 300) {
        ptv_fail_detail(err, PTV_ENET, f->result, "the proxy refused a tunnel to " AT ": HTTP %ld%s%s", PLACE(f), status,
                        status == 407 ? ", it wants a login: " : "", status == 407 ? names(f)->proxy_login : "");
        return status >= 500;
    }
    if (wants_certificate(f, err))
        return false;
    if (f->header_bytes)
        ptv_fail_detail(err, PTV_ENET, f->result, "connection to " AT " cut after %zu bytes of the answer", PLACE(f),
                        f->received);
    else
        ptv_fail_detail(err, PTV_ENET, f->result, "connection to " AT " closed before an answer came", PLACE(f));
    return true;
}

static bool timed_out(const ptv_http_failure *f, ptv_error *err)
{
    if (f->stopped != PTV_ETIMEOUT) { /* libcurl watches the connecting only */
        const char *doing = says(f, "Resolving") ? "no address (DNS) for" : "no connection to";
        ptv_fail_detail(err, PTV_ETIMEOUT, f->result, "%s " AT " within %g s (%s)", doing, PLACE(f),
                        seconds(f->connect_timeout_ms), names(f)->connect_timeout);
        return true;
    }
    if (f->received) {
        ptv_fail_detail(err, PTV_ETIMEOUT, f->result,
                        "the answer of " AT " was not complete within %g s: %zu bytes had come (timeout)", PLACE(f),
                        seconds(f->timeout_ms), f->received);
        return false;
    }
    ptv_fail_detail(err, PTV_ETIMEOUT, f->result, "no answer from " AT " within %g s (timeout)", PLACE(f),
                    seconds(f->timeout_ms));
    return true;
}

bool ptv_http_explain(const ptv_http_failure *f, ptv_error *err)
{
    if (f->stopped == PTV_ENOMEM) {
        ptv_fail_nomem(err);
        err->detail = f->result;
        return false;
    }
    if (f->headers_too_long || f->result == CURLE_OUT_OF_MEMORY) { /* no memory was refused: a line over libcurl's 100 KB */
        ptv_fail_detail(err, PTV_ETOOBIG, f->result, "the answer of " AT " has headers that are too long", PLACE(f));
        return false;
    }
    if (f->stopped == PTV_ETOOBIG || f->result == CURLE_FILESIZE_EXCEEDED) {
        ptv_fail_detail(err, PTV_ETOOBIG, f->result, "the answer of " AT " is over %zu bytes (max_body)", PLACE(f),
                        f->limit_bytes);
        return false;
    }
    switch (f->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        ptv_fail_detail(err, PTV_ENET, f->result, "the name %s was not found (DNS): check %s, or set a proxy",
                        f->place->host, names(f)->place);
        return true;
    case CURLE_COULDNT_RESOLVE_PROXY:
        return no_proxy_name(f, err);
    case CURLE_COULDNT_CONNECT:
        return no_connection(f, err);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(f, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return not_trusted(f, err);
    case CURLE_SSL_CONNECT_ERROR:
        return no_handshake(f, err);
    case CURLE_SSL_CERTPROBLEM:
        ptv_fail_detail(err, PTV_ENET, f->result,
                        "TLS: the client certificate or its key cannot be used: see client_auth_cert, "
                        "client_auth_key");
        return false;
    case CURLE_SSL_CACERT_BADFILE:
        ptv_fail_detail(err, PTV_ENET, f->result, "TLS: %s holds no certificate that can be read (%s)",
                        f->setup->ca_file ? f->setup->ca_file : "the CA folder", names(f)->ca);
        return false;
    case CURLE_UNSUPPORTED_PROTOCOL: /* what libcurl calls HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
        ptv_fail_detail(err, PTV_ENET, f->result, AT " does not answer in HTTP: is the port right?", PLACE(f));
        return !info(f, CURLINFO_NUM_CONNECTS); /* on a connection used before: bytes that an earlier answer left behind */
    case CURLE_BAD_CONTENT_ENCODING:
        ptv_fail_detail(err, PTV_ENET, f->result, "the answer of " AT " cannot be unpacked", PLACE(f));
        return true;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return connection_lost(f, err);
    default:
        ptv_fail_detail(err, PTV_ENET, f->result, "asking " AT " failed: %s", PLACE(f), curl_easy_strerror(f->result));
        return false;
    }
}
