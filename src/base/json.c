/*
 * json.c: the only room where cJSON lives, and it only reads. Its nodes come from the arena of the parse under way in
 * this thread: no node is freed one by one, which makes it five times as fast on large answers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include <cjson/cJSON.h>
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { DEEPEST = 100 };

/* The arena of the parse under way in this thread; NULL outside one. */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    ptv_arena *mem;
    bool is_full;
} parse;

static void *allocate(size_t size)
{
    if (!parse.mem)
        return ptv_malloc(size);
    void *p = ptv_arena_alloc(parse.mem, size);
    if (!p)
        parse.is_full = true;
    return p;
}

static void deallocate(void *p)
{
    if (!parse.mem)
        ptv_free(p);
}

static void install_hooks(void)
{
    cJSON_Hooks hooks = { allocate, deallocate };
    cJSON_InitHooks(&hooks);
}

static ptv_code fail_at(ptv_error *err, const char *what, size_t offset)
{
    return ptv_fail_detail(err, PTV_ESHAPE, offset < INT_MAX ? (int)offset : INT_MAX, "%s at byte %zu", what, offset);
}

static bool is_hex4(const char *text)
{
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

/*
 * \u0000 would end a C text early, and cJSON 1.7.15 makes the same of \uZZZZ. A backslash outside a text is an error
 * that cJSON finds; so every one found here starts an escape.
 */
static ptv_code check_escapes(const char *text, size_t len, size_t skipped, ptv_error *err)
{
    const char *end = text + len, *at = text;
    while ((at = memchr(at, '\\', (size_t)(end - at))) && end - at >= 6) {
        if (at[1] == 'u' && !memcmp(at + 2, "0000", 4))
            return fail_at(err, "NUL in JSON", skipped + (size_t)(at - text));
        if (at[1] == 'u' && !is_hex4(at + 2))
            return fail_at(err, "bad JSON", skipped + (size_t)(at - text));
        at += 2;
    }
    return PTV_OK;
}

/* cJSON itself stops at 1,000 levels. Looking at the tree costs a tenth of counting brackets in the text. */
static bool is_too_deep(const cJSON *v, int levels)
{
    if (!(v->type & (cJSON_Array | cJSON_Object)))
        return false;
    if (!levels)
        return true;
    for (v = v->child; v; v = v->next) {
        if (is_too_deep(v, levels - 1))
            return true;
    }
    return false;
}

/* Why a text was refused, now that speed does not matter: `stop` is where cJSON gave up. */
static ptv_code explain(const char *text, size_t len, size_t stop, size_t skipped, ptv_error *err)
{
    int depth = 0;
    bool in_text = false;
    size_t text_start = 0;
    for (size_t i = 0; i < len; i++) {
        if (in_text && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_text = !in_text;
            text_start = i;
        } else if (!in_text) {
            depth += (text[i] == '[' || text[i] == '{') - (text[i] == ']' || text[i] == '}');
            if (depth > DEEPEST)
                return fail_at(err, "JSON nests over 100 levels", skipped + i);
        }
    }
    bool ends_early = in_text ? stop >= text_start : depth > 0 && stop + 1 >= len;
    static const char *const words[] = { "true", "false", "null" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ends_early = ends_early || (len - stop < strlen(words[i]) && !memcmp(words[i], text + stop, len - stop));
    return ends_early ? fail_at(err, "JSON ends", skipped + len) : fail_at(err, "bad JSON", skipped + stop);
}

static bool is_json_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The first control character that JSON has no place for: cJSON takes all of them for blanks, and keeps them in texts. */
static const char *find_control(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint64_t some[4], low = 0; /* 32 bytes at once: nearly never is one of them under 0x20 */
        while (!low && len - at >= sizeof some) {
            memcpy(some, text + at, sizeof some);
            for (size_t i = 0; i < 4; i++)
                low |= (some[i] - UINT64_C(0x2020202020202020)) & ~some[i] & UINT64_C(0x8080808080808080);
            at += low ? 0 : sizeof some;
        }
        for (size_t end = len - at < sizeof some ? len : at + sizeof some; at < end; at++)
            if ((unsigned char)text[at] < 0x20 && !is_json_blank(text[at]))
                return text + at;
    }
    return NULL;
}

static ptv_code check_bytes(const char *text, size_t len, size_t skipped, ptv_error *err)
{
    const char *bad = find_control(text, len);
    if (bad)
        return fail_at(err, *bad ? "control character in JSON" : "NUL in JSON", skipped + (size_t)(bad - text));
    size_t good = ptv_utf8_prefix(text, len);
    if (good < len)
        return fail_at(err, "JSON is not UTF-8", skipped + good);
    return check_escapes(text, len, skipped, err);
}

ptv_code ptv_json_parse(const ptv_json **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    static pthread_once_t hooked = PTHREAD_ONCE_INIT;
    pthread_once(&hooked, install_hooks);

    size_t skipped = len >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (len > skipped && is_json_blank(text[len - 1]))
        len--;
    while (skipped < len && is_json_blank(text[skipped]))
        skipped++;
    text += skipped;
    len -= skipped;
    if (!len)
        return fail_at(err, "JSON ends", skipped);
    ptv_code rc = check_bytes(text, len, skipped, err);
    if (rc)
        return rc;

    const char *stop = text;
    parse.mem = mem;
    parse.is_full = false;
    const cJSON *tree = cJSON_ParseWithLengthOpts(text, len, &stop, false);
    parse.mem = NULL;
    if (!tree && parse.is_full)
        return ptv_arena_fail(mem, err);
    size_t offset = (size_t)(stop - text);
    if (!tree || is_too_deep(tree, DEEPEST))
        return explain(text, len, offset, skipped, err);
    while (offset < len && is_json_blank(text[offset]))
        offset++;
    if (offset < len)
        return fail_at(err, "text after the JSON value", skipped + offset);
    *out = tree;
    return PTV_OK;
}

ptv_json_kind ptv_json_kind_of(const ptv_json *v)
{
    switch (v ? v->type & 0xFF : cJSON_NULL) {
    case cJSON_False:
    case cJSON_True:
        return PTV_JSON_BOOL;
    case cJSON_Number:
        return PTV_JSON_NUMBER;
    case cJSON_String:
        return PTV_JSON_TEXT;
    case cJSON_Array:
        return PTV_JSON_LIST;
    case cJSON_Object:
        return PTV_JSON_OBJECT;
    default:
        return PTV_JSON_NULL;
    }
}

const char *ptv_json_kind_name(ptv_json_kind k)
{
    static const char *const names[] = { "null", "a boolean", "a number", "a text", "a list", "an object" };
    return names[k];
}

const ptv_json *ptv_json_find(const ptv_json *object, const char *key)
{
    if (ptv_json_kind_of(object) != PTV_JSON_OBJECT)
        return NULL;
    const cJSON *item = object->child;
    while (item && strcmp(item->string, key) != 0)
        item = item->next;
    return item;
}

const ptv_json *ptv_json_first(const ptv_json *container)
{
    return container ? container->child : NULL;
}

const ptv_json *ptv_json_next(const ptv_json *item)
{
    return item->next;
}

const char *ptv_json_key(const ptv_json *item)
{
    return item->string;
}

size_t ptv_json_size(const ptv_json *container)
{
    size_t size = 0;
    for (const ptv_json *item = ptv_json_first(container); item; item = item->next)
        size++;
    return size;
}

const char *ptv_json_text(const ptv_json *v)
{
    return ptv_json_kind_of(v) == PTV_JSON_TEXT ? v->valuestring : NULL;
}

bool ptv_json_number(double *out, const ptv_json *v)
{
    if (ptv_json_kind_of(v) != PTV_JSON_NUMBER || !isfinite(v->valuedouble))
        return false;
    *out = v->valuedouble;
    return true;
}

bool ptv_json_bool(bool *out, const ptv_json *v)
{
    if (ptv_json_kind_of(v) != PTV_JSON_BOOL)
        return false;
    *out = (v->type & 0xFF) == cJSON_True;
    return true;
}
