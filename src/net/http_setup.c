/*
 * http_setup.c: what every connection may do and trust.
 *
 * The trap here is the CA store. OpenSSL parses a bundle of 145 roots in about 21 ms, for each connection anew, and libcurl
 * keeps the parsed store only while no CA folder is set; Debian's libcurl sets both. So: the hashed folder alone where there
 * is one (2 ms), else the bundle alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "net/http_parts.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS = 16, BODIES_BYTES = 64 << 20, SETTINGS_BYTES = 1 << 20 };

/* "5ed36f99.0": eight hex digits, a dot, a number. */
static bool is_hash_link(const char *name)
{
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] &&
           strspn(name + 9, "0123456789") == strlen(name + 9);
}

static bool has_hash_links(const char *folder)
{
    DIR *d = folder ? opendir(folder) : NULL;
    if (!d)
        return false;
    const struct dirent *entry;
    do
        entry = readdir(d);
    while (entry && !is_hash_link(entry->d_name));
    closedir(d);
    return entry != NULL;
}

static void find_ca_store(ptv_http_setup *s)
{
    const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
    if (s->options.ca_file) {
        *(ptv_is_dir(s->options.ca_file) ? &s->ca_folder : &s->ca_file) = s->options.ca_file;
        return;
    }
    if (has_hash_links(built->capath))
        s->ca_folder = built->capath;
    else
        s->ca_file = built->cainfo;
}

static ptv_code check_readable(const char *path, const char *what, ptv_error *err)
{
    if (!path || access(path, R_OK) == 0)
        return PTV_OK;
    int reason = errno;
    return ptv_fail_detail(err, PTV_ESETTINGS, reason, "%s %s: %s", what, path, strerror(reason));
}

ptv_code ptv_http_setup_init(ptv_http_setup *s, const ptv_http_options *options, ptv_error *err)
{
    *s = (ptv_http_setup){ .options = *options, .mem = PTV_ARENA(SETTINGS_BYTES) };
    ptv_http_options *o = &s->options;
    const char **texts[] = { &o->proxy_http,  &o->proxy_https, &o->no_proxy,  &o->ca_file,
                             &o->client_cert, &o->client_key,  &o->user_agent };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = *texts[i];
        *texts[i] = ptv_arena_strdup(&s->mem, text);
        if (text && !*texts[i])
            return ptv_arena_fail(&s->mem, err);
    }
    if (!o->user_agent)
        o->user_agent = "ptverdict/" PTV_VERSION;
    if (o->max_connections <= 0)
        o->max_connections = CONNECTIONS;
    if (!o->bodies_limit_bytes)
        o->bodies_limit_bytes = BODIES_BYTES;
    if (!o->client_cert != !o->client_key)
        return ptv_fail(err, PTV_ESETTINGS, "client_auth_cert and client_auth_key belong together: set both or neither");
    ptv_code rc = check_readable(o->ca_file, "the CA file", err);
    if (!rc)
        rc = check_readable(o->client_cert, "client_auth_cert", err);
    if (!rc)
        rc = check_readable(o->client_key, "client_auth_key", err);
    if (!rc && o->ca_file && ptv_is_dir(o->ca_file) && !has_hash_links(o->ca_file))
        rc = ptv_fail(err, PTV_ESETTINGS, "verify: the folder %s holds no hashed certificate: run 'openssl rehash' on it",
                      o->ca_file);
    find_ca_store(s);
    return rc;
}

void ptv_http_setup_release(ptv_http_setup *s)
{
    ptv_arena_release(&s->mem);
}

#define SET(option, value)                                                                                                  \
    do {                                                                                                                    \
        if (!rc)                                                                                                            \
            rc = curl_easy_setopt(easy, option, value);                                                                     \
    } while (0)

static CURLcode apply_trust(const ptv_http_setup *s, CURL *easy)
{
    CURLcode rc = CURLE_OK;
    const ptv_http_options *o = &s->options;
    SET(CURLOPT_SSL_SESSIONID_CACHE,
        0L); /* 7.88 frees an entry twice when it runs out of memory; saves 0.4 ms a connection */
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, o->verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, o->verify ? 2L : 0L);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, o->verify ? 1L : 0L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, o->verify ? 2L : 0L);
    if (s->ca_file || s->ca_folder) {
        SET(CURLOPT_CAINFO, s->ca_file);
        SET(CURLOPT_CAPATH, s->ca_folder);
        SET(CURLOPT_PROXY_CAINFO, s->ca_file);
        SET(CURLOPT_PROXY_CAPATH, s->ca_folder);
    }
    if (o->client_cert) {
        SET(CURLOPT_SSLCERT, o->client_cert);
        SET(CURLOPT_SSLKEY, o->client_key);
    }
    return rc;
}

CURLcode ptv_http_setup_apply(const ptv_http_setup *s, CURL *easy)
{
    const ptv_http_options *o = &s->options;
    CURLcode rc = apply_trust(s, easy);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* else dropping a request waits for a name server that does not answer */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* http.c follows, within one place */
    SET(CURLOPT_HTTP_VERSION, o->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PIPEWAIT, o->http2 ? 1L : 0L);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    if (o->no_proxy)
        SET(CURLOPT_NOPROXY, o->no_proxy);
    return rc;
}

const char *ptv_http_proxy(const ptv_http_setup *s, const ptv_place *place)
{
    const ptv_http_options *o = &s->options;
    if (place->is_http && !o->allow_http)
        return ""; /* plain http was granted for this machine only: no proxy may carry it away */
    const char *set = place->is_http ? o->proxy_http : o->proxy_https;
    if (!o->proxy_from_env)
        return set || (!o->proxy_http && !o->proxy_https) ? set : ""; /* a setting for one scheme speaks for both */
    /* libcurl reads HTTPS_PROXY, https_proxy and http_proxy, but not HTTP_PROXY: a web server may have made that one of a
     * request header, which is the case only where REQUEST_METHOD is set. */
    if (place->is_http && !getenv("http_proxy") && !getenv("REQUEST_METHOD"))
        return getenv("HTTP_PROXY");
    return NULL;
}
