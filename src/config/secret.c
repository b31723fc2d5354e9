/*
 * secret.c: $NAME and ${NAME} in settings: mounted secrets, then the environment, else the text stays as it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "config/secret.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/jwe.h"
#include "base/text.h"

#define SECRET_LIMIT 65536
#define FOLDER       "/etc/secrets"
#define KEY_FILE     ".jwk/key.jwk"

static bool in_app_host(void)
{
    bool is_on = false;
    const char *text = getenv("APP_HOST_CONTAINER");
    return text && ptv_bool_parse(&is_on, text) && is_on;
}

/* A name that can be a file in the folder and nowhere else. */
static bool is_file_name(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/');
}

/* Put what the token holds in its place. The key lies beside the secrets. */
static ptv_code open_protected(ptv_buf *text, size_t len, ptv_arena *mem, const char *folder, ptv_error *err)
{
    if (!in_app_host())
        return ptv_fail(err, PTV_ESETTINGS, "is a protected secret (JWE); these are opened where APP_HOST_CONTAINER = 1");
    const char *path = ptv_path_join(mem, folder, KEY_FILE);
    if (!path)
        return ptv_arena_fail(mem, err);
    ptv_buf key = PTV_BUF(SECRET_LIMIT), clear = PTV_BUF(SECRET_LIMIT);
    ptv_code rc = ptv_file_read(&key, path, err);
    if (rc)
        ptv_wrap(err, "its key %s", path);
    else
        rc = ptv_jwe_open(&clear, text->data, len, key.len ? key.data : "", key.len, err);
    if (!rc) {
        ptv_buf_clear(text);
        ptv_buf_append(text, clear.len ? clear.data : "", clear.len);
        rc = ptv_buf_check(text, err);
    }
    ptv_buf_release(&key);
    ptv_buf_release(&clear);
    if (rc == PTV_EIO || rc == PTV_ESHAPE)
        err->code = rc = PTV_ESETTINGS;
    return rc;
}

static ptv_code read_mounted(const char **value, ptv_arena *mem, const char *folder, const char *path, const char *name,
                             ptv_error *err)
{
    ptv_buf text = PTV_BUF(SECRET_LIMIT);
    ptv_code rc = ptv_file_read(&text, path, err);
    if (rc == PTV_EIO)
        err->code = rc = PTV_ESETTINGS;
    if (rc)
        goto out;
    size_t line = text.len ? strcspn(text.data, "\r\n") : 0;
    if (line && ptv_jwe_looks_like(text.data, line)) {
        rc = open_protected(&text, line, mem, folder, err);
        if (rc)
            goto out;
    } else {
        while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
            text.data[--text.len] = '\0';
    }
    const char *bytes = text.len ? text.data : "";
    if (strlen(bytes) != text.len)
        rc = ptv_fail(err, PTV_ESETTINGS, "holds a NUL byte");
    else if (!(*value = ptv_arena_strndup(mem, bytes, text.len)))
        rc = ptv_arena_fail(mem, err);
out:
    ptv_buf_release(&text);
    return rc ? ptv_wrap(err, "secret %s", name) : PTV_OK;
}

ptv_code ptv_secret_find(const char **value, bool *mounted, ptv_arena *mem, const char *name, size_t len, ptv_error *err)
{
    *value = NULL;
    *mounted = false;
    char *own = ptv_arena_strndup(mem, name, len);
    if (!own)
        return ptv_arena_fail(mem, err);
    const char *folder = getenv("PTVERDICT_SECRETS");
    if (!folder || !*folder)
        folder = FOLDER;
    if (is_file_name(own)) {
        char *path = ptv_path_join(mem, folder, own);
        if (!path)
            return ptv_arena_fail(mem, err);
        if (ptv_is_file(path)) {
            *mounted = true;
            return read_mounted(value, mem, folder, path, own, err);
        }
    }
    if (*own)
        *value = getenv(own);
    if (*value && !(*value = ptv_arena_strdup(mem, *value)))
        return ptv_arena_fail(mem, err);
    return PTV_OK;
}

ptv_code ptv_secret_expand(const char **out, bool *secret, ptv_arena *mem, const char *value, ptv_error *err)
{
    const char *opening = strstr(value, "${") ? "${" : *value == '$' ? "$" : NULL;
    *secret = false;
    if (!opening) {
        *out = value;
        return PTV_OK;
    }
    ptv_buf text = PTV_BUF(8u << 20);
    ptv_code rc = PTV_OK;
    const char *p = value;
    for (const char *at; !rc && (at = strstr(p, opening));) {
        const char *name = at + strlen(opening);
        const char *end = name + strcspn(name, "}");
        const char *found;
        bool mounted;
        rc = ptv_secret_find(&found, &mounted, mem, name, (size_t)(end - name), err);
        if (rc)
            break;
        *secret = *secret || mounted;
        const char *next = *end ? end + 1 : end;
        ptv_buf_append(&text, p, (size_t)(at - p));
        if (found)
            ptv_buf_puts(&text, found);
        else
            ptv_buf_append(&text, at, (size_t)(next - at));
        p = next;
    }
    ptv_buf_puts(&text, p);
    if (!rc)
        rc = ptv_buf_check(&text, err);
    if (!rc && !(*out = ptv_arena_strndup(mem, text.len ? text.data : "", text.len)))
        rc = ptv_arena_fail(mem, err);
    ptv_buf_release(&text);
    return rc;
}
